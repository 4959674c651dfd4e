"""What an admin asks of an account: open it, its processes and its members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from application.admin import AdminCommand, admin_handler
from domain.account import Account
from domain.errors import AlreadyCreatedError, NotFoundError, ProcessNotFoundError
from domain.ids import member_id, process_id
from domain.member import Member
from domain.permissions import Action, Role
from domain.process import Process

if TYPE_CHECKING:
    from uuid import UUID

    from application.caller import AccountCaller
    from application.unit_of_work import Handlers, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(AdminCommand):
    action: ClassVar[Action] = Action.OPEN_ACCOUNT
    new_account_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAccountSettings(AdminCommand):
    """Choose whether client addresses are recorded from then on: of robots, and of who administers the account."""

    action: ClassVar[Action] = Action.OPEN_ACCOUNT
    by: AccountCaller
    keep_addresses: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameAccount(AdminCommand):
    """Give an account another name; None leaves it as it is."""

    action: ClassVar[Action] = Action.WRITE_ACCOUNT
    by: AccountCaller
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendAccount(AdminCommand):
    """Keep the robots of an account out."""

    action: ClassVar[Action] = Action.SUSPEND_ACCOUNT
    by: AccountCaller
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAccount(AdminCommand):
    """Let the robots of an account in again."""

    action: ClassVar[Action] = Action.SUSPEND_ACCOUNT
    by: AccountCaller


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterProcess(AdminCommand):
    action: ClassVar[Action] = Action.WRITE_PROCESSES
    by: AccountCaller
    flow_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProcess(AdminCommand):
    """Rename, retire or restore a process; None leaves that as it is."""

    action: ClassVar[Action] = Action.WRITE_PROCESSES
    by: AccountCaller
    flow_id: UUID
    name: str | None = None
    retired: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMember(AdminCommand):
    """Give a user a role in an account, or in the tenant, and assign processes.

    processes: pairs of account and flow id.
    """

    action: ClassVar[Action] = Action.WRITE_MEMBERS
    user_id: UUID
    role: Role
    processes: tuple[tuple[UUID, UUID], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMember(AdminCommand):
    """Take all roles and processes of a user away."""

    action: ClassVar[Action] = Action.WRITE_MEMBERS
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFirstPassword(AdminCommand):
    """Write down that a member is made a new first password, which itself is in no event (identity/invitations.py)."""

    action: ClassVar[Action] = Action.WRITE_MEMBERS
    user_id: UUID


def open_account(work: UnitOfWork, command: OpenAccount) -> UUID:
    """Make the account and return its id. Raises AlreadyCreatedError when that is taken."""
    if work.find(Account, command.new_account_id) is not None:
        raise AlreadyCreatedError(command.new_account_id)
    account = Account.open(
        work.cause, account_id=command.new_account_id, tenant_id=command.by.tenant_id, name=command.name
    )
    return work.begin(account).id


def change_account_settings(work: UnitOfWork, command: ChangeAccountSettings) -> UUID:
    """Change the setting and return the account's id."""
    account = work.get(Account, command.by.account_id)
    account.change_settings(work.cause, keep_addresses=command.keep_addresses)
    return account.id


def rename_account(work: UnitOfWork, command: RenameAccount) -> UUID:
    """Rename the account and return its id. Raises InvalidInputError."""
    account = work.get(Account, command.by.account_id)
    if command.name is not None:
        account.rename(work.cause, command.name)
    return account.id


def suspend_account(work: UnitOfWork, command: SuspendAccount) -> UUID:
    """Suspend the account and return its id; again changes nothing."""
    account = work.get(Account, command.by.account_id)
    account.suspend(work.cause, command.reason)
    return account.id


def resume_account(work: UnitOfWork, command: ResumeAccount) -> UUID:
    """Resume the account and return its id; again changes nothing."""
    account = work.get(Account, command.by.account_id)
    account.resume(work.cause)
    return account.id


def register_process(work: UnitOfWork, command: RegisterProcess) -> UUID:
    """Make the process known and return its stream. Raises AlreadyCreatedError when the account has that flow id."""
    stream = process_id(command.by.account_id, command.flow_id)
    if work.find(Process, stream) is not None:
        raise AlreadyCreatedError(command.flow_id)
    process = Process.register(work.cause, account_id=command.by.account_id, flow_id=command.flow_id, name=command.name)
    return work.begin(process).id


def change_process(work: UnitOfWork, command: ChangeProcess) -> UUID:
    """Change the process and return its stream. Raises NotFoundError."""
    process = work.get(Process, process_id(command.by.account_id, command.flow_id))
    if command.name is not None:
        process.rename(work.cause, command.name)
    if command.retired is not None:
        (process.retire if command.retired else process.restore)(work.cause)
    return process.id


def add_member(work: UnitOfWork, command: AddMember) -> UUID:
    """Give the role and return the member's stream.

    Raises InvalidInputError for a role of the other scope, ProcessNotFoundError.
    """
    member = work.find(Member, member_id(command.by.scope_id, command.user_id))
    if member is None:
        member = work.begin(
            Member.add(
                work.cause,
                tenant_id=command.by.tenant_id,
                account_id=command.by.account_id,
                user_id=command.user_id,
                role=command.role,
            )
        )
    else:
        member.grant(work.cause, command.role)
    for account_id, flow_id in command.processes:
        process = work.find(Process, process_id(account_id, flow_id))
        # A member of one account has no business with the processes of another, and must not find out about them.
        if process is None or command.by.account_id not in {None, account_id}:
            raise ProcessNotFoundError
        member.assign(work.cause, process.id)
    return member.id


def remove_member(work: UnitOfWork, command: RemoveMember) -> UUID:
    """Take everything away and return the member's stream. Raises NotFoundError for who is no member."""
    member = work.get(Member, member_id(command.by.scope_id, command.user_id))
    if not member.roles:
        raise NotFoundError
    for role in sorted(member.roles):
        member.revoke(work.cause, role)
    for process in sorted(member.process_ids):
        member.unassign(work.cause, process)
    return member.id


def record_first_password(work: UnitOfWork, command: NewFirstPassword) -> UUID:
    """Write it down and return the member's stream. Raises NotFoundError for who is no member."""
    member = work.get(Member, member_id(command.by.scope_id, command.user_id))
    if not member.roles:
        raise NotFoundError
    member.record_first_password(work.cause)
    return member.id


HANDLERS: Handlers = {
    OpenAccount: admin_handler(open_account),
    ChangeAccountSettings: admin_handler(change_account_settings),
    RenameAccount: admin_handler(rename_account),
    SuspendAccount: admin_handler(suspend_account),
    ResumeAccount: admin_handler(resume_account),
    RegisterProcess: admin_handler(register_process),
    ChangeProcess: admin_handler(change_process),
    AddMember: admin_handler(add_member),
    RemoveMember: admin_handler(remove_member),
    NewFirstPassword: admin_handler(record_first_password),
}
