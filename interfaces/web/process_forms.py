"""What is done with processes: register, rename, retire, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from application.accounts import ChangeProcess, RegisterProcess
from application.admin import IdempotentRequest
from domain.errors import AlreadyCreatedError, FieldError, InvalidInputError
from domain.ids import process_id
from domain.permissions import Action
from domain.process import Process
from interfaces.http.accounts import NewProcess, ProcessChange, new_flow_id
from interfaces.http.parameters import parameter
from interfaces.http.requests import path_uuid
from interfaces.web.forms import Form
from interfaces.web.page import Page, go_to

if TYPE_CHECKING:
    import falcon

    from application.admin import AdminCommand, Outcome
    from interfaces.web.page import Visit

_START = "start"
"""What `next` says to those who came from the start page, and go back there."""


class NewProcessPage(Page):
    """`/accounts/{account_id}/processes/new`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show the form."""
        visit = self._visit(req, account_id, Action.WRITE_PROCESSES)
        self._ask(req, resp, visit, Form({"name": "", "flow_id": "", "next": parameter(req, "next") or ""}))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Register the process; the same form again leads to the same process."""
        visit, form = self._form(req, account_id, Action.WRITE_PROCESSES)
        for name in ("name", "flow_id", "next"):
            form.values.setdefault(name, "")
        body = None
        if not form.resumed:
            body = form.parse(NewProcess, {"name": form["name"], "flow_id": form["flow_id"].strip() or None})
        outcome = None
        if body is not None:
            idempotency = IdempotentRequest(form.once, req.context.body_digest)
            flow_id = body.flow_id or new_flow_id(visit.account_id, visit.caller.actor, idempotency)
            command = RegisterProcess(by=visit.account_caller, idempotency=idempotency, flow_id=flow_id, name=body.name)
            outcome = self._carry_out(resp, command, form)
        if outcome is None:
            self._ask(req, resp, visit, form, status=200 if form.resumed else 422)
        elif form["next"] == _START:
            go_to(resp, f"{visit.base}/start")
        else:
            go_to(resp, _list_of(visit, self._get(Process, outcome.resource_id)))

    def _execute(self, resp: falcon.Response, command: AdminCommand) -> Outcome:
        try:
            return super()._execute(resp, command)
        except AlreadyCreatedError:
            message = "is the flow_id of another process of this account"
            raise InvalidInputError([FieldError("/flow_id", message)]) from None

    def _ask(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, *, status: int = 200) -> None:
        back = f"{visit.base}/start" if form["next"] == _START else f"{visit.base}/processes"
        self._show(req, resp, visit, "process_new.html", status=status, tab="processes", form=form, back=back)


class _ProcessForm(Page):
    """A form that changes one process. retired: what it makes of it; None where the form asks for a name."""

    template: ClassVar[str]
    retired: ClassVar[bool | None] = None

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, flow_id: str) -> None:
        """Show the form."""
        visit = self._visit(req, account_id, Action.WRITE_PROCESSES)
        process = self._process(visit, flow_id)
        self._ask(req, resp, visit, process, Form({"name": process.name}))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, flow_id: str) -> None:
        """Change the process, and go to the list."""
        visit, form = self._form(req, account_id, Action.WRITE_PROCESSES)
        process = self._process(visit, flow_id)
        form.values.setdefault("name", "")
        body = {"name": form["name"]} if self.retired is None else {"retired": self.retired}
        change = None if form.resumed else form.parse(ProcessChange, body)
        outcome = None
        if change is not None:
            command = ChangeProcess(
                by=visit.account_caller, flow_id=process.flow_id, name=change.name, retired=change.retired
            )
            outcome = self._carry_out(resp, command, form)
        if outcome is None:
            self._ask(req, resp, visit, process, form, status=200 if form.resumed else 422)
        else:
            go_to(resp, _list_of(visit, process))

    def _process(self, visit: Visit, flow_id: str) -> Process:
        return self._get(Process, process_id(visit.account_id, path_uuid(flow_id)))

    def _ask(  # noqa: PLR0913 - what a page needs
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        process: Process,
        form: Form,
        *,
        status: int = 200,
    ) -> None:
        self._show(req, resp, visit, self.template, status=status, tab="processes", form=form, process=process)


class RenameProcessPage(_ProcessForm):
    """`/accounts/{account_id}/processes/{flow_id}/rename`."""

    template = "process_rename.html"


class RetireProcessPage(_ProcessForm):
    """`/accounts/{account_id}/processes/{flow_id}/retire`."""

    template = "process_retire.html"
    retired = True


class RestoreProcessPage(_ProcessForm):
    """`/accounts/{account_id}/processes/{flow_id}/restore`."""

    template = "process_restore.html"
    retired = False


def _list_of(visit: Visit, process: Process) -> str:
    """Return the path of the list, which says above it how the process is now: it may be on another page of it."""
    return f"{visit.base}/processes?about={process.flow_id}"
