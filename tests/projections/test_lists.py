"""The lists show what commands did."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.accounts import AddMember, ChangeAccountSettings, ChangeProcess, OpenAccount, RegisterProcess
from application.accounts import RemoveMember as Remove
from application.caller import Caller
from domain.account import Account
from domain.ids import process_id
from domain.permissions import Role
from projections.accounts import AccountRow, list_accounts
from projections.members import MemberRow, account_ids_of_user, list_members, list_memberships
from projections.paging import PageRequest
from projections.processes.listing import ProcessRow, list_processes
from tests.projections.histories import events_of
from tests.support.cast import Cast
from tests.support.clock import NOON
from tests.support.examples import cause

if TYPE_CHECKING:
    from tests.projections.support import World

ALL = PageRequest(limit=200)


@pytest.fixture
def cast(shared: World) -> Cast:
    """The cast, in a tenant of its own."""
    return Cast(shared.application)


def accounts(world: World, tenant_id: UUID, account_ids: set[UUID] | None = None) -> list[AccountRow]:
    world.wait_for_all()
    return list(list_accounts(world.database, tenant_id=tenant_id, page=ALL, account_ids=account_ids).items)


def processes(
    world: World, account_id: UUID, process_ids: set[UUID] | None = None, *, retired: bool | None = None
) -> list[ProcessRow]:
    world.wait_for_all()
    page = list_processes(world.database, account_id=account_id, page=ALL, process_ids=process_ids, retired=retired)
    return list(page.items)


def members(world: World, scope_id: UUID) -> dict[UUID, MemberRow]:
    world.wait_for_all()
    rows = list_members(world.database, scope_id=scope_id, page=ALL).items
    return {row.user_id: row for row in rows}


def memberships(world: World, tenant_id: UUID, user: str) -> dict[UUID | None, frozenset[Role]]:
    world.wait_for_all()
    rows = list_memberships(world.database, tenant_id=tenant_id, user_id=UUID(user), page=ALL).items
    return {row.account_id: row.roles for row in rows}


def test_accounts_are_listed_by_name_without_regard_to_case_and_accents(shared: World, cast: Cast) -> None:
    tenant = uuid4()
    for name in ("zebra", "Österreich", "Berlin", "berlin 2", "orient", "Zürich", "123"):
        shared.application.execute(OpenAccount(by=Caller(tenant_id=tenant), new_account_id=uuid4(), name=name))
    names = [row.name for row in accounts(shared, tenant)]
    assert names == ["123", "Berlin", "berlin 2", "orient", "Österreich", "zebra", "Zürich"]
    assert {row.account_id for row in accounts(shared, cast.tenant_id)} == {cast.account_a, cast.account_b}


def test_an_account_shows_when_it_was_opened_its_name_and_its_settings(shared: World, cast: Cast) -> None:
    shared.application.execute(ChangeAccountSettings(by=cast.caller(cast.account_a), keep_addresses=False))
    account = shared.application.event_sourcing.find(Account, cast.account_a)
    assert account is not None
    account.rename(cause(), "Ärzte")
    shared.append(events_of(account))
    [row] = accounts(shared, cast.tenant_id, {cast.account_a})
    assert row == AccountRow(
        account_id=cast.account_a,
        tenant_id=cast.tenant_id,
        name="Ärzte",
        sort_name="arzte",
        opened_at=NOON,
        keep_addresses=False,
    )


def test_accounts_by_id_are_those_of_the_tenant_only(shared: World, cast: Cast) -> None:
    assert accounts(shared, cast.tenant_id, set()) == []
    assert accounts(shared, uuid4(), {cast.account_a}) == []
    [row] = accounts(shared, cast.tenant_id, {cast.account_b, uuid4()})
    assert (row.name, row.keep_addresses) == ("Account B", True)


def test_processes_of_an_account_are_its_own_and_restricted_to_those_asked_for(shared: World, cast: Cast) -> None:
    flows = {row.flow_id for row in processes(shared, cast.account_a)}
    assert flows == {cast.flow_a, cast.other_flow_a}
    mine, foreign = process_id(cast.account_a, cast.flow_a), process_id(cast.account_b, cast.flow_b)
    [row] = processes(shared, cast.account_a, {mine, foreign})
    assert row == ProcessRow(
        account_id=cast.account_a,
        process_id=mine,
        flow_id=cast.flow_a,
        name="Invoices",
        sort_name="invoices",
        registered_at=NOON,
    )
    assert processes(shared, cast.account_a, set()) == []


def test_a_process_is_renamed_retired_and_restored(shared: World, cast: Cast) -> None:
    stream = process_id(cast.account_a, cast.flow_a)

    def change(*, name: str | None = None, retired: bool | None = None) -> None:
        shared.application.execute(
            ChangeProcess(by=cast.caller(cast.account_a), flow_id=cast.flow_a, name=name, retired=retired)
        )

    change(name="Été", retired=True)
    [row] = processes(shared, cast.account_a, retired=True)
    assert (row.process_id, row.name, row.sort_name, row.retired_at) == (stream, "Été", "ete", NOON)
    assert [row.flow_id for row in processes(shared, cast.account_a, retired=False)] == [cast.other_flow_a]
    assert len(processes(shared, cast.account_a)) == 2
    change(retired=False)
    assert processes(shared, cast.account_a, retired=True) == []
    assert stream in {row.process_id for row in processes(shared, cast.account_a, retired=False)}


def test_members_are_listed_with_roles_and_processes_of_their_scope(shared: World, cast: Cast) -> None:
    in_a = members(shared, cast.account_a)
    assert set(in_a) == {UUID(cast.alice), UUID(cast.bob)}
    bob = in_a[UUID(cast.bob)]
    assert (bob.account_id, bob.tenant_id, bob.roles) == (cast.account_a, cast.tenant_id, {"account_user"})
    assert bob.process_ids == {process_id(cast.account_a, cast.flow_a)}
    assert in_a[UUID(cast.alice)].process_ids == frozenset()
    in_tenant = members(shared, cast.tenant_id)
    assert set(in_tenant) == {UUID(cast.tess), UUID(cast.aud), UUID(cast.con)}
    assert in_tenant[UUID(cast.con)].account_id is None


def test_a_member_without_roles_disappears_and_comes_back_with_a_new_role(shared: World, cast: Cast) -> None:
    bob = UUID(cast.bob)
    shared.application.execute(Remove(by=cast.caller(cast.account_a), user_id=bob))
    assert bob not in members(shared, cast.account_a)
    assert memberships(shared, cast.tenant_id, cast.bob) == {}
    assert account_ids_of_user(shared.database, tenant_id=cast.tenant_id, user_id=bob) == frozenset()
    cast.add_member(cast.bob, Role.ACCOUNT_ADMIN, cast.account_a)
    row = members(shared, cast.account_a)[bob]
    assert (row.roles, row.process_ids) == ({"account_admin"}, frozenset())


def test_memberships_of_a_user_are_those_of_every_scope_and_of_one_tenant(shared: World, cast: Cast) -> None:
    cast.add_member(cast.tess, Role.ACCOUNT_USER, cast.account_a)
    cast.add_member(cast.tess, Role.ACCOUNT_ADMIN, cast.account_a)
    cast.add_member(cast.tess, Role.ACCOUNT_USER, cast.account_b)
    shared.application.execute(AddMember(by=Caller(tenant_id=uuid4()), user_id=UUID(cast.tess), role=Role.AUDITOR))
    assert memberships(shared, cast.tenant_id, cast.tess) == {
        None: {"tenant_admin"},
        cast.account_a: {"account_admin", "account_user"},
        cast.account_b: {"account_user"},
    }
    ids = account_ids_of_user(shared.database, tenant_id=cast.tenant_id, user_id=UUID(cast.tess))
    assert ids == {cast.account_a, cast.account_b}
    assert memberships(shared, cast.tenant_id, cast.stranger) == {}


def test_two_accounts_may_use_the_same_flow_id(shared: World, cast: Cast) -> None:
    shared.application.execute(RegisterProcess(by=cast.caller(cast.account_b), flow_id=cast.flow_a, name="Theirs"))
    assert {row.name for row in processes(shared, cast.account_b)} == {"Invoices", "Theirs"}
    assert {row.name for row in processes(shared, cast.account_a)} == {"Invoices"}
