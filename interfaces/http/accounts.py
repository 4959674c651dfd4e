"""Accounts and their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4, uuid5

from pydantic import Field

from application.access import visible_processes
from application.accounts import (
    ChangeProcess,
    OpenAccount,
    RegisterProcess,
    RenameAccount,
    ResumeAccount,
    SuspendAccount,
)
from application.caller import AccountCaller, Caller
from domain.account import Account as AccountAggregate
from domain.permissions import Action
from domain.process import Process as ProcessAggregate
from interfaces.http.answers.accounts import (
    ACCOUNT,
    ACCOUNT_PAGE,
    PROCESS,
    PROCESS_PAGE,
    account_resource,
    process_resource,
)
from interfaces.http.answers.fields import FLOW_ID
from interfaces.http.body import NOTHING, Body, Name, NewName, Nothing, Reason, Strict
from interfaces.http.operation import (
    ACCOUNT_PATH,
    AccountRequest,
    AdminOperations,
    AdminRequest,
    B,
    C,
    Operation,
    TenantRequest,
    changed,
    created,
    page_of,
    shown,
)
from interfaces.http.query import PAGE, flag

if TYPE_CHECKING:
    from application.admin import IdempotentRequest
    from interfaces.http.answers.accounts import Account, AccountPage, Process, ProcessPage


class NewAccount(Strict):
    """An account to be opened."""

    name: NewName


class AccountChange(Strict):
    """The body of `PATCH /accounts/{account_id}`; what is left out stays."""

    name: Annotated[Name | None, Field(description="Another name. Left out: as it is.")] = None


class Suspension(Strict):
    """The body of `POST …/suspend`."""

    reason: Reason = None


class NewProcess(Strict):
    """A process to be registered."""

    name: NewName
    flow_id: Annotated[UUID | None, Field(description="When the RPA tool has an id for it. Left out: one is made.")] = (
        None
    )


class ProcessChange(Strict):
    """What is to change; what is left out or null stays."""

    name: Annotated[Name | None, Field(description="One line, not blank; spaces around it are cut off.")] = None
    retired: Annotated[bool | None, Field(description="true: it takes no more jobs. false: it takes jobs again.")] = (
        None
    )


NEW_ACCOUNT = Body(NewAccount, {"An account": {"name": "Finance"}})
ACCOUNT_CHANGE = Body(AccountChange, {"Another name": {"name": "Finance and Controlling"}})
SUSPENSION = Body(Suspension, {"With a reason": {"reason": "The contract is under review"}})
NEW_PROCESS = Body(NewProcess, {"With the RPA tool's id": {"name": "Invoices", "flow_id": FLOW_ID}})
PROCESS_CHANGE = Body(ProcessChange, {"Another name": {"name": "Incoming invoices"}, "Retire": {"retired": True}})

OPERATIONS: list[Operation] = []
_OF_TENANT = AdminOperations[Caller](OPERATIONS, "Accounts", "/api/v1/accounts")
_OF_ACCOUNT = AdminOperations[AccountCaller](OPERATIONS, "Accounts", ACCOUNT_PATH)
_PROCESSES = AdminOperations[AccountCaller](OPERATIONS, "Processes", f"{ACCOUNT_PATH}/processes")

RETIRED = flag("retired", "true: only those that take no jobs. false: only those that do.")


@_OF_TENANT.get(action=None, query=PAGE, success=page_of(ACCOUNT_PAGE))
def list_accounts(request: TenantRequest[None]) -> AccountPage:
    """List the accounts that you are a member of.

    All accounts of the tenant for who has a role in the tenant.
    """
    caller = request.caller
    items, next_cursor = request.services.accounts.of_user(UUID(caller.actor), caller.tenant_id, request.page())
    return {"items": [account_resource(row) for row in items], "next_cursor": next_cursor}


@_OF_TENANT.command("post", command=OpenAccount, body=NEW_ACCOUNT, success=created(ACCOUNT, "Opened."))
def open_account(request: TenantRequest[NewAccount]) -> Account:
    """Open an account.

    For tenant admins.
    """
    outcome = request.execute(
        OpenAccount(by=request.caller, idempotency=request.idempotency, new_account_id=uuid4(), name=request.body.name)
    )
    request.made_at(f"{request.req.path}/{outcome.resource_id}")
    return _shown(request, outcome.resource_id)


@_OF_ACCOUNT.get(action=Action.READ_ACCOUNT, success=shown(ACCOUNT, "The account."))
def read_account(request: AccountRequest[None]) -> Account:
    """Show an account.

    For all its members, and who has a role in the tenant.
    """
    return _shown(request, request.caller.account_id)


@_OF_ACCOUNT.command("patch", command=RenameAccount, body=ACCOUNT_CHANGE, success=changed(ACCOUNT, replayed=False))
def rename_account(request: AccountRequest[AccountChange]) -> Account:
    """Rename an account.

    Send what is to change.
    """
    outcome = request.execute(RenameAccount(by=request.caller, name=request.body.name))
    return _shown(request, outcome.resource_id)


@_OF_ACCOUNT.command("post", "/suspend", command=SuspendAccount, body=SUSPENSION, success=changed(ACCOUNT))
def suspend_account(request: AccountRequest[Suspension]) -> Account:
    """Keep the robots of an account out.

    For tenant admins. From this answer on every key of the account gets 403 `account-suspended`, everywhere; what was
    reported before stays, and the admin API goes on. Again changes nothing.
    """
    outcome = request.execute(
        SuspendAccount(by=request.caller, idempotency=request.idempotency, reason=request.body.reason)
    )
    return _shown(request, outcome.resource_id)


@_OF_ACCOUNT.command("post", "/resume", command=ResumeAccount, body=NOTHING, success=changed(ACCOUNT))
def resume_account(request: AccountRequest[Nothing]) -> Account:
    """Let the robots of an account in again.

    For tenant admins. Its keys are as they were. Again changes nothing.
    """
    outcome = request.execute(ResumeAccount(by=request.caller, idempotency=request.idempotency))
    return _shown(request, outcome.resource_id)


def _shown(request: AdminRequest[C, B], account_id: UUID) -> Account:
    return account_resource(request.get(AccountAggregate, account_id))


@_PROCESSES.get(action=Action.READ_PROCESSES, query=(*PAGE, RETIRED), success=page_of(PROCESS_PAGE))
def list_processes(request: AccountRequest[None]) -> ProcessPage:
    """List the processes that you may see.

    Consultants and account users see those that they are assigned.
    """
    services, caller = request.services, request.caller
    visible = visible_processes(services.event_sourcing, caller)
    items, next_cursor = services.processes.page(
        caller.account_id, request.page(), visible=visible, retired=request[RETIRED]
    )
    jobs = services.processes.jobs(caller.account_id, items)
    return {"items": [process_resource(row, jobs.get(row.process_id)) for row in items], "next_cursor": next_cursor}


@_PROCESSES.command(
    "post",
    command=RegisterProcess,
    body=NEW_PROCESS,
    success=created(PROCESS, "Registered."),
    problems=("already-created",),
)
def register_process(request: AccountRequest[NewProcess]) -> Process:
    """Register a process.

    Robots can report jobs of it from now on.
    """
    caller, body, idempotency = request.caller, request.body, request.idempotency
    flow_id = body.flow_id or new_flow_id(caller.account_id, caller.actor, idempotency)
    outcome = request.execute(RegisterProcess(by=caller, idempotency=idempotency, flow_id=flow_id, name=body.name))
    process = request.get(ProcessAggregate, outcome.resource_id)
    request.made_at(f"{request.req.path}/{process.flow_id}")
    return process_resource(process, request.services.processes.jobs_of(process))


@_PROCESSES.command(
    "patch", "/{flow_id}", command=ChangeProcess, body=PROCESS_CHANGE, success=changed(PROCESS, replayed=False)
)
def change_process(request: AccountRequest[ProcessChange], flow_id: UUID) -> Process:
    """Rename, retire or restore a process.

    Send what is to change. A retired process takes no jobs.
    """
    body = request.body
    outcome = request.execute(ChangeProcess(by=request.caller, flow_id=flow_id, name=body.name, retired=body.retired))
    process = request.get(ProcessAggregate, outcome.resource_id)
    return process_resource(process, request.services.processes.jobs_of(process))


def new_flow_id(account_id: UUID, actor: str, idempotency: IdempotentRequest | None) -> UUID:
    """Return the flow id of a process that came without one.

    Two requests at once with one Idempotency-Key must meet, so the id follows from the key where there is one.
    """
    return uuid4() if idempotency is None else uuid5(account_id, f"flow:{actor}:{idempotency.key}")
