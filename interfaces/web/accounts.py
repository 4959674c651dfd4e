"""The accounts that one may enter; opening, renaming, suspending and resuming them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from application.accounts import OpenAccount, RenameAccount, ResumeAccount, SuspendAccount
from domain.account import Account
from domain.errors import NotFoundError
from domain.permissions import Action
from interfaces.http.accounts import NewAccount, Suspension
from interfaces.http.parameters import parameter
from interfaces.web.form_page import Filled, FormPage, PlainFormPage
from interfaces.web.forms import parse
from interfaces.web.page import ViewPage
from projections.paging import PageRequest

if TYPE_CHECKING:
    import falcon

    from application.admin import AdminCommand, Outcome
    from interfaces.web.page import PageContext


class AccountsPage(ViewPage):
    """One page of them, by name."""

    path = "/accounts"
    template, parameters = "accounts.html", ("cursor",)

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        found, next_cursor = self._services.accounts.of_user(
            context.session.user.user_id, self._services.tenant_id, PageRequest(cursor=parameter(req, "cursor"))
        )
        return {"found": found, "next_cursor": next_cursor}


class NewAccountPage(PlainFormPage):
    path = "/accounts/new"
    template, action = "account_new.html", Action.OPEN_ACCOUNT

    def _fresh(self, subject: None) -> dict[str, str]:
        return {"name": ""}

    def _command(self, filled: Filled[None]) -> AdminCommand:
        body = parse(NewAccount, name=filled.form["name"])
        return OpenAccount(by=filled.context.caller, idempotency=filled.once, new_account_id=uuid4(), name=body.name)

    def _back(self, filled: Filled[None]) -> str:
        return "/accounts"

    def _next(self, filled: Filled[None], outcome: Outcome) -> str:
        return f"/accounts/{outcome.resource_id}"


class _AccountForm(FormPage[Account]):
    """A form about an account."""

    tab = "members"

    def _subject(self, context: PageContext, **ids: str) -> Account:
        if context.account is None:
            raise NotFoundError
        return context.account


class RenameAccountPage(_AccountForm):
    path = "/accounts/{account_id}/rename"
    template, action = "account_rename.html", Action.WRITE_ACCOUNT

    def _fresh(self, subject: Account) -> dict[str, str]:
        return {"name": subject.name}

    def _command(self, filled: Filled[Account]) -> AdminCommand:
        body = parse(NewAccount, name=filled.form["name"])
        return RenameAccount(by=filled.context.account_caller, idempotency=filled.once, name=body.name)


class SuspendAccountPage(_AccountForm):
    path = "/accounts/{account_id}/suspend"
    template, action = "account_suspend.html", Action.SUSPEND_ACCOUNT

    def _fresh(self, subject: Account) -> dict[str, str]:
        return {"reason": ""}

    def _command(self, filled: Filled[Account]) -> AdminCommand:
        body = parse(Suspension, reason=filled.form["reason"].strip() or None)
        return SuspendAccount(by=filled.context.account_caller, idempotency=filled.once, reason=body.reason)


class ResumeAccountPage(_AccountForm):
    path = "/accounts/{account_id}/resume"
    template, action = "account_resume.html", Action.SUSPEND_ACCOUNT

    def _command(self, filled: Filled[Account]) -> AdminCommand:
        return ResumeAccount(by=filled.context.account_caller, idempotency=filled.once)
