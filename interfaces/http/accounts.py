"""Accounts and their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4, uuid5

from pydantic import BaseModel, ConfigDict

from application.access import visible_processes
from application.accounts import (
    ChangeProcess,
    OpenAccount,
    RegisterProcess,
    RenameAccount,
    ResumeAccount,
    SuspendAccount,
)
from domain.account import Account
from domain.permissions import Action
from domain.process import Process
from interfaces.http.admin import (
    AdminResource,
    Name,
    Reason,
    bool_parameter,
    check_parameters,
    idempotent,
    page_parameters,
    send,
    send_page,
)
from interfaces.http.answers.accounts import account_resource
from interfaces.http.requests import path_uuid

if TYPE_CHECKING:
    import falcon

    from application.admin import IdempotentRequest


class NewAccount(BaseModel):
    """The body of `POST /accounts`."""

    model_config = ConfigDict(extra="forbid")
    name: Name


class AccountChange(BaseModel):
    """The body of `PATCH /accounts/{account_id}`; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None


class Suspension(BaseModel):
    """The body of `POST …/suspend`."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason | None = None


class Nothing(BaseModel):
    """The body of a request that says all in its path."""

    model_config = ConfigDict(extra="forbid")


class NewProcess(BaseModel):
    """The body of `POST …/processes`. flow_id: when the RPA tool has one; else one is made."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    flow_id: UUID | None = None


class ProcessChange(BaseModel):
    """The body of `PATCH …/processes/{flow_id}`; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    retired: bool | None = None


class _ShowsAccounts(AdminResource):
    def _show(self, resp: falcon.Response, account_id: UUID, status: int = 200) -> None:
        send(resp, account_resource(self._get(Account, account_id)), status)


class AccountsResource(_ShowsAccounts):
    """`/api/v1/accounts`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the accounts that the caller is a member of."""
        caller = self._caller(req)
        size, cursor = page_parameters(req)
        page = self._services.lists.accounts_of(UUID(caller.actor), caller.tenant_id, size, cursor)
        send_page(req, resp, *page)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Open an account."""
        caller = self._caller(req)
        body = self._body(req, NewAccount, caller, OpenAccount)
        outcome = self._execute(
            resp, OpenAccount(by=caller, idempotency=idempotent(req), new_account_id=uuid4(), name=body.name)
        )
        resp.set_header("Location", f"{req.path}/{outcome.resource_id}")
        self._show(resp, outcome.resource_id, 201)


class AccountResource(_ShowsAccounts):
    """`/api/v1/accounts/{account_id}`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show an account."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_ACCOUNT)
        check_parameters(req)
        self._show(resp, caller.account_id)

    def on_patch(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Rename an account."""
        caller = self._caller(req, account_id)
        body = self._body(req, AccountChange, caller, RenameAccount)
        outcome = self._execute(resp, RenameAccount(by=caller, name=body.name))
        self._show(resp, outcome.resource_id)


class SuspendResource(_ShowsAccounts):
    """`/api/v1/accounts/{account_id}/suspend`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Keep the account's robots out; again changes nothing."""
        caller = self._caller(req, account_id)
        body = self._body(req, Suspension, caller, SuspendAccount)
        outcome = self._execute(resp, SuspendAccount(by=caller, idempotency=idempotent(req), reason=body.reason))
        self._show(resp, outcome.resource_id)


class ResumeResource(_ShowsAccounts):
    """`/api/v1/accounts/{account_id}/resume`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Let the account's robots in again; again changes nothing."""
        caller = self._caller(req, account_id)
        self._body(req, Nothing, caller, ResumeAccount)
        outcome = self._execute(resp, ResumeAccount(by=caller, idempotency=idempotent(req)))
        self._show(resp, outcome.resource_id)


class ProcessesResource(AdminResource):
    """`/api/v1/accounts/{account_id}/processes`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """List the processes that the caller may see."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_PROCESSES)
        size, cursor = page_parameters(req, "retired")
        visible = visible_processes(self._services.event_sourcing, caller)
        retired = bool_parameter(req, "retired")
        page = self._services.lists.processes(caller.account_id, size, cursor, visible=visible, retired=retired)
        send_page(req, resp, *page)

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Register a process."""
        caller = self._caller(req, account_id)
        body = self._body(req, NewProcess, caller, RegisterProcess)
        idempotency = idempotent(req)
        flow_id = body.flow_id or new_flow_id(caller.account_id, caller.actor, idempotency)
        outcome = self._execute(
            resp, RegisterProcess(by=caller, idempotency=idempotency, flow_id=flow_id, name=body.name)
        )
        process = self._get(Process, outcome.resource_id)
        resp.set_header("Location", f"{req.path}/{process.flow_id}")
        send(resp, self._services.lists.process(process), 201)


class ProcessResource(AdminResource):
    """`/api/v1/accounts/{account_id}/processes/{flow_id}`."""

    def on_patch(self, req: falcon.Request, resp: falcon.Response, account_id: str, flow_id: str) -> None:
        """Rename, retire or restore a process."""
        caller = self._caller(req, account_id)
        body = self._body(req, ProcessChange, caller, ChangeProcess)
        outcome = self._execute(
            resp,
            ChangeProcess(by=caller, flow_id=path_uuid(flow_id), name=body.name, retired=body.retired),
        )
        send(resp, self._services.lists.process(self._get(Process, outcome.resource_id)))


def new_flow_id(account_id: UUID, actor: str, idempotency: IdempotentRequest | None) -> UUID:
    """Return the flow id of a process that came without one.

    Two requests at once with one Idempotency-Key must meet, so the id follows from the key where there is one.
    """
    return uuid4() if idempotency is None else uuid5(account_id, f"flow:{actor}:{idempotency.key}")
