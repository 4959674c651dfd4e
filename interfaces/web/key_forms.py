"""Making a key, and what one does to it: change it, let another take its place, end it.

A secret is in the answer to the form that made it and nowhere else.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from application.keys import ChangeKey, CreateKey, DeactivateKey, RotateKey, key_of_account
from domain import key_secret, limits
from domain.api_key import ApiKey
from domain.permissions import Action
from domain.times import time_text
from interfaces.http.keys import Deactivation, KeyChange, NewKey, Rotation
from interfaces.http.parameters import parameter
from interfaces.http.representations import holds_secret
from interfaces.http.requests import path_uuid
from interfaces.web.form_page import Filled, FormPage, S
from interfaces.web.forms import parse, whole_number
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    import falcon

    from application.admin import AdminCommand
    from interfaces.web.forms import Form
    from interfaces.web.page import PageContext

EXPIRIES: Final = {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year", "date": "On a date"}
OVERLAPS: Final = {
    "0": "Now: it ends as the new one begins",
    "900": "After 15 minutes",
    "3600": "After an hour",
    "21600": "After 6 hours",
    "86400": "After 24 hours",
}
_OVERLAP_DEFAULT: Final = "86400"


class _KeyForm(FormPage[S]):
    """What the forms of keys have in common. A field named like a property of forms would hide that from scripts."""

    tab, action = "keys", Action.WRITE_KEYS
    fields: ClassVar[Mapping[str, str]] = {"expires_at": "date", "limit": "rate_limit", "overlap_seconds": "overlap"}

    def _make(
        self, req: falcon.Request, resp: falcon.Response, context: PageContext, command: CreateKey | RotateKey
    ) -> None:
        """Make a key, and answer with its secret; to a form that was sent before, with where the key is."""
        outcome = self._execute(resp, command)
        key = self._get(ApiKey, outcome.resource_id)
        if outcome.replayed:
            self._show(req, resp, context, "key_made_before.html", status=409, key=key, rotated=False)
            return
        holds_secret(resp)
        self._show(
            req,
            resp,
            context,
            "key_made.html",
            key=key,
            replaces=self._get(ApiKey, command.key_id) if isinstance(command, RotateKey) else None,
            secret=command.secret.text,
            flow_id=key.flow_id or self._some_flow_id(context),
        )

    def _some_flow_id(self, context: PageContext) -> UUID | None:
        """Return a process of the account that the lines to paste can name."""
        found, _ = self._services.processes.page(context.account_id, PageRequest(1), retired=False)
        return found[0].flow_id if found else None


class NewKeyPage(_KeyForm[None]):
    path = "/accounts/{account_id}/keys/new"
    template = "key_new.html"

    def _subject(self, context: PageContext, **ids: str) -> None:
        """Return nothing: there is none yet."""

    def _fresh(self, subject: None) -> dict[str, str]:
        return {"name": "", "flow_id": "", "expires": "", "date": "", "rate_limit": str(limits.RATE_LIMIT_DEFAULT)}

    def _asked_for(self, req: falcon.Request) -> dict[str, str]:
        return {"flow_id": parameter(req, "scope") or ""}

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[None]) -> None:
        form = filled.form
        body = parse(
            NewKey,
            name=form["name"],
            flow_id=form["flow_id"].strip() or None,
            expires_at=self._expires_at(form),
            limit=whole_number(form["rate_limit"]),
        )
        command = CreateKey(
            by=filled.context.account_caller,
            idempotency=filled.once,
            secret=key_secret.generate(),
            name=body.name,
            flow_id=body.flow_id,
            expires_at=body.expires_at,
            limit=limits.RATE_LIMIT_DEFAULT if body.limit is None else body.limit,
        )
        if not form.errors:
            self._make(req, resp, filled.context, command)

    def _expires_at(self, form: Form) -> str | None:
        """Return when the key is to expire, as the API has it; on a date it ends with that day in UTC."""
        chosen = form["expires"]
        if chosen not in EXPIRIES:
            form.refuse("must be one of the choices", "expires")
            return None
        if chosen == "date":
            return _end_of_day(form, "date")
        return time_text(self._services.clock() + timedelta(days=int(chosen))) if chosen else None

    def _values(self, filled: Filled[None]) -> dict[str, Any]:
        return {"expiries": EXPIRIES, **self._choosable_processes(filled.context, retired=False)}


class _FormOfOne(_KeyForm[ApiKey]):
    """A form about a key that there is."""

    def _subject(self, context: PageContext, **ids: str) -> ApiKey:
        return key_of_account(self._get(ApiKey, path_uuid(ids["key_id"])), context.account_id)

    def _back(self, filled: Filled[ApiKey]) -> str:
        return f"{filled.context.base}/keys/{filled.subject.id}"

    def _values(self, filled: Filled[ApiKey]) -> dict[str, Any]:
        return {"key": filled.subject}


class ChangeKeyPage(_FormOfOne):
    """Its name, its limit, an end that comes sooner."""

    path = "/accounts/{account_id}/keys/{key_id}/change"
    template = "key_change.html"

    def _fresh(self, subject: ApiKey) -> dict[str, str]:
        date = "" if subject.expires_at is None else f"{subject.expires_at:%Y-%m-%d}"
        return {"name": subject.name, "rate_limit": str(subject.limit), "date": date}

    def _command(self, filled: Filled[ApiKey]) -> AdminCommand:
        form, key, expires_at = filled.form, filled.subject, None
        # A day that stands as it was is the same instant, not the end of that day.
        if form["date"] != self._fresh(key)["date"]:
            if form["date"]:
                expires_at = _end_of_day(form, "date")
            else:
                form.refuse("can't be taken away again: a key ends no later than it was said to", "date")
        limit = whole_number(form["rate_limit"])
        if limit is None:
            form.refuse("is required", "rate_limit")
        body = parse(KeyChange, name=form["name"], limit=limit, expires_at=expires_at)
        return ChangeKey(
            by=filled.context.account_caller,
            key_id=key.id,
            name=body.name,
            limit=body.limit,
            expires_at=body.expires_at,
        )


class RotateKeyPage(_FormOfOne):
    path = "/accounts/{account_id}/keys/{key_id}/rotate"
    template = "key_rotate.html"

    def _fresh(self, subject: ApiKey) -> dict[str, str]:
        return {"overlap": _OVERLAP_DEFAULT}

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[ApiKey]) -> None:
        context, key = filled.context, filled.subject
        body = parse(Rotation, overlap_seconds=whole_number(filled.form["overlap"]))
        if key.rotated_to is not None:
            successor = self._get(ApiKey, key.rotated_to)
            self._show(req, resp, context, "key_made_before.html", status=409, key=successor, rotated=True)
            return
        command = RotateKey(
            by=context.account_caller,
            idempotency=filled.once,
            key_id=key.id,
            secret=key_secret.generate(),
            overlap=timedelta(seconds=body.overlap_seconds),
        )
        self._make(req, resp, context, command)

    def _values(self, filled: Filled[ApiKey]) -> dict[str, Any]:
        return super()._values(filled) | {"overlaps": OVERLAPS}


class DeactivateKeyPage(_FormOfOne):
    """The name is typed, so that it is this one that is meant."""

    path = "/accounts/{account_id}/keys/{key_id}/deactivate"
    template = "key_deactivate.html"

    def _fresh(self, subject: ApiKey) -> dict[str, str]:
        return {"reason": "", "typed_name": ""}

    def _command(self, filled: Filled[ApiKey]) -> AdminCommand:
        form, key = filled.form, filled.subject
        if " ".join(form["typed_name"].split()) != " ".join(key.name.split()):
            form.refuse("must be the name of the key", "typed_name")
        body = parse(Deactivation, reason=form["reason"].strip() or None)
        return DeactivateKey(
            by=filled.context.account_caller, idempotency=filled.once, key_id=key.id, reason=body.reason
        )


def _end_of_day(form: Form, name: str) -> str | None:
    """Return the last second, in UTC, of the day in a field; None, and an error beside it, for what is no day."""
    try:
        day = datetime.fromisoformat(form[name].strip()).date()
    except ValueError:
        form.refuse("must be a day, as in 2026-03-10", name)
        return None
    return time_text(datetime.combine(day, time(23, 59, 59), UTC))
