"""The accounts that one may enter; opening, renaming, suspending and resuming them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from application.accounts import OpenAccount, RenameAccount, ResumeAccount, SuspendAccount
from application.admin import AdminCommand, IdempotentRequest
from domain import limits
from domain.permissions import Action
from interfaces.http.accounts import NewAccount, Suspension
from interfaces.http.admin import check_parameters
from interfaces.http.parameters import parameter
from interfaces.http.presenters import account_resource
from interfaces.web.forms import Form
from interfaces.web.page import Page, go_to

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import Visit


class AccountsPage(Page):
    """`/accounts`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show one page of them, by name."""
        visit = self._visit(req)
        check_parameters(req, "cursor")
        cursor = parameter(req, "cursor") or None
        found, next_cursor = self._services.lists.accounts_of(
            visit.session.user.user_id, self._services.tenant_id, limits.PAGE_ITEMS_DEFAULT, cursor
        )
        self._show(
            req,
            resp,
            visit,
            "accounts.html",
            tab="",
            found=found,
            next_cursor=next_cursor,
            is_first=cursor is None,
        )


class NewAccountPage(Page):
    """`/accounts/new`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the form."""
        visit = self._visit(req, action=Action.OPEN_ACCOUNT)
        self._ask(req, resp, visit, Form({"name": ""}))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Open the account, and go on to it."""
        visit, form = self._form(req, action=Action.OPEN_ACCOUNT)
        form.values.setdefault("name", "")
        body = None if form.resumed else form.parse(NewAccount, {"name": form["name"]})
        if body is not None:
            command = OpenAccount(
                by=visit.caller,
                idempotency=IdempotentRequest(form.once, req.context.body_digest),
                new_account_id=uuid4(),
                name=body.name,
            )
            outcome = self._carry_out(resp, command, form)
            if outcome is not None:
                go_to(resp, f"/accounts/{outcome.resource_id}")
                return
        self._ask(req, resp, visit, form, status=200 if form.resumed else 422)

    def _ask(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, *, status: int = 200) -> None:
        self._show(req, resp, visit, "account_new.html", status=status, tab="", form=form)


class _AccountForm(Page):
    """A form about an account. template: its page. action: what one must be allowed to do."""

    template: str
    action: Action

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show the form."""
        visit = self._visit(req, account_id, self.action)
        self._ask(req, resp, visit, self._fresh(visit))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Do it, and go back to where one came from."""
        visit, form = self._form(req, account_id, self.action)
        for name in self._fresh(visit).values:
            form.values.setdefault(name, "")
        if not form.resumed:
            command = self._command(visit, form, IdempotentRequest(form.once, req.context.body_digest))
            if command is not None and self._carry_out(resp, command, form) is not None:
                go_to(resp, f"{visit.base}/members")
                return
        self._ask(req, resp, visit, form, status=200 if form.resumed else 422)

    def _fresh(self, visit: Visit) -> Form:
        """Return what stands in the form at first."""
        del visit
        return Form()

    def _command(self, visit: Visit, form: Form, idempotency: IdempotentRequest) -> AdminCommand | None:
        """Return what the form asks for, or None, and note what is wrong with it."""
        raise NotImplementedError

    def _ask(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, *, status: int = 200) -> None:
        account = account_resource(visit.account) if visit.account else None
        self._show(req, resp, visit, self.template, status=status, tab="members", account=account, form=form)


class RenameAccountPage(_AccountForm):
    """`/accounts/{account_id}/rename`."""

    template, action = "account_rename.html", Action.WRITE_ACCOUNT

    def _fresh(self, visit: Visit) -> Form:
        return Form({"name": visit.account.name if visit.account else ""})

    def _command(self, visit: Visit, form: Form, idempotency: IdempotentRequest) -> AdminCommand | None:
        body = form.parse(NewAccount, {"name": form["name"]})
        return None if body is None else RenameAccount(by=visit.account_caller, idempotency=idempotency, name=body.name)


class SuspendAccountPage(_AccountForm):
    """`/accounts/{account_id}/suspend`."""

    template, action = "account_suspend.html", Action.SUSPEND_ACCOUNT

    def _fresh(self, visit: Visit) -> Form:
        del visit
        return Form({"reason": ""})

    def _command(self, visit: Visit, form: Form, idempotency: IdempotentRequest) -> AdminCommand | None:
        body = form.parse(Suspension, {"reason": form["reason"].strip() or None})
        return (
            None
            if body is None
            else SuspendAccount(by=visit.account_caller, idempotency=idempotency, reason=body.reason)
        )


class ResumeAccountPage(_AccountForm):
    """`/accounts/{account_id}/resume`."""

    template, action = "account_resume.html", Action.SUSPEND_ACCOUNT

    def _command(self, visit: Visit, form: Form, idempotency: IdempotentRequest) -> AdminCommand | None:
        del form
        return ResumeAccount(by=visit.account_caller, idempotency=idempotency)
