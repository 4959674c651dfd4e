"""Making a key. Its secret is in the answer to the form and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from application.admin import IdempotentRequest
from application.keys import CreateKey
from domain import key_secret, limits
from domain.errors import FieldError
from domain.permissions import Action
from interfaces.http.keys import NewKey
from interfaces.http.parameters import parameter
from interfaces.http.presenters import time_text
from interfaces.web.forms import Form, whole_number
from interfaces.web.made_key import MadeKeyPage

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import Visit

EXPIRIES = {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year", "date": "On a date"}
_FIELDS = {"expires_at": "date", "limit": "rate_limit"}
"""What is called otherwise in the form. A field named like a property of forms would hide that from scripts."""


class NewKeyPage(MadeKeyPage):
    """`/accounts/{account_id}/keys/new`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show the form."""
        visit = self._visit(req, account_id, Action.WRITE_KEYS)
        scope = parameter(req, "scope") or ""
        form = Form(
            {"name": "", "flow_id": scope, "expires": "", "date": "", "rate_limit": str(limits.RATE_LIMIT_DEFAULT)}
        )
        self._ask(req, resp, visit, form)

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Make the key and show it, this once."""
        visit, form = self._form(req, account_id, Action.WRITE_KEYS)
        body = None if form.resumed else self._body_of(form)
        if body is None:
            self._ask(req, resp, visit, form, status=200 if form.resumed else 422)
            return
        secret = key_secret.generate()
        command = CreateKey(
            by=visit.account_caller,
            idempotency=IdempotentRequest(form.once, req.context.body_digest),
            secret=secret,
            name=body.name,
            flow_id=body.flow_id,
            expires_at=body.expires_at,
            limit=limits.RATE_LIMIT_DEFAULT if body.limit is None else body.limit,
        )
        outcome = self._carry_out(resp, command, form, _FIELDS)
        if outcome is None:
            self._ask(req, resp, visit, form, status=422)
        else:
            self._show_made(req, resp, visit, outcome, secret)

    def _body_of(self, form: Form) -> NewKey | None:
        for name in ("name", "flow_id", "expires", "date", "rate_limit"):
            form.values.setdefault(name, "")
        body: dict[str, Any] = {
            "name": form["name"],
            "flow_id": form["flow_id"].strip() or None,
            "expires_at": self._expires_at(form),
            "limit": whole_number(form["rate_limit"]),
        }
        parsed = form.parse(NewKey, body, _FIELDS)
        return None if form.errors else parsed

    def _expires_at(self, form: Form) -> str | None:
        """Return when the key is to expire, as the API has it; on a date it ends with that day in UTC."""
        chosen = form["expires"]
        if chosen not in EXPIRIES:
            form.add_errors([FieldError("expires", "must be one of the choices")])
            return None
        if chosen == "date":
            return end_of_day(form, "date")
        return time_text(self._services.clock() + timedelta(days=int(chosen))) if chosen else None

    def _ask(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, *, status: int = 200) -> None:
        processes, more = self._services.lists.processes(visit.account_id, limits.PAGE_ITEMS_MAX, None, retired=False)
        self._show(
            req,
            resp,
            visit,
            "key_new.html",
            status=status,
            tab="keys",
            form=form,
            expiries=EXPIRIES,
            processes=processes,
            more_processes=more is not None,
        )


def end_of_day(form: Form, name: str) -> str | None:
    """Return the last second, in UTC, of the day in a field; None, and an error beside it, for what is no day."""
    try:
        day = datetime.fromisoformat(form[name].strip()).date()
    except ValueError:
        form.add_errors([FieldError(name, "must be a day, as in 2026-03-10")])
        return None
    return time_text(datetime.combine(day, time(23, 59, 59), UTC))
