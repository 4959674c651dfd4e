"""`rpawatch members`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from application.accounts import AddMember, NewFirstPassword, RemoveMember
from application.identity.invitations import KnownMember
from domain.account import Account
from domain.ids import member_id, process_id, random_id
from domain.member import Member
from domain.permissions import ROLES_WITH_ASSIGNED_PROCESSES, TENANT_ROLES, Role
from domain.process import Process
from domain.times import time_text
from interfaces.cli.inputs import as_uuid, check_one_place, checked, checked_email
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.options import AccountOption
from interfaces.cli.output import CommandError, CommandResult, WrongUsageError
from interfaces.cli.store_command import store_command
from interfaces.http import body as wire
from interfaces.http.answers.members import member_resource
from projections.paging import all_items

if TYPE_CHECKING:
    from application.identity.users import Identity

_COLUMNS = {"email": "Email", "name": "Name", "roles": "Roles", "account_name": "Account", "user_id": "User id"}
_HAND_OVER = (
    "Hand the password over now: it is not shown again. It works once, within a week, and then they choose their own."
    " `members reset-password` makes another."
)
_BLANKS = {"account_name": "(whole tenant)"}
_members = typer.Typer(no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address that they sign in with, or a user id.")]
Whom = Annotated[str, typer.Argument(metavar="EMAIL", help="Their address, or their user id.")]
InTenant = Annotated[bool, typer.Option("--tenant", help="The roles that hold in the whole tenant.")]


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.add_typer(_members, name=name, help=help_line)


@store_command(_members, "list", examples="rpawatch members list\nrpawatch members list --account Finance --json")
def list_members(context: OperatorContext, *, account: AccountOption = None, tenant: InTenant = False) -> CommandResult:
    """List who is what: in the whole tenant and in every account, or only there."""
    check_one_place(account, tenant=tenant)
    if account is not None:
        found = context.account(account)
        items = _members_of(context, found.id, found.name)
    else:
        items = _members_of(context, context.services.tenant_id, None)
        for row in [] if tenant else context.accounts():
            items += _members_of(context, row.id, row.name)
    return CommandResult({"items": items}, _COLUMNS, blanks=_BLANKS)


@store_command(
    _members,
    "add",
    examples="""
        rpawatch members add ann@example.com --role account_admin --account Finance --name "Ann Lee"
        rpawatch members add bob@example.com --role account_user --process 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11
        rpawatch members add aud@example.com --role auditor
        rpawatch members add con@example.com --role consultant --process Finance:0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11
    """,
)
def add_member(  # noqa: PLR0913 - each is an option
    context: OperatorContext,
    email: Email,
    *,
    role: Annotated[Role, typer.Option(help="What they are.")],
    account: AccountOption = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of a new user; else made of the address.")] = None,
    process: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ACCOUNT:]FLOW_ID",
            help="A process that an account_user or consultant is to see; as often as needed.",
        ),
    ] = None,
) -> CommandResult:
    """Give somebody a role; a new user's first password is shown this once.

    tenant_admin, auditor and consultant hold in the whole tenant, account_admin and account_user in one account.
    """
    address = checked_email(email)
    new_name = None if name is None else checked(wire.Name, name, "name")
    scope = _scope_of_role(context, role, account)
    processes = _processes(context, role, scope, process or [])
    command = AddMember(by=context.caller(scope), user_id=random_id(), role=role, processes=processes)
    invitation = context.services.invitations.begin(command, address, new_name or address.partition("@")[0])
    invited = invitation.settled(context.services.command_queue.execute(invitation.command).result)
    member, first_password = invited.member, invited.first_password
    document = {
        **member_resource(invited),
        "account_name": context.get(Account, scope).name if scope else None,
        "processes": [context.get(Process, assigned).name for assigned in sorted(member.process_ids)],
    }
    note = "They were here before, and keep their name and password."
    if first_password is not None:
        document["first_password"] = first_password.password
        note = _HAND_OVER
    columns = _COLUMNS | {"processes": "Processes", "first_password": "First password"}
    return CommandResult(document, columns, note=note, blanks=_BLANKS)


@store_command(
    _members,
    "remove",
    examples="rpawatch members remove bob@example.com\nrpawatch members remove aud@example.com --tenant",
)
def remove_member(
    context: OperatorContext, email: Whom, *, account: AccountOption = None, tenant: InTenant = False
) -> CommandResult:
    """Take all roles in one account, or in the tenant, away from somebody; at once."""
    user, scope = _one_of(context, email, account, tenant=tenant)
    command = RemoveMember(by=context.caller(scope), user_id=user.user_id)
    with context.services.invitations.removing(command):
        member = context.get(Member, context.execute(command))
    document = member_resource(KnownMember(member, user, is_ours=False))
    return CommandResult(document, _COLUMNS, note=f"{user.email} has no role there any more.")


@store_command(
    _members,
    "reset-password",
    examples="""
        rpawatch members reset-password bob@example.com
        rpawatch members reset-password bob@example.com --account Finance
    """,
)
def reset_password(
    context: OperatorContext, email: Whom, *, account: AccountOption = None, tenant: InTenant = False
) -> CommandResult:
    """Give somebody a new first password, shown this once, and end their sessions.

    Where an address is known in several places, those are different people: --account or --tenant says which.
    """
    user, scope = _one_of(context, email, account, tenant=tenant, of_one_user=True)
    command = NewFirstPassword(by=context.caller(scope), user_id=user.user_id)
    _, made = context.services.invitations.new_first_password(
        command, lambda noted: context.services.command_queue.execute(noted).result
    )
    document = {
        "user_id": str(user.user_id),
        "email": user.email,
        "name": user.name,
        "password": made.password,
        "first_password_until": time_text(made.until),
    }
    columns = {"email": "Email", "name": "Name", "password": "New password"}
    return CommandResult(document, columns, note=f"{_HAND_OVER} All sessions of this user have ended.")


def _members_of(context: OperatorContext, scope_id: UUID, account_name: str | None) -> list[dict[str, Any]]:
    context.wait_for_lists()
    found = all_items(lambda page: context.services.members.page(scope_id, page, for_tenant=True))
    return [{**member_resource(item), "account_name": account_name} for item in found]


def _scope_of_role(context: OperatorContext, role: Role, account: str | None) -> UUID | None:
    if role not in TENANT_ROLES:
        return context.account(account).id
    if account is not None:
        raise WrongUsageError(f"The role {role} holds in the whole tenant. Leave --account out.")
    return None


def _processes(
    context: OperatorContext, role: Role, scope: UUID | None, references: list[str]
) -> tuple[tuple[UUID, UUID], ...]:
    if references and role not in ROLES_WITH_ASSIGNED_PROCESSES:
        raise WrongUsageError(f"The role {role} sees all processes. Leave --process out.")
    found = []
    for reference in references:
        account_text, _, flow_text = reference.rpartition(":")
        flow_id = as_uuid(flow_text)
        if flow_id is None:
            raise WrongUsageError(f"--process must be FLOW_ID or ACCOUNT:FLOW_ID, and {reference} is neither.")
        account = context.account(account_text or (str(scope) if scope else None))
        if scope not in {None, account.id}:
            raise WrongUsageError(f"The role {role} is of one account, and {reference} is a process of another.")
        if context.services.event_sourcing.find(Process, process_id(account.id, flow_id)) is None:
            raise CommandError(
                f"{account.name} has no process {flow_id}. `rpawatch processes list` shows those that it has."
            )
        found.append((account.id, flow_id))
    return tuple(found)


def _one_of(
    context: OperatorContext, email: str, account: str | None, *, tenant: bool, of_one_user: bool = False
) -> tuple[Identity, UUID | None]:
    """Return who has a role under this address in the named place, and the account; None for the tenant.

    Without a place: the only one, or with of_one_user any one of the only user.
    """
    check_one_place(account, tenant=tenant)
    known = context.known_as(email)
    if account is not None or tenant:
        scope = None if tenant else context.account(account).id
        stream_of = partial(member_id, scope or context.services.tenant_id)
        members = ((user, context.services.event_sourcing.find(Member, stream_of(user.user_id))) for user in known)
        # Whoever had a role there and has none is told so by the command.
        return next(((user, scope) for user, member in members if member and member.roles), (known[0], scope))
    context.wait_for_lists()
    memberships = context.services.members.memberships
    found = [(user, item) for user in known for item in memberships(user.user_id, context.services.tenant_id)]
    if not found:
        raise CommandError(f"{email} has no role here.")
    if len({user.user_id for user, _ in found}) > 1 or (len(found) > 1 and not of_one_user):
        places = ", ".join(item.account_name or "the whole tenant" for _, item in found)
        raise WrongUsageError(f"{email} has roles in {places}. Say which is meant: --account ACCOUNT, or --tenant.")
    user, item = found[0]
    return user, item.account_id
