"""Accounts, processes and members: made, changed, and seen by who may."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.access import roles_of, visible_processes
from application.accounts import (
    AddMember,
    ChangeAccountSettings,
    ChangeProcess,
    OpenAccount,
    RegisterProcess,
    RemoveMember,
)
from domain.errors import (
    AlreadyCreatedError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ProcessNotFoundError,
)
from domain.ids import member_id, process_id
from domain.model import SYSTEM_ACTOR
from domain.permissions import Role

if TYPE_CHECKING:
    from application.admin import AdminCommand
    from tests.support.cast import Cast
    from tests.support.running import Application


def open_account(cast: Cast, by: str) -> OpenAccount:
    return OpenAccount(by=cast.caller(by=by), new_account_id=uuid4(), name="Account C")


def every_command(cast: Cast, by: str) -> dict[str, AdminCommand]:
    """Return one command of each kind about account A, which would succeed if it were allowed."""
    newcomer = uuid4()
    return {
        "open_account": open_account(cast, by),
        "settings": ChangeAccountSettings(by=cast.caller(cast.account_a, by=by), keep_addresses=False),
        "register": RegisterProcess(by=cast.caller(cast.account_a, by=by), flow_id=uuid4(), name="Orders"),
        "change": ChangeProcess(by=cast.caller(cast.account_a, by=by), flow_id=cast.flow_a, name="Orders"),
        "add_member": AddMember(by=cast.caller(cast.account_a, by=by), user_id=newcomer, role=Role.ACCOUNT_USER),
        "remove_member": RemoveMember(by=cast.caller(cast.account_a, by=by), user_id=UUID(cast.bob)),
    }


ALLOWED = {
    "tess": {"open_account", "settings", "register", "change", "add_member", "remove_member"},
    "alice": {"register", "change", "add_member", "remove_member"},
    "bob": set[str](),
    "aud": set[str](),
    "con": set[str](),
}


@pytest.mark.parametrize("name", ["open_account", "settings", "register", "change", "add_member", "remove_member"])
@pytest.mark.parametrize("who", [*ALLOWED, "carol", "stranger"])
def test_each_may_do_what_their_role_allows_and_a_stranger_finds_nothing(
    application: Application, cast: Cast, who: str, name: str
) -> None:
    command = every_command(cast, cast.people[who])[name]
    if who not in ALLOWED or (name == "open_account" and who in {"alice", "bob"}):
        # Who has no role in the tenant is a stranger there.
        expected: type[Exception] | None = NotFoundError
    else:
        expected = None if name in ALLOWED[who] else ForbiddenError
    before = application.position()
    if expected is None:
        application.execute(command)
        assert application.position() > before
    else:
        with pytest.raises(expected):
            application.execute(command)
        assert application.position() == before


def test_an_account_of_another_tenant_and_none_at_all_look_the_same(application: Application, cast: Cast) -> None:
    other = type(cast)(application)
    for account in (other.account_a, uuid4(), cast.tenant_id, process_id(cast.account_a, cast.flow_a)):
        for by in (cast.tess, cast.alice, SYSTEM_ACTOR):
            with pytest.raises(NotFoundError):
                application.execute(RegisterProcess(by=cast.caller(account, by=by), flow_id=uuid4(), name="Orders"))


def test_an_account_id_that_is_taken_is_told(application: Application, cast: Cast) -> None:
    with pytest.raises(AlreadyCreatedError) as refused:
        application.execute(OpenAccount(by=cast.caller(), new_account_id=cast.account_a, name="Again"))
    assert refused.value.resource_id == cast.account_a
    assert application.kinds(cast.account_a) == ["Opened"]


def test_a_flow_id_is_taken_once_in_an_account_and_may_be_used_in_another(application: Application, cast: Cast) -> None:
    with pytest.raises(AlreadyCreatedError) as refused:
        application.execute(
            RegisterProcess(by=cast.caller(cast.account_a, by=cast.alice), flow_id=cast.flow_a, name="Again")
        )
    assert refused.value.resource_id == cast.flow_a
    cast.add_process(cast.account_b, cast.flow_a)


def test_a_process_is_renamed_and_retired_in_one_command(application: Application, cast: Cast) -> None:
    outcome = application.execute(
        ChangeProcess(by=cast.caller(cast.account_a, by=cast.alice), flow_id=cast.flow_a, name="Orders", retired=True)
    )
    assert application.kinds(outcome.resource_id) == ["Registered", "Renamed", "Retired"]


def test_a_change_that_changes_nothing_appends_nothing(application: Application, cast: Cast) -> None:
    before = application.position()
    application.execute(
        ChangeProcess(by=cast.caller(cast.account_a, by=cast.alice), flow_id=cast.flow_a, retired=False)
    )
    application.execute(ChangeAccountSettings(by=cast.caller(cast.account_a, by=cast.tess), keep_addresses=True))
    assert application.position() == before


def test_a_process_that_is_not_the_accounts_can_not_be_changed(application: Application, cast: Cast) -> None:
    for flow in (cast.flow_b, uuid4()):
        with pytest.raises(NotFoundError):
            application.execute(ChangeProcess(by=cast.caller(cast.account_a, by=cast.alice), flow_id=flow, name="Mine"))


def test_a_role_of_the_tenant_is_not_given_in_an_account(application: Application, cast: Cast) -> None:
    for role in (Role.TENANT_ADMIN, Role.AUDITOR, Role.CONSULTANT):
        with pytest.raises(InvalidInputError):
            application.execute(AddMember(by=cast.caller(cast.account_a, by=cast.alice), user_id=uuid4(), role=role))


def test_an_account_admin_gives_no_role_in_the_tenant(application: Application, cast: Cast) -> None:
    command = AddMember(by=cast.caller(by=cast.alice), user_id=UUID(cast.alice), role=Role.TENANT_ADMIN)
    with pytest.raises(NotFoundError):
        application.execute(command)


def test_a_member_is_removed_with_all_roles_and_processes_and_is_a_stranger_then(
    application: Application, cast: Cast
) -> None:
    cast.add_member(cast.bob, Role.ACCOUNT_ADMIN, cast.account_a)
    outcome = application.execute(RemoveMember(by=cast.caller(cast.account_a, by=cast.alice), user_id=UUID(cast.bob)))
    kinds = application.kinds(outcome.resource_id)
    assert sorted(kinds[-3:]) == ["ProcessUnassigned", "RoleRevoked", "RoleRevoked"]
    with pytest.raises(NotFoundError):
        application.execute(cast.create_key_command(by=cast.bob))


def test_who_is_no_member_can_not_be_removed(application: Application, cast: Cast) -> None:
    command = RemoveMember(by=cast.caller(cast.account_a, by=cast.alice), user_id=UUID(cast.bob))
    application.execute(command)
    for user in (cast.bob, cast.stranger, cast.tess):
        with pytest.raises(NotFoundError):
            application.execute(RemoveMember(by=cast.caller(cast.account_a, by=cast.alice), user_id=UUID(user)))


def test_who_was_removed_can_be_added_again_and_has_no_old_processes(application: Application, cast: Cast) -> None:
    application.execute(RemoveMember(by=cast.caller(cast.account_a, by=cast.alice), user_id=UUID(cast.bob)))
    cast.add_member(cast.bob, Role.ACCOUNT_USER, cast.account_a, by=cast.alice)
    seen = visible_processes(application.event_sourcing, cast.caller(cast.account_a, by=cast.bob))
    assert seen == frozenset()


def test_a_process_of_another_account_can_not_be_assigned_nor_found_out_about(
    application: Application, cast: Cast
) -> None:
    for flow in (cast.flow_b, uuid4()):
        for account in (cast.account_a, cast.account_b):
            command = AddMember(
                by=cast.caller(cast.account_a, by=cast.alice),
                user_id=UUID(cast.bob),
                role=Role.ACCOUNT_USER,
                processes=((account, flow),),
            )
            with pytest.raises(ProcessNotFoundError):
                application.execute(command)


def test_a_refused_assignment_leaves_the_member_as_they_were(application: Application, cast: Cast) -> None:
    before = application.position()
    command = AddMember(
        by=cast.caller(cast.account_a, by=cast.alice),
        user_id=UUID(cast.bob),
        role=Role.ACCOUNT_ADMIN,
        processes=((cast.account_a, cast.other_flow_a), (cast.account_a, uuid4())),
    )
    with pytest.raises(ProcessNotFoundError):
        application.execute(command)
    assert application.position() == before
    with pytest.raises(ForbiddenError):
        application.execute(cast.create_key_command(by=cast.bob))


def test_each_sees_the_processes_that_their_roles_show(application: Application, cast: Cast) -> None:
    ours = process_id(cast.account_a, cast.flow_a)
    seen = {
        who: visible_processes(application.event_sourcing, cast.caller(cast.account_a, by=actor))
        for who, actor in (cast.people | {"operator": SYSTEM_ACTOR}).items()
    }
    assert seen == {
        "alice": None,
        "tess": None,
        "aud": None,
        "operator": None,
        "bob": {ours},
        "con": {ours},
        "carol": frozenset(),
        "stranger": frozenset(),
    }


def test_a_role_in_the_tenant_holds_in_every_account_and_one_in_an_account_only_there(
    application: Application, cast: Cast
) -> None:
    for account in (cast.account_a, cast.account_b):
        roles = roles_of(application.event_sourcing, UUID(cast.tess), cast.tenant_id, account)
        assert roles == {Role.TENANT_ADMIN}
    assert roles_of(application.event_sourcing, UUID(cast.alice), cast.tenant_id, cast.account_b) == frozenset()
    assert roles_of(application.event_sourcing, UUID(cast.alice), cast.tenant_id, None) == frozenset()


def test_a_member_stands_where_scope_and_user_lead(cast: Cast) -> None:
    newcomer = str(uuid4())
    stream = cast.add_member(newcomer, Role.ACCOUNT_USER, cast.account_a, by=cast.alice)
    assert stream == member_id(cast.account_a, UUID(newcomer))
