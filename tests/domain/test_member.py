"""A member: roles of one scope, and processes that were assigned."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from domain.errors import InvalidInputError
from domain.ids import member_id
from domain.member import Member
from domain.permissions import ACCOUNT_ROLES, TENANT_ROLES, Role
from tests.support.examples import ACCOUNT, TENANT, USER, cause


def a_member(role: Role = Role.ACCOUNT_USER, account_id: UUID | None = ACCOUNT) -> Member:
    return Member.add(cause(), tenant_id=TENANT, account_id=account_id, user_id=USER, role=role)


def kinds(member: Member) -> list[str]:
    return [type(event).__name__ for event in member.pending_events]


def replayed(member: Member) -> Member:
    aggregate = None
    for event in member.pending_events:
        aggregate = event.mutate(aggregate)
    assert isinstance(aggregate, Member)
    return aggregate


@pytest.mark.parametrize("role", sorted(ACCOUNT_ROLES))
def test_a_role_of_an_account_is_given_in_an_account_only(role: Role) -> None:
    member = a_member(role)
    assert (member.id, member.roles) == (member_id(ACCOUNT, USER), {role})
    with pytest.raises(InvalidInputError, match="field='role'"):
        a_member(role, account_id=None)


@pytest.mark.parametrize("role", sorted(TENANT_ROLES))
def test_a_role_of_the_tenant_is_given_in_the_tenant_only(role: Role) -> None:
    member = a_member(role, account_id=None)
    assert (member.id, member.account_id, member.roles) == (member_id(TENANT, USER), None, {role})
    assert (member.tenant_id, member.user_id) == (TENANT, USER)
    with pytest.raises(InvalidInputError, match="field='role'"):
        a_member(role)


def test_a_further_role_goes_on_with_the_same_stream() -> None:
    member = a_member(Role.ACCOUNT_USER)
    member.grant(cause(), Role.ACCOUNT_ADMIN)
    assert member.roles == {Role.ACCOUNT_USER, Role.ACCOUNT_ADMIN}
    first, second = member.pending_events
    assert isinstance(second, Member.RoleGranted)
    assert (first.originator_version, second.originator_version) == (1, 2)
    assert (second.tenant_id, second.account_id, second.user_id) == (TENANT, ACCOUNT, USER)
    assert replayed(member).roles == member.roles


def test_a_further_role_of_the_other_scope_is_refused_and_leaves_no_trace() -> None:
    member = a_member()
    with pytest.raises(InvalidInputError):
        member.grant(cause(), Role.TENANT_ADMIN)
    assert (kinds(member), member.roles) == (["RoleGranted"], {Role.ACCOUNT_USER})


def test_who_has_lost_every_role_can_be_given_one_again() -> None:
    member = a_member(Role.ACCOUNT_ADMIN)
    member.revoke(cause(), Role.ACCOUNT_ADMIN)
    assert member.roles == frozenset()
    member.grant(cause(), Role.ACCOUNT_USER)
    assert replayed(member).roles == {Role.ACCOUNT_USER}


def test_processes_are_assigned_and_unassigned() -> None:
    member, one, other = a_member(), uuid4(), uuid4()
    member.assign(cause(), one)
    member.assign(cause(), other)
    member.unassign(cause(), one)
    assert member.process_ids == replayed(member).process_ids == {other}


def test_a_copy_changes_by_itself() -> None:
    member = a_member(Role.ACCOUNT_USER)
    copy = member.copy()
    copy.grant(cause(), Role.ACCOUNT_ADMIN)
    copy.assign(cause(), uuid4())
    assert (member.roles, member.process_ids) == ({Role.ACCOUNT_USER}, frozenset())


def test_what_changes_nothing_is_no_event() -> None:
    member, process = a_member(), uuid4()
    member.grant(cause(), Role.ACCOUNT_USER)
    member.revoke(cause(), Role.ACCOUNT_ADMIN)
    member.unassign(cause(), process)
    member.assign(cause(), process)
    member.assign(cause(), process)
    assert kinds(member) == ["RoleGranted", "ProcessAssigned"]


def test_that_a_first_password_was_made_is_written_down_each_time_and_changes_nothing() -> None:
    member = a_member()
    member.record_first_password(cause())
    member.record_first_password(cause())
    assert kinds(member) == ["RoleGranted", "FirstPasswordMade", "FirstPasswordMade"]
    assert (member.roles, member.process_ids) == ({Role.ACCOUNT_USER}, frozenset())


def test_no_event_has_a_place_for_personal_data() -> None:
    for event in (
        Member.RoleGranted,
        Member.RoleRevoked,
        Member.ProcessAssigned,
        Member.ProcessUnassigned,
        Member.FirstPasswordMade,
    ):
        assert not {"email", "name", "password", "password_hash", "phone"} & set(event.model_fields)
