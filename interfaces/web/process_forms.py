"""What is done with processes: register, rename, retire, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from application.accounts import ChangeProcess, RegisterProcess
from domain.errors import AlreadyCreatedError, FieldError, InvalidInputError
from domain.ids import process_id
from domain.permissions import Action
from domain.process import Process
from interfaces.http.accounts import NewProcess, ProcessChange, new_flow_id
from interfaces.http.parameters import parameter
from interfaces.http.requests import path_uuid
from interfaces.web.form_page import Filled, FormPage, PlainFormPage
from interfaces.web.forms import parse

if TYPE_CHECKING:
    import falcon

    from application.admin import AdminCommand, Outcome
    from interfaces.web.page import PageContext

_START = "start"
"""Value of `next` for those who came from the start page, and go back there."""


class NewProcessPage(PlainFormPage):
    """The same form again leads to the same process."""

    path = "/accounts/{account_id}/processes/new"
    template, tab, action = "process_new.html", "processes", Action.WRITE_PROCESSES

    def _fresh(self, subject: None) -> dict[str, str]:
        return {"name": "", "flow_id": "", "next": ""}

    def _asked_for(self, req: falcon.Request) -> dict[str, str]:
        return {"next": parameter(req, "next") or ""}

    def _command(self, filled: Filled[None]) -> AdminCommand:
        form = filled.form
        body = parse(NewProcess, name=form["name"], flow_id=form["flow_id"].strip() or None)
        flow_id = body.flow_id or new_flow_id(filled.context.account_id, filled.context.caller.actor, filled.once)
        return RegisterProcess(
            by=filled.context.account_caller, idempotency=filled.once, flow_id=flow_id, name=body.name
        )

    def _execute(self, resp: falcon.Response, command: AdminCommand) -> Outcome:
        try:
            return super()._execute(resp, command)
        except AlreadyCreatedError:
            message = "is the flow_id of another process of this account"
            raise InvalidInputError([FieldError("flow_id", message)]) from None

    def _back(self, filled: Filled[None]) -> str:
        return f"{filled.context.base}/start" if filled.form["next"] == _START else super()._back(filled)

    def _next(self, filled: Filled[None], outcome: Outcome) -> str:
        if filled.form["next"] == _START:
            return self._back(filled)
        return _list_of(filled.context, self._get(Process, outcome.resource_id))


class _ProcessForm(FormPage[Process]):
    """A form that changes one process. retired: what it makes of it; None where the form asks for a name."""

    tab, action = "processes", Action.WRITE_PROCESSES
    retired: ClassVar[bool | None] = None

    def _subject(self, context: PageContext, **ids: str) -> Process:
        return self._get(Process, process_id(context.account_id, path_uuid(ids["flow_id"])))

    def _fresh(self, subject: Process) -> dict[str, str]:
        return {"name": subject.name}

    def _command(self, filled: Filled[Process]) -> AdminCommand:
        name = parse(ProcessChange, name=filled.form["name"]).name if self.retired is None else None
        return ChangeProcess(
            by=filled.context.account_caller, flow_id=filled.subject.flow_id, name=name, retired=self.retired
        )

    def _next(self, filled: Filled[Process], outcome: Outcome) -> str:
        return _list_of(filled.context, filled.subject)

    def _values(self, filled: Filled[Process]) -> dict[str, Any]:
        return {"process": filled.subject}


class RenameProcessPage(_ProcessForm):
    path = "/accounts/{account_id}/processes/{flow_id}/rename"
    template = "process_rename.html"


class RetireProcessPage(_ProcessForm):
    path = "/accounts/{account_id}/processes/{flow_id}/retire"
    template = "process_retire.html"
    retired = True


class RestoreProcessPage(_ProcessForm):
    path = "/accounts/{account_id}/processes/{flow_id}/restore"
    template = "process_restore.html"
    retired = False


def _list_of(context: PageContext, process: Process) -> str:
    """Return the path of the list, which says above it how the process is now: it may be on another page of it."""
    return f"{context.base}/processes?about={process.flow_id}"
