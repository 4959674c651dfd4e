"""Many invitations of one new address at the same time: one person, and no role for somebody who is not there."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from domain.member import Member
from tests.acceptance.invitations.inviting import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.api import Answer
    from tests.support.world import World

THREADS = 20
ATTEMPTS_MAX = 500


def at_once(world: World, invite: Callable[[int], Answer]) -> tuple[list[Answer], set[UUID]]:
    """Return all answers, and to whom roles were given."""
    for name in ("alice", "tess"):
        world.signed_in(name)
    before = world.application.position()

    def invited(number: int) -> Answer:
        for _ in range(ATTEMPTS_MAX):
            answer = invite(number)
            if answer.status != 503:  # not all may hash at the same time, and who may not is told to try again
                break
        return answer

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(invited, range(THREADS)))
    assert {answer.status for answer in answers} == {201}, [answer.body for answer in answers]
    granted = [entry for entry in world.application.log_after(before) if entry.topic == Member.RoleGranted.TOPIC]
    return answers, {UUID(json.loads(entry.state)["user_id"]) for entry in granted}


def passwords_that_work(address: Address) -> list[str]:
    return [password.owner for password in address.passwords if address.opens(password) is not None]


def test_one_person_comes_of_it_and_one_password_works(world: World) -> None:
    address = Address(world)
    answers, granted = at_once(world, lambda _: address.invited("alice", world.cast.account_a))
    [user] = world.services.users.by_email(address.email)
    assert granted == {user.user_id} == {UUID(answer.json["user_id"]) for answer in answers}
    assert passwords_that_work(address) == [str(user.user_id)]


def test_repeats_of_one_request_make_one_password(world: World) -> None:
    address, key = Address(world), {"Idempotency-Key": str(uuid4())}
    answers, granted = at_once(world, lambda _: address.invited("alice", world.cast.account_a, **key))
    [user] = world.services.users.by_email(address.email)
    assert granted == {user.user_id} == {UUID(answer.json["user_id"]) for answer in answers}
    assert len(address.passwords) == 1, "shown once"
    assert passwords_that_work(address) == [str(user.user_id)]


def test_also_when_an_account_and_the_tenant_invite_nobody_is_given_a_role_who_is_not_there(world: World) -> None:
    address = Address(world)
    _, granted = at_once(world, lambda number: address.invited("alice" if number % 2 else "tess", world.cast.account_a))
    known = {user.user_id for user in world.services.users.by_email(address.email)}
    assert granted <= known
    works = passwords_that_work(address)
    assert len(works) == len(set(works)) >= 1


def test_accounts_that_invite_at_the_same_time_invite_different_people_with_one_salt(world: World) -> None:
    address = Address(world)
    places = (("alice", world.cast.account_a), ("carol", world.cast.account_b))
    world.signed_in("carol")
    at_once(world, lambda number: address.invited(*places[number % 2]))
    known = world.services.users.by_email(address.email)
    assert {user.scope_id for user in known} == {world.cast.account_a, world.cast.account_b}
    assert len(known) == 2
    assert len({user.password_salt for user in known}) == 1
    assert sorted(passwords_that_work(address)) == sorted(str(user.user_id) for user in known)
