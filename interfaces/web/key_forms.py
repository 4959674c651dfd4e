"""What one does to a key: change it, let another take its place, end it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from application.keys import ChangeKey, DeactivateKey, RotateKey, key_of_account
from domain import key_secret
from domain.api_key import ApiKey
from domain.errors import FieldError
from domain.permissions import Action
from interfaces.http.keys import Deactivation, KeyChange, Rotation
from interfaces.http.presenters import key_resource
from interfaces.http.requests import path_uuid
from interfaces.web.form_page import Filled, FormPage
from interfaces.web.forms import whole_number
from interfaces.web.made_key import MadeKeyPage
from interfaces.web.new_key import end_of_day

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from application.admin import AdminCommand, Outcome
    from interfaces.web.forms import Form
    from interfaces.web.page import Visit

OVERLAPS: Final = {
    "0": "Now: it ends as the new one begins",
    "900": "After 15 minutes",
    "3600": "After an hour",
    "21600": "After 6 hours",
    "86400": "After 24 hours",
}
_OVERLAP_DEFAULT = "86400"
_FIELDS: Final = {"expires_at": "date", "limit": "rate_limit"}


class _KeyForm(FormPage[ApiKey], MadeKeyPage):
    """A form about a key."""

    tab, action = "keys", Action.WRITE_KEYS

    def _subject(self, visit: Visit, **ids: str) -> ApiKey:
        return key_of_account(self._get(ApiKey, path_uuid(ids["key_id"])), visit.account_id)

    def _next(self, filled: Filled[ApiKey], outcome: Outcome) -> str:
        return f"{filled.visit.base}/keys/{filled.subject.id}"

    def _values(self, filled: Filled[ApiKey]) -> dict[str, Any]:
        return {"key": key_resource(filled.subject, self._services.clock())}


class ChangeKeyPage(_KeyForm):
    """`/accounts/{account_id}/keys/{key_id}/change`: its name, its limit, an end that comes sooner."""

    template = "key_change.html"
    fields = _FIELDS

    def _fresh(self, subject: ApiKey) -> dict[str, str]:
        date = "" if subject.expires_at is None else f"{subject.expires_at:%Y-%m-%d}"
        return {"name": subject.name, "rate_limit": str(subject.limit), "date": date}

    def _command(self, filled: Filled[ApiKey]) -> AdminCommand | None:
        body = _change_of(filled.form, self._fresh(filled.subject))
        if body is None:
            return None
        return ChangeKey(
            by=filled.visit.account_caller,
            key_id=filled.subject.id,
            name=body.name,
            limit=body.limit,
            expires_at=body.expires_at,
        )


def _change_of(form: Form, was: dict[str, str]) -> KeyChange | None:
    """Return what was changed in the form; a day that stands as it was is the same instant, not the end of that day."""
    body: dict[str, Any] = {"name": form["name"], "limit": whole_number(form["rate_limit"])}
    if form["date"] != was["date"]:
        if form["date"]:
            body["expires_at"] = end_of_day(form, "date")
        else:
            form.add_errors([FieldError("date", "can't be taken away again: a key ends no later than it was said to")])
    if body["limit"] is None:
        form.add_errors([FieldError("rate_limit", "is required")])
    parsed = form.parse(KeyChange, body, _FIELDS)
    return None if form.errors else parsed


class RotateKeyPage(_KeyForm):
    """`/accounts/{account_id}/keys/{key_id}/rotate`."""

    template = "key_rotate.html"

    def _fresh(self, subject: ApiKey) -> dict[str, str]:
        return {"overlap": _OVERLAP_DEFAULT}

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str | None = None, **ids: str) -> None:
        """Make the key that takes its place, and show it, this once."""
        visit, form = self._form(req, account_id, self.action)
        key = self._subject(visit, **ids)
        filled = Filled(visit, key, form, req.context.body_digest)
        form.values.setdefault("overlap", "")
        if form.resumed:
            self._ask(req, resp, filled)
            return
        body = form.parse(Rotation, {"overlap_seconds": whole_number(form["overlap"])}, {"overlap_seconds": "overlap"})
        if body is None:
            self._ask(req, resp, filled, status=422)
            return
        secret = key_secret.generate()
        command = RotateKey(
            by=visit.account_caller,
            idempotency=filled.once,
            key_id=key.id,
            secret=secret,
            overlap=timedelta(seconds=body.overlap_seconds),
        )
        if key.rotated_to is not None:
            self._show_successor(req, resp, visit, key.rotated_to)
            return
        outcome = self._carry_out(resp, command, form)
        if outcome is None:
            self._ask(req, resp, filled, status=422)
        else:
            self._show_made(req, resp, visit, outcome, secret, replaces=key)

    def _show_successor(self, req: falcon.Request, resp: falcon.Response, visit: Visit, key_id: UUID) -> None:
        key = key_resource(self._get(ApiKey, key_id), self._services.clock())
        self._show(req, resp, visit, "key_made_before.html", status=409, tab="keys", key=key, rotated=True)

    def _values(self, filled: Filled[ApiKey]) -> dict[str, Any]:
        return super()._values(filled) | {"overlaps": OVERLAPS}


class DeactivateKeyPage(_KeyForm):
    """`/accounts/{account_id}/keys/{key_id}/deactivate`: the name is typed, so that it is this one that is meant."""

    template = "key_deactivate.html"

    def _fresh(self, subject: ApiKey) -> dict[str, str]:
        return {"reason": "", "typed_name": ""}

    def _command(self, filled: Filled[ApiKey]) -> AdminCommand | None:
        form, key = filled.form, filled.subject
        body = form.parse(Deactivation, {"reason": form["reason"].strip() or None})
        if " ".join(form["typed_name"].split()) != " ".join(key.name.split()):
            form.add_errors([FieldError("typed_name", "must be the name of the key")])
        if body is None:
            return None
        return DeactivateKey(by=filled.visit.account_caller, idempotency=filled.once, key_id=key.id, reason=body.reason)
