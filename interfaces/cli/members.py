"""`rpawatch members`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4

import typer

from application.accounts import AddMember, RemoveMember
from application.identity.passwords import generate_password
from domain.account import Account
from domain.ids import process_id
from domain.limits import PAGE_ITEMS_MAX
from domain.member import Member
from domain.permissions import ROLES_WITH_ASSIGNED_PROCESSES, TENANT_ROLES, Role
from domain.process import Process
from interfaces.cli.desk import Desk, all_pages, as_uuid, checked, checked_email
from interfaces.cli.output import Answer, CommandError, WrongUsageError
from interfaces.cli.store_command import AccountOption, store_command
from interfaces.http import admin as wire
from interfaces.http.presenters import member_resource

_COLUMNS = {"email": "Email", "name": "Name", "roles": "Roles", "account_name": "Account", "user_id": "User id"}
_BLANKS = {"account_name": "(whole tenant)"}
_members = typer.Typer(no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address that they sign in with.", show_default=False)]
InTenant = Annotated[bool, typer.Option("--tenant", help="The roles that hold in the whole tenant.")]


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    """Add the group."""
    app.add_typer(_members, name=name, help=help_line)


@store_command(_members, "list", examples="rpawatch members list\nrpawatch members list --account Finance --json")
def list_members(desk: Desk, *, account: AccountOption = None, tenant: InTenant = False) -> Answer:
    """List who is what: in the whole tenant and in every account, or only there."""
    _check_one_scope(account, tenant=tenant)
    if account is not None:
        found = desk.account(account)
        accounts = [{"id": str(found.id), "name": found.name}]
    else:
        accounts = [] if tenant else desk.accounts()
    items = [] if account is not None else _members_of(desk, desk.services.tenant_id, None)
    for item in accounts:
        items += _members_of(desk, UUID(item["id"]), item["name"])
    return Answer({"items": items}, _COLUMNS, blanks=_BLANKS)


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
    desk: Desk,
    email: Email,
    *,
    role: Annotated[Role, typer.Option(help="What they are.", show_default=False)],
    account: AccountOption = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of a new user; else made of the address.")] = None,
    process: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ACCOUNT:]FLOW_ID",
            help="A process that an account_user or consultant is to see; as often as needed.",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """Give somebody a role; a new user's first password is shown this once.

    tenant_admin, auditor and consultant hold in the whole tenant, account_admin and account_user in one account.
    """
    address = checked_email(email)
    new_name = None if name is None else checked(wire.Name, name, "name")
    scope = _scope_of_role(desk, role, account)
    processes = _processes(desk, role, scope, process or [])
    known = desk.services.users.by_email(address)
    # The role first, as in the web: a refused command makes no user.
    stream = desk.execute(
        AddMember(**desk.caller(scope), user_id=known.user_id if known else uuid4(), role=role, processes=processes)
    )
    member = desk.get(Member, stream)
    user, password = desk.services.users.ensure(
        address, new_name or address.partition("@")[0], desk.services.clock(), user_id=member.user_id
    )
    document = {
        **member_resource(user.user_id, member.account_id, member.roles, user),
        "account_name": desk.get(Account, scope).name if scope else None,
        "processes": [desk.get(Process, assigned).name for assigned in sorted(member.process_ids)],
    }
    note = "They were here before, and keep their name and password."
    if password is not None:
        document["first_password"] = password
        note = "Hand the password over now: it is not shown again. `members reset-password` makes another."
    columns = _COLUMNS | {"processes": "Processes", "first_password": "First password"}
    return Answer(document, columns, note=note, blanks=_BLANKS)


@store_command(
    _members,
    "remove",
    examples="rpawatch members remove bob@example.com\nrpawatch members remove aud@example.com --tenant",
)
def remove_member(desk: Desk, email: Email, *, account: AccountOption = None, tenant: InTenant = False) -> Answer:
    """Take all roles in one account, or in the tenant, away from somebody; at once."""
    _check_one_scope(account, tenant=tenant)
    user = desk.user(email)
    if account is not None or tenant:
        scope = None if tenant else desk.account(account).id
    else:
        scope = _only_scope(email, desk.lists().memberships(user.user_id, desk.services.tenant_id))
    member = desk.get(Member, desk.execute(RemoveMember(**desk.caller(scope), user_id=user.user_id)))
    document = member_resource(user.user_id, member.account_id, member.roles, user)
    return Answer(document, _COLUMNS, note=f"{user.email} has no role there any more.")


@store_command(_members, "reset-password", examples="rpawatch members reset-password bob@example.com")
def reset_password(desk: Desk, email: Email) -> Answer:
    """Give somebody a new password, shown this once, and end their sessions."""
    user = desk.user(email)
    password = generate_password()
    desk.services.users.set_password(user.user_id, password)
    document = {"user_id": str(user.user_id), "email": user.email, "name": user.name, "password": password}
    return Answer(
        document,
        {"email": "Email", "name": "Name", "password": "New password"},
        note="Hand the password over now: it is not shown again. All sessions of this user have ended.",
    )


def _members_of(desk: Desk, scope_id: UUID, account_name: str | None) -> list[dict[str, Any]]:
    lists = desk.lists()
    found = all_pages(lambda cursor: lists.members(scope_id, PAGE_ITEMS_MAX, cursor))
    return [{**item, "account_name": account_name} for item in found]


def _check_one_scope(account: str | None, *, tenant: bool) -> None:
    if account is not None and tenant:
        raise WrongUsageError("--account and --tenant are two different places. Name one of them.")


def _scope_of_role(desk: Desk, role: Role, account: str | None) -> UUID | None:
    if role not in TENANT_ROLES:
        return desk.account(account).id
    if account is not None:
        raise WrongUsageError(f"The role {role} holds in the whole tenant. Leave --account out.")
    return None


def _processes(desk: Desk, role: Role, scope: UUID | None, references: list[str]) -> tuple[tuple[UUID, UUID], ...]:
    if references and role not in ROLES_WITH_ASSIGNED_PROCESSES:
        raise WrongUsageError(f"The role {role} sees all processes. Leave --process out.")
    found = []
    for reference in references:
        account_text, _, flow_text = reference.rpartition(":")
        flow_id = as_uuid(flow_text)
        if flow_id is None:
            raise WrongUsageError(f"--process must be FLOW_ID or ACCOUNT:FLOW_ID, and {reference} is neither.")
        account = desk.account(account_text or (str(scope) if scope else None))
        if scope not in {None, account.id}:
            raise WrongUsageError(f"The role {role} is of one account, and {reference} is a process of another.")
        if desk.services.event_sourcing.find(Process, process_id(account.id, flow_id)) is None:
            raise CommandError(
                f"{account.name} has no process {flow_id}. `rpawatch processes list` shows those that it has."
            )
        found.append((account.id, flow_id))
    return tuple(found)


def _only_scope(email: str, memberships: list[dict[str, Any]]) -> UUID | None:
    if not memberships:
        raise CommandError(f"{email} has no role here.")
    if len(memberships) > 1:
        places = ", ".join(item["account_name"] or "the whole tenant" for item in memberships)
        raise WrongUsageError(f"{email} has roles in {places}. Say which to take away: --account ACCOUNT, or --tenant.")
    [only] = memberships
    return UUID(only["account_id"]) if only["account_id"] else None
