"""Every inviter, and every state of the address that is invited: what is told, and what each password opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.permissions import Role
from tests.acceptance.invitations.inviting import (
    ESTABLISHED,
    NAMES_OF_OTHERS,
    NEEDS_ANOTHER,
    STATES,
    UNKNOWN_HERE,
    Address,
    shape,
)
from tests.support.effort import effort

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.acceptance.invitations.inviting import Password
    from tests.support.world import World


def _by_tess(address: Address) -> str:
    answer = address.invited("tess", address.world.cast.account_a)
    assert answer.status == 201, answer.body
    return str(answer.json["user_id"])


def _by_alice(address: Address) -> str:
    answer = address.invited("alice", address.world.cast.account_a)
    assert answer.status == 201, answer.body
    return str(answer.json["user_id"])


def _into_the_account(address: Address) -> str:
    return str(address.added(Role.ACCOUNT_USER, address.world.cast.account_a).member.user_id)


def _into_the_tenant(address: Address) -> str:
    return str(address.added(Role.TENANT_ADMIN).member.user_id)


INVITERS: dict[str, Callable[[Address], str]] = {
    "an account's admin": _by_alice,
    "the operator, in the tenant": _into_the_tenant,
    "a tenant admin": _by_tess,
    "the operator": _into_the_account,
}
"""Who invites into account A, or into the whole tenant. In the short run the last does not, who is asked as a tenant
admin is."""


def may_lead_to(world: World, password: Password) -> set[UUID | None]:
    """Return what a password may open at most: what whoever vouched for its owner has a say in."""
    everywhere: set[UUID | None] = {None, world.cast.account_a, world.cast.account_b}
    return everywhere if password.vouched is None else {password.vouched}


@pytest.mark.parametrize("state", STATES)
def test_a_password_leads_only_to_where_its_owner_was_vouched_for_whoever_invites(world: World, state: str) -> None:
    for inviter, invite in list(INVITERS.items())[: effort(3, len(INVITERS))]:
        address = Address(world)
        STATES[state](address)
        before = list(address.passwords)
        invited = invite(address)
        told = address.passwords[len(before) :]
        place = None if invite is _into_the_tenant else world.cast.account_a
        for password in before:
            opened = address.opens(password)
            assert opened is None or opened <= may_lead_to(world, password), f"{inviter}: it acts for others"
            if password.owner == invited and told:
                assert opened is None, f"{inviter}: the one before is void"
            if state in UNKNOWN_HERE and password.vouched is not None:
                assert password.owner != invited, inviter
        for password in told:
            assert password.owner == invited
            opened = address.opens(password)
            assert opened is not None, inviter
            assert place in opened <= may_lead_to(world, password), inviter
            assert address.opens(password) is None, f"{inviter}: it works once"


@pytest.mark.parametrize("state", UNKNOWN_HERE)
def test_an_account_admin_is_told_the_same_whether_or_not_the_address_is_known_elsewhere(
    world: World, state: str
) -> None:
    known, unknown = Address(world), Address(world)
    UNKNOWN_HERE[state](known)
    others = {password.owner for password in known.passwords}
    before = world.application.position()
    answer, other = (address.invited("alice", world.cast.account_a, "As I call them") for address in (known, unknown))
    assert answer.status == other.status == 201
    assert shape(answer.json) == shape(other.json)
    assert answer.json["name"] == other.json["name"] == "As I call them"
    assert answer.json["password"] == other.json["password"] == "first"
    assert answer.headers.keys() == other.headers.keys()
    for told in (answer.body, *(entry.state for entry in world.application.log_after(before))):
        assert not [owner for owner in others if owner.encode() in told]
        assert not [name for name in NAMES_OF_OTHERS if name.encode() in told]
    listed = world.ask("GET", world.account("/members"), headers=world.signed_in("alice"))
    assert not [owner for owner in others if owner.encode() in listed.body]


@pytest.mark.parametrize("state", NEEDS_ANOTHER)
@pytest.mark.parametrize("by", ["alice", "tess"])
def test_who_never_came_or_was_removed_gets_a_new_first_password(world: World, state: str, by: str) -> None:
    address = Address(world)
    NEEDS_ANOTHER[state](address)
    before = len(address.passwords)
    answer = address.invited(by, world.cast.account_a)
    assert len(address.passwords) == before + 1
    same = answer.json["user_id"] == address.passwords[0].owner
    # Whom the account removed is not the tenant's to bring back: that is somebody else, whom the tenant vouches for.
    assert same == (by == "alice" or not state.startswith("removed"))
    assert [address.opens(password) for password in address.passwords] == [None] * before + [{world.cast.account_a}]


@pytest.mark.parametrize("state", ESTABLISHED)
def test_who_has_a_role_here_and_is_nobody_to_be_given_a_password_keeps_name_and_password(
    world: World, state: str
) -> None:
    address = Address(world)
    ESTABLISHED[state](address)
    *_, mine = address.passwords
    answer = address.invited("alice", world.cast.account_a, "Another name")
    assert (answer.status, answer.json["name"]) == (201, "Known here")
    assert answer.json["user_id"] == mine.owner
    assert "first_password" not in answer.json
    assert answer.json["password"] == ("own" if mine.vouched else None)
    assert address.opens(mine) == {world.cast.account_a}


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.AUDITOR, Role.CONSULTANT])
def test_a_role_in_the_whole_tenant_is_never_given_to_whom_an_account_vouched_for(world: World, role: Role) -> None:
    address = Address(world)
    assert address.invited("alice", world.cast.account_a).status == 201
    squatted = address.chosen()
    invited = address.added(role)
    assert str(invited.member.user_id) != squatted.owner
    assert invited.user is not None
    assert invited.user.scope_id == world.cast.tenant_id
    assert address.opens(squatted) == {world.cast.account_a}
    assert None in (address.opens(address.passwords[-1]) or set())


def test_who_has_no_role_left_can_not_sign_in_and_their_sessions_are_over(world: World) -> None:
    address = Address(world)
    address.invited("alice", world.cast.account_a)
    own = address.chosen()
    session = address.sign_in(own.text)
    headers = {"Authorization": f"Bearer {session.json['token']}"}
    address.added(Role.ACCOUNT_USER, world.cast.account_a)  # known here: it is the same person
    address.removed("alice", world.cast.account_a)
    assert world.ask("GET", "/api/v1/session", headers=headers).status == 401
    assert address.opens(own) is None


def test_who_has_a_role_elsewhere_goes_on(world: World) -> None:
    address = Address(world)
    address.invited("tess", world.cast.account_a)
    own = address.chosen()
    assert address.invited("tess", world.cast.account_b).json["user_id"] == own.owner
    address.removed("alice", world.cast.account_a)
    assert address.opens(own) == {world.cast.account_b}
    address.removed("carol", world.cast.account_b)
    assert address.opens(own) is None


def test_a_removal_that_was_cut_short_before_the_password_was_void_is_made_up_for_by_a_repeat(world: World) -> None:
    address = Address(world)
    address.invited("alice", world.cast.account_a)
    own = address.chosen()
    path = world.account(f"/members/{own.owner}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.services.users, "void_password", lambda _: None)
        assert world.ask("DELETE", path, headers=world.signed_in("alice")).status == 204
    assert address.opens(own) == set()
    assert world.ask("DELETE", path, headers=world.signed_in("carol")).status == 404
    assert address.opens(own) == set(), "a stranger brings nothing about"
    assert world.ask("DELETE", path, headers=world.signed_in("alice")).status == 404
    assert address.opens(own) is None


def test_an_invitation_voids_what_a_removal_that_was_cut_short_left(world: World) -> None:
    address = Address(world)
    address.invited("alice", world.cast.account_a)
    own = address.chosen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.services.users, "void_password", lambda _: None)
        address.removed("alice", world.cast.account_a)
    assert address.invited("alice", world.cast.account_a).json["user_id"] == own.owner
    assert address.opens(own) is None
    assert address.opens(address.passwords[-1]) == {world.cast.account_a}


@pytest.mark.parametrize("body", [{"role": "auditor"}, {"flow_ids": ["4de713a3-1a07-4282-8885-dfbaa7869a31"]}])
def test_a_refused_invitation_makes_nobody(world: World, body: dict[str, object]) -> None:
    address = Address(world)
    sent = {"email": address.email, "role": "account_user"} | body
    answer = world.ask("POST", world.account("/members"), headers=world.signed_in("alice"), json=sent)
    assert answer.status in {404, 422}
    assert world.services.users.by_email(address.email) == []
