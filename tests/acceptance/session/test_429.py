"""Guessing passwords is slowed down: by user and address first, then by address, then by user."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from domain.limits import SIGN_IN_FAILURES_PER_PAIR_MAX, SIGN_IN_WINDOW
from tests.support.api import SESSION
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

MINUTE = timedelta(minutes=1)


def sign_in(world: World, password: str | None = None, *, name: str = "bob", address: str = "192.0.2.1") -> Answer:
    world.people.sign_up(name)
    body = {"email": email_of(name), "password": password or password_of(name)}
    return world.ask("POST", SESSION, json=body, address=address)


def fail(world: World, times: int, *, name: str = "bob") -> list[int]:
    return [sign_in(world, "a wrong password for sure", name=name).status for _ in range(times)]


def test_after_ten_failures_also_the_right_password_has_to_wait(world: World) -> None:
    assert fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX) == [401] * SIGN_IN_FAILURES_PER_PAIR_MAX
    answer = sign_in(world)
    assert (answer.status, answer.problem) == (429, "rate-limited")
    assert answer.headers["retry-after"] == str(int(SIGN_IN_WINDOW.total_seconds()))
    assert answer.set_cookies == ()
    world.clock.advance(timedelta(seconds=int(answer.headers["retry-after"])))
    assert sign_in(world).status == 200


def test_the_wait_is_until_one_more_attempt_is_borne(world: World) -> None:
    fail(world, 1)
    world.clock.advance(5 * MINUTE)
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX - 1)
    assert sign_in(world).headers["retry-after"] == str(10 * 60)


def test_nobody_else_and_no_other_address_is_concerned(world: World) -> None:
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX)
    assert sign_in(world).status == 429
    assert sign_in(world, name="carol").status == 200
    assert sign_in(world, address="192.0.2.2").status == 200


def test_a_success_clears_the_failures(world: World) -> None:
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX - 1)
    assert sign_in(world).status == 200
    assert fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX) == [401] * SIGN_IN_FAILURES_PER_PAIR_MAX


def test_an_unknown_user_is_throttled_in_the_same_way_so_that_it_tells_nothing(world: World) -> None:
    body = {"email": "nobody-at-all@example.com", "password": "a wrong password for sure"}
    answers = [world.ask("POST", SESSION, json=body, address="192.0.2.1") for _ in range(11)]
    assert [answer.status for answer in answers] == [401] * SIGN_IN_FAILURES_PER_PAIR_MAX + [429]
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX)
    assert answers[-1].without_request_id == sign_in(world).without_request_id
