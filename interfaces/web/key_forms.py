"""What one does to a key: change it, let another take its place, end it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from application.admin import IdempotentRequest
from application.keys import ChangeKey, DeactivateKey, RotateKey, key_of_account
from domain import key_secret
from domain.api_key import ApiKey
from domain.errors import FieldError
from domain.permissions import Action
from interfaces.http.keys import Deactivation, KeyChange, Rotation
from interfaces.http.presenters import key_resource
from interfaces.http.requests import path_uuid
from interfaces.web.forms import Form, whole_number
from interfaces.web.made_key import MadeKeyPage
from interfaces.web.new_key import end_of_day
from interfaces.web.page import go_to

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from interfaces.web.page import Visit

OVERLAPS: Final = {
    "0": "Now: it ends as the new one begins",
    "900": "After 15 minutes",
    "3600": "After an hour",
    "21600": "After 6 hours",
    "86400": "After 24 hours",
}
_OVERLAP_DEFAULT = "86400"


class _KeyForm(MadeKeyPage):
    """A form about a key. template: its page. fresh: what stands in it at first."""

    template: str

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """Show the form."""
        visit = self._visit(req, account_id, Action.WRITE_KEYS)
        key = self._key(visit, key_id)
        self._ask(req, resp, visit, key, self._fresh(key))

    def _key(self, visit: Visit, key_id: str) -> ApiKey:
        return key_of_account(self._get(ApiKey, path_uuid(key_id)), visit.account_id)

    def _fresh(self, key: ApiKey) -> Form:
        raise NotImplementedError

    def _ask(  # noqa: PLR0913, PLR0917 - a page, who looks, and a form about a key
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        key: ApiKey,
        form: Form,
        status: int = 200,
        **values: object,
    ) -> None:
        resource = key_resource(key, self._services.clock())
        self._show(req, resp, visit, self.template, status=status, tab="keys", key=resource, form=form, **values)


class ChangeKeyPage(_KeyForm):
    """`/accounts/{account_id}/keys/{key_id}/change`."""

    template = "key_change.html"

    def _fresh(self, key: ApiKey) -> Form:
        date = "" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}"
        return Form({"name": key.name, "rate_limit": str(key.limit), "date": date})

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """Rename it, change its limit, let it expire sooner."""
        visit, form = self._form(req, account_id, Action.WRITE_KEYS)
        key = self._key(visit, key_id)
        body = None if form.resumed else _change_of(form, self._fresh(key))
        if body is not None:
            command = ChangeKey(
                by=visit.account_caller, key_id=key.id, name=body.name, limit=body.limit, expires_at=body.expires_at
            )
            if self._carry_out(resp, command, form, _FIELDS) is not None:
                go_to(resp, f"{visit.base}/keys/{key.id}")
                return
        self._ask(req, resp, visit, key, form, 200 if form.resumed else 422)


_FIELDS: Final = {"expires_at": "date", "limit": "rate_limit"}


def _change_of(form: Form, was: Form) -> KeyChange | None:
    """Return what was changed in the form; a day that stands as it was is the same instant, not the end of that day."""
    for name in was.values:
        form.values.setdefault(name, "")
    body: dict[str, Any] = {"name": form["name"], "limit": whole_number(form["rate_limit"])}
    if form["date"] != was["date"]:
        if form["date"]:
            body["expires_at"] = end_of_day(form, "date")
        else:
            form.add_errors([FieldError("/date", "can't be taken away again: a key ends no later than it was said to")])
    if body["limit"] is None:
        form.add_errors([FieldError("/rate_limit", "is required")])
    parsed = form.parse(KeyChange, body, _FIELDS)
    return None if form.errors else parsed


class RotateKeyPage(_KeyForm):
    """`/accounts/{account_id}/keys/{key_id}/rotate`."""

    template = "key_rotate.html"

    def _fresh(self, key: ApiKey) -> Form:
        del key
        return Form({"overlap": _OVERLAP_DEFAULT})

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """Make the key that takes its place, and show it, this once."""
        visit, form = self._form(req, account_id, Action.WRITE_KEYS)
        key = self._key(visit, key_id)
        form.values.setdefault("overlap", "")
        if form.resumed:
            self._ask(req, resp, visit, key, form)
            return
        body = form.parse(Rotation, {"overlap_seconds": whole_number(form["overlap"])}, {"overlap_seconds": "overlap"})
        if body is None:
            self._ask(req, resp, visit, key, form, 422)
            return
        secret = key_secret.generate()
        command = RotateKey(
            by=visit.account_caller,
            idempotency=IdempotentRequest(form.once, req.context.body_digest),
            key_id=key.id,
            secret=secret,
            overlap=timedelta(seconds=body.overlap_seconds),
        )
        if key.rotated_to is not None:
            self._show_successor(req, resp, visit, key.rotated_to)
            return
        outcome = self._carry_out(resp, command, form)
        if outcome is None:
            self._ask(req, resp, visit, key, form, 422)
        else:
            self._show_made(req, resp, visit, outcome, secret, replaces=key)

    def _show_successor(self, req: falcon.Request, resp: falcon.Response, visit: Visit, key_id: UUID) -> None:
        key = key_resource(self._get(ApiKey, key_id), self._services.clock())
        self._show(req, resp, visit, "key_made_before.html", status=409, tab="keys", key=key, rotated=True)

    def _ask(  # noqa: PLR0913, PLR0917 - as above
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        key: ApiKey,
        form: Form,
        status: int = 200,
        **values: object,
    ) -> None:
        super()._ask(req, resp, visit, key, form, status, overlaps=OVERLAPS, **values)


class DeactivateKeyPage(_KeyForm):
    """`/accounts/{account_id}/keys/{key_id}/deactivate`."""

    template = "key_deactivate.html"

    def _fresh(self, key: ApiKey) -> Form:
        del key
        return Form({"reason": "", "typed_name": ""})

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """End it for good. Its name has to be typed, so that it is this one that is meant."""
        visit, form = self._form(req, account_id, Action.WRITE_KEYS)
        key = self._key(visit, key_id)
        for name in ("reason", "typed_name"):
            form.values.setdefault(name, "")
        if not form.resumed:
            body = form.parse(Deactivation, {"reason": form["reason"].strip() or None})
            if " ".join(form["typed_name"].split()) != " ".join(key.name.split()):
                form.add_errors([FieldError("/typed_name", "must be the name of the key")])
            if body is not None and not form.errors:
                command = DeactivateKey(
                    by=visit.account_caller,
                    idempotency=IdempotentRequest(form.once, req.context.body_digest),
                    key_id=key.id,
                    reason=body.reason,
                )
                if self._carry_out(resp, command, form) is not None:
                    go_to(resp, f"{visit.base}/keys/{key.id}")
                    return
        self._ask(req, resp, visit, key, form, 200 if form.resumed else 422)
