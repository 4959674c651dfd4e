"""Who may have a large body worked on: one at a time, few wait, and nobody keeps others out."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from interfaces.http.large_bodies import (
    LOCK_SHARE_MAX,
    UNRESTED_SECONDS,
    WAITING_MAX,
    WAITING_PER_ACCOUNT_MAX,
    LargeBodies,
)
from interfaces.http.problems import ProblemError
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 16
LONG = 60.0
"""Seconds that no test waits for."""


class Somebody:
    """A request with a large body, in a thread of its own: it has its turn until it is told to go on."""

    def __init__(self, bodies: LargeBodies, account: UUID, key: UUID | None = None) -> None:
        self.done = threading.Event()
        self.has_turn = threading.Event()
        self.has_left = False
        self.refusal: ProblemError | None = None
        self._bodies, self._account, self._key = bodies, account, key or uuid4()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._bodies.turn(self._account, self._key, lambda: self.has_left):
                self.has_turn.set()
                assert self.done.wait(LONG)
        except ProblemError as problem:
            self.refusal = problem

    def finish(self) -> None:
        self.done.set()
        self._thread.join(LONG)

    def is_refused(self) -> bool:
        return self.refusal is not None


@pytest.fixture
def bodies() -> LargeBodies:
    return LargeBodies(THREADS, wait_seconds_max=LONG)


@pytest.fixture
def at_work(bodies: LargeBodies) -> Iterator[Somebody]:
    """Who has the turn when the test begins."""
    somebody = Somebody(bodies, uuid4())
    assert somebody.has_turn.wait(LONG)
    yield somebody
    somebody.finish()


def waits(bodies: LargeBodies, account: UUID, key: UUID | None = None) -> Somebody:
    """Return somebody who waits."""
    before = bodies.waiting
    somebody = Somebody(bodies, account, key)
    wait_until(lambda: bodies.waiting == before + 1, "somebody waits")
    return somebody


def refused(bodies: LargeBodies, account: UUID, key: UUID) -> ProblemError:
    with pytest.raises(ProblemError) as found, bodies.turn(account, key):
        pass
    return found.value


def test_one_is_at_work_at_a_time_and_the_next_begins_when_it_is_done(bodies: LargeBodies, at_work: Somebody) -> None:
    following = waits(bodies, uuid4())
    assert not following.has_turn.is_set()
    at_work.finish()
    assert following.has_turn.wait(LONG)
    following.finish()


def test_what_fails_in_its_turn_gives_it_back(bodies: LargeBodies) -> None:
    with suppress(ZeroDivisionError), bodies.turn(uuid4(), uuid4()):
        raise ZeroDivisionError
    with bodies.turn(uuid4(), uuid4()):
        pass


def test_a_key_has_one_at_a_time_whether_it_is_at_work_or_waits(bodies: LargeBodies) -> None:
    account, key, other_key = uuid4(), uuid4(), uuid4()
    first = Somebody(bodies, account, key)
    assert first.has_turn.wait(LONG)
    refusal = refused(bodies, account, key)
    assert refusal.slug == "unavailable"
    assert int(refusal.headers["Retry-After"]) >= 1
    assert "this key" in str(refusal.detail)
    second = waits(bodies, account, other_key)
    assert refused(bodies, account, other_key).slug == "unavailable"
    first.finish()
    assert second.has_turn.wait(LONG)
    second.finish()
    with bodies.turn(account, key):
        pass


@pytest.mark.parametrize(("threads", "waiting_max"), [(1, 0), (2, 0), (4, 1), (8, 3), (THREADS, WAITING_MAX), (256, 6)])
def test_so_few_wait_that_half_of_the_threads_are_free(threads: int, waiting_max: int) -> None:
    bodies = LargeBodies(threads, wait_seconds_max=LONG)
    everybody = [Somebody(bodies, uuid4())]
    assert everybody[0].has_turn.wait(LONG)
    everybody += [waits(bodies, uuid4()) for _ in range(waiting_max)]
    assert "waiting" in str(refused(bodies, uuid4(), uuid4()).detail)
    for somebody in everybody:
        somebody.done.set()
    for somebody in everybody:
        somebody.finish()
        assert somebody.has_turn.is_set()


def test_an_account_can_not_fill_the_line(bodies: LargeBodies, at_work: Somebody) -> None:
    account = uuid4()
    mine = [waits(bodies, account) for _ in range(WAITING_PER_ACCOUNT_MAX)]
    assert "of this account" in str(refused(bodies, account, uuid4()).detail)
    other = waits(bodies, uuid4())
    for somebody in (at_work, *mine, other):
        somebody.done.set()
    for somebody in (at_work, *mine, other):
        somebody.finish()
        assert somebody.has_turn.is_set()


def test_the_next_turn_is_of_the_account_that_had_none_or_had_it_longest_ago(bodies: LargeBodies) -> None:
    busy, quiet = uuid4(), uuid4()
    first = Somebody(bodies, busy)
    assert first.has_turn.wait(LONG)
    again, once_more = waits(bodies, busy), waits(bodies, busy)
    late = waits(bodies, quiet)
    first.finish()
    assert late.has_turn.wait(LONG), "it came last, and its account had no turn"
    late_again = waits(bodies, quiet)
    late.finish()
    assert again.has_turn.wait(LONG)
    again.finish()
    assert late_again.has_turn.wait(LONG)
    assert not once_more.has_turn.is_set()
    late_again.finish()
    assert once_more.has_turn.wait(LONG)
    once_more.finish()


def test_who_has_waited_long_enough_is_refused_and_takes_up_no_place() -> None:
    bodies = LargeBodies(4, wait_seconds_max=0.05)
    with bodies.turn(uuid4(), uuid4()):
        for _ in range(3):
            assert "in time" in str(refused(bodies, uuid4(), uuid4()).detail)
        assert bodies.waiting == 0


def test_a_client_that_leaves_gives_its_place_to_another() -> None:
    bodies = LargeBodies(4, wait_seconds_max=LONG)
    first = Somebody(bodies, uuid4())
    assert first.has_turn.wait(LONG)
    leaving = waits(bodies, uuid4())
    assert "waiting" in str(refused(bodies, uuid4(), uuid4()).detail)
    leaving.has_left = True
    wait_until(leaving.is_refused, "its place is given back")
    staying = waits(bodies, uuid4())
    first.finish()
    assert staying.has_turn.wait(LONG)
    staying.finish()


def test_an_account_that_has_kept_others_out_for_long_rests_and_others_do_not(bodies: LargeBodies) -> None:
    account = uuid4()
    bodies.charge(account, LOCK_SHARE_MAX * (UNRESTED_SECONDS + LONG + 5))
    refusal = refused(bodies, account, uuid4())
    assert "let others through" in str(refusal.detail)
    assert LONG < int(refusal.headers["Retry-After"]) <= LONG + 5
    with bodies.turn(uuid4(), uuid4()):
        pass


def test_a_short_rest_is_waited_for_and_others_go_first(bodies: LargeBodies) -> None:
    account = uuid4()
    for _ in range(4):
        bodies.charge(account, LOCK_SHARE_MAX * (UNRESTED_SECONDS + 0.8) / 4)
    resting = waits(bodies, account)
    with bodies.turn(uuid4(), uuid4()):
        assert not resting.has_turn.is_set()
    assert resting.has_turn.wait(LONG)
    resting.finish()


def test_an_account_may_use_what_it_has_saved_up_without_a_rest(bodies: LargeBodies) -> None:
    account = uuid4()
    for _ in range(5):
        with bodies.turn(account, uuid4()):
            bodies.charge(account, LOCK_SHARE_MAX * UNRESTED_SECONDS / 6)
