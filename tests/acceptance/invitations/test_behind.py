"""Lists that are behind know less of somebody than there is: nobody's password is void for that."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from application.accounts import AddMember
from domain.ids import random_id
from domain.permissions import Role
from tests.acceptance.invitations.inviting import Address, Password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from application.identity.invitations import Invited
    from tests.support.world import World


@contextmanager
def lists_held(database_url: str) -> Iterator[None]:
    """Keep the projector from writing; lists can be read."""
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE rpawatch_lists.positions IN EXCLUSIVE MODE")
        yield


def added(world: World, address: Address, role: Role, account: UUID | None) -> Invited:
    """Have the operator give a role, and wait for no list."""
    command = AddMember(by=world.cast.caller(account), user_id=random_id(), role=role)
    invitation = world.services.invitations.begin(command, address.email, "Ann Lee")
    return invitation.settled(world.services.command_queue.execute(invitation.command).result)


@pytest.mark.parametrize("then", [None, "account_b"], ids=["in the tenant", "in another account"])
def test_who_has_just_chosen_a_password_keeps_it_when_a_further_role_is_given(
    world: World, database_url: str, then: str | None
) -> None:
    address, cast = Address(world), world.cast
    world.wait_for_lists()
    with lists_held(database_url):
        first = added(world, address, Role.ACCOUNT_USER, cast.account_a)
        assert first.first_password is not None
        address.passwords.append(Password(first.first_password.password, str(first.member.user_id), None))
        own = address.chosen()
        role, account = (Role.AUDITOR, None) if then is None else (Role.ACCOUNT_USER, cast.account_b)
        again = added(world, address, role, account)
        assert again.first_password is None
        assert again.member.user_id == first.member.user_id
    assert address.opens(own) is not None
