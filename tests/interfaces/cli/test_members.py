"""`rpawatch members`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from application.accounts import AddMember
from application.caller import AccountCaller
from application.identity.sessions import Client, Sessions
from application.identity.users import Users
from domain.clock import system_clock
from domain.errors import SignInFailedError
from domain.permissions import Role

if TYPE_CHECKING:
    from application.store.database import Database
    from interfaces.bootstrap import Services
    from tests.interfaces.cli.conftest import Rpawatch

ADDRESS = "192.0.2.7"
OWN = "four words of one's own"


@pytest.fixture
def email() -> str:
    return f"ann.{uuid4().hex[:8]}@example.com"


@pytest.fixture
def sessions(database: Database) -> Sessions:
    return Sessions(database, Users(database), system_clock)


def roles_of(store: Rpawatch, email: str) -> dict[Any, list[str]]:
    listed = store("members", "list", "--json").json["items"]
    return {item["account_name"]: item["roles"] for item in listed if item["email"] == email}


def test_a_new_member_can_sign_in_with_the_password_that_is_shown_once(
    store: Rpawatch, account: str, email: str, sessions: Sessions
) -> None:
    added = store("members", "add", email.upper(), "--role", "account_admin", "--account", account, "--json")
    assert added.code == 0
    assert (added.json["email"], added.json["account_name"]) == (email, account)
    session = sessions.sign_in(email, added.json["first_password"], Client(ADDRESS))
    assert (session.user.email, session.is_restricted) == (email, True)
    assert "it is not shown again" in added.line
    listed = store("members", "list", "--json")
    assert added.json["first_password"] not in listed.out + listed.err
    assert roles_of(store, email) == {account: ["account_admin"]}


def test_who_was_here_before_keeps_name_and_password(
    store: Rpawatch, account: str, email: str, sessions: Sessions
) -> None:
    role = ("--role", "account_admin", "--account", account)
    added = store("members", "add", email, *role, "--name", "Ann Lee", "--json").json
    session = sessions.sign_in(email, added["first_password"], Client(ADDRESS))
    sessions.set_own_password(session, OWN, Client(ADDRESS))
    again = store("members", "add", email, "--role", "auditor", "--name", "Other", "--json")
    assert again.code == 0
    assert "first_password" not in again.json
    assert again.json["name"] == "Ann Lee"
    assert again.line == "They were here before, and keep their name and password."
    assert roles_of(store, email) == {account: ["account_admin"], None: ["auditor"]}
    assert not sessions.sign_in(email, OWN, Client(ADDRESS)).is_restricted


def test_who_never_came_gets_another_first_password_and_the_one_before_is_void(
    store: Rpawatch, account: str, email: str, sessions: Sessions
) -> None:
    first = store("members", "add", email, "--role", "account_admin", "--account", account, "--json").json
    again = store("members", "add", email, "--role", "auditor", "--json").json
    assert again["user_id"] == first["user_id"]
    with pytest.raises(SignInFailedError):
        sessions.sign_in(email, first["first_password"], Client(ADDRESS))
    assert sessions.sign_in(email, again["first_password"], Client(ADDRESS)).user.user_id == UUID(again["user_id"])


def test_a_role_of_the_tenant_needs_no_account(store: Rpawatch, email: str) -> None:
    added = store("members", "add", email, "--role", "auditor", "--json")
    assert (added.json["account_id"], added.json["account_name"], added.json["roles"]) == (None, None, ["auditor"])
    assert "(whole tenant)" in store("members", "list", "--tenant").out


def test_a_consultant_is_assigned_processes_of_any_account(
    store: Rpawatch, account: str, flow: str, email: str
) -> None:
    other = store("accounts", "create", f"Other: {uuid4().hex}", "--json").json
    other_flow = store("processes", "register", "Payroll", "--account", other["id"], "--json").json["flow_id"]
    processes = ("--process", f"{account}:{flow}", "--process", f"{other['name']}:{other_flow}")
    added = store("members", "add", email, "--role", "consultant", *processes, "--json")
    assert added.code == 0
    assert sorted(added.json["processes"]) == ["Invoice entry", "Payroll"]


def test_an_account_user_is_assigned_processes_of_the_account(
    store: Rpawatch, account: str, flow: str, email: str
) -> None:
    added = store("members", "add", email, "--role", "account_user", "--account", account, "--process", flow, "--json")
    assert added.json["processes"] == ["Invoice entry"]


@pytest.mark.parametrize(
    "case",
    [
        (("--role", "auditor", "--account", "{account}"), 2, "The role auditor holds in the whole tenant."),
        (
            ("--role", "account_admin", "--account", "{account}", "--process", "{flow}"),
            2,
            "The role account_admin sees",
        ),
        (
            ("--role", "account_user", "--account", "{other}", "--process", "{account}:{flow}"),
            2,
            "The role account_user",
        ),
        (
            ("--role", "account_user", "--account", "{other}", "--process", "{flow}"),
            1,
            "{other} has no process {flow}.",
        ),
        (("--role", "consultant", "--process", "Nowhere:{flow}"), 1, "There is no account Nowhere."),
        (("--role", "consultant", "--process", "{account}:x"), 2, "--process must be FLOW_ID or ACCOUNT:FLOW_ID"),
        (("--role", "king"), 2, "Invalid value for '--role'"),
        (("--role", "account_admin", "--account", "{account}", "--name", " "), 1, "Name must not be blank."),
    ],
)
def test_a_role_that_makes_no_sense_is_refused_and_makes_no_user(
    store: Rpawatch, account: str, flow: str, email: str, case: tuple[tuple[str, ...], int, str]
) -> None:
    options, code, message = case
    other = store("accounts", "create", f"Other {uuid4().hex}", "--json").json["name"]
    names = {"account": account, "other": other, "flow": flow}
    refused = store("members", "add", email, *(option.format(**names) for option in options))
    assert (refused.code, refused.out) == (code, "")
    assert refused.err.startswith(message.format(**names)), refused.err
    assert store("members", "reset-password", email).code == 1


def test_what_is_no_address_is_refused(store: Rpawatch) -> None:
    refused = store("members", "add", "ann", "--role", "auditor")
    assert (refused.code, refused.line) == (1, "Email must be an email address.")


def test_a_removed_member_has_no_role_there(store: Rpawatch, account: str, email: str) -> None:
    store("members", "add", email, "--role", "account_admin", "--account", account)
    removed = store("members", "remove", email, "--json")
    assert (removed.code, removed.json["roles"]) == (0, [])
    assert roles_of(store, email) == {}
    again = store("members", "remove", email)
    assert (again.code, again.line) == (1, f"{email} has no role here.")
    there = store("members", "remove", email, "--account", account)
    assert (there.code, there.out) == (1, "")


def test_who_has_roles_in_several_places_is_removed_from_the_named_one_only(
    store: Rpawatch, account: str, email: str
) -> None:
    store("members", "add", email, "--role", "account_admin", "--account", account)
    store("members", "add", email, "--role", "auditor")
    refused = store("members", "remove", email)
    assert refused.code == 2
    assert "the whole tenant" in refused.line
    assert account in refused.line
    assert store("members", "remove", email, "--tenant").code == 0
    assert roles_of(store, email) == {account: ["account_admin"]}
    assert store("members", "remove", email, "--account", account).code == 0
    assert roles_of(store, email) == {}


@pytest.mark.parametrize("command", [("list",), ("remove", "ann@example.com")])
def test_an_account_and_the_tenant_are_not_one_place(store: Rpawatch, account: str, command: tuple[str, ...]) -> None:
    refused = store("members", *command, "--account", account, "--tenant")
    assert (refused.code, refused.out) == (2, "")
    assert refused.line == "--account and --tenant are two different places. Name one of them."


def test_the_members_of_one_account_can_be_listed(store: Rpawatch, account: str, email: str) -> None:
    store("members", "add", email, "--role", "account_admin", "--account", account)
    listed = store("members", "list", "--account", account, "--json").json["items"]
    assert [(item["email"], item["account_name"]) for item in listed] == [(email, account)]


def test_a_reset_password_replaces_the_old_one_and_ends_sessions(
    store: Rpawatch, account: str, email: str, sessions: Sessions
) -> None:
    added = store("members", "add", email, "--role", "account_admin", "--account", account, "--json").json
    session = sessions.sign_in(email, added["first_password"], Client(ADDRESS))
    reset = store("members", "reset-password", email, "--json")
    assert reset.code == 0
    assert reset.out.count(reset.json["password"]) == 1
    assert sessions.find(session.token) is None
    with pytest.raises(SignInFailedError):
        sessions.sign_in(email, added["first_password"], Client(ADDRESS))
    assert sessions.sign_in(email, reset.json["password"], Client(ADDRESS)).is_restricted


def test_of_an_address_in_two_places_it_has_to_be_said_whose_password_is_reset(
    store: Rpawatch, email: str, served: Services
) -> None:
    mine = store("members", "add", email, "--role", "auditor", "--json").json
    account_id = UUID(store("accounts", "create", f"Other {uuid4().hex}", "--json").json["id"])
    theirs = served.users.ensure(account_id, email, "Somebody else", served.clock())
    given = AddMember(
        by=AccountCaller(tenant_id=served.tenant_id, account_id=account_id),
        user_id=theirs.user_id,
        role=Role.ACCOUNT_USER,
    )
    served.command_queue.execute(given)
    for command in ("reset-password", "remove"):
        refused = store("members", command, email)
        assert (refused.code, "Say which is meant" in refused.line) == (2, True)
    assert store("members", "reset-password", email, "--tenant", "--json").json["user_id"] == mine["user_id"]
    reset = store("members", "reset-password", email, "--account", str(account_id), "--json").json
    assert reset["user_id"] == str(theirs.user_id)
    assert store("members", "reset-password", mine["user_id"], "--json").json["user_id"] == mine["user_id"]
    assert store("members", "remove", email, "--account", str(account_id)).code == 0
    assert served.users.by_ids([theirs.user_id])[theirs.user_id].password_kind == "none"
    assert store("members", "reset-password", email, "--json").json["user_id"] == mine["user_id"], "the only one left"


def test_who_has_no_role_left_gets_no_password(store: Rpawatch, email: str, sessions: Sessions) -> None:
    added = store("members", "add", email, "--role", "auditor", "--json").json
    assert store("members", "remove", email).code == 0
    with pytest.raises(SignInFailedError):
        sessions.sign_in(email, added["first_password"], Client(ADDRESS))
    refused = store("members", "reset-password", email)
    assert (refused.code, refused.line) == (1, f"{email} has no role here.")


@pytest.mark.parametrize("command", ["remove", "reset-password"])
def test_a_stranger_is_not_found(store: Rpawatch, email: str, command: str) -> None:
    refused = store("members", command, email)
    assert refused.code == 1
    assert refused.line == f"Nobody here has the address {email}. `rpawatch members list` shows who is here."
