"""Turns for hashing: few at once, few that wait, and nobody takes the turns of all others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from application.identity.hashing import HashingTurns
from application.store.database import deadline
from domain.errors import HashingBusyError, SignInThrottledError
from domain.limits import HASHINGS_AT_ONCE_MAX, HASHINGS_OF_ONE_MAX, HASHINGS_WAITED_FOR_MAX
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = HASHINGS_AT_ONCE_MAX + HASHINGS_WAITED_FOR_MAX


class Crowd:
    """Threads that each hold a place, or a turn, until the block ends."""

    def __init__(self, turns: HashingTurns) -> None:
        self.turns = turns
        self.hashing = 0
        self._leave = threading.Event()
        self._threads = ExitStack()
        self._lock = threading.Lock()

    def come(self, caller: str | None, *, stranger: bool, hashes: bool = False) -> type[Exception] | None:
        """Let one more come, and return what it is refused with."""
        came, refused = threading.Event(), []

        def stay() -> None:
            try:
                with self.turns.place(caller, stranger=stranger):
                    came.set()
                    if hashes:
                        with self.turns.turn():
                            with self._lock:
                                self.hashing += 1
                            self._leave.wait(30)
                    self._leave.wait(30)
            except (HashingBusyError, SignInThrottledError) as error:
                refused.append(type(error))
                came.set()

        thread = threading.Thread(target=stay)
        self._threads.callback(thread.join, 30)
        thread.start()
        assert came.wait(30)
        return refused[0] if refused else None

    def leave(self) -> None:
        """Let all go, and wait until they are gone."""
        self._leave.set()
        self._threads.close()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    crowd = Crowd(HashingTurns())
    yield crowd
    crowd.leave()


@pytest.mark.parametrize("threads", range(1, 257))
def test_fewer_requests_than_half_of_the_threads_hold_a_place(threads: int) -> None:
    turns = HashingTurns()
    turns.fit(threads)
    with ExitStack() as held:
        places = 0
        while True:
            try:
                turns_of_another_thread(turns, held, f"caller {places}")
            except HashingBusyError:
                break
            places += 1
    assert places == max(1, min(PLACES, (threads - 1) // 2))
    assert places < threads / 2 or places == 1


def turns_of_another_thread(turns: HashingTurns, held: ExitStack, caller: str) -> None:
    """Take a place as another thread would: this one has none of its own."""
    turns._thread = threading.local()  # noqa: SLF001 - 256 times six threads take longer than they tell
    held.enter_context(turns.place(caller))


def test_strangers_leave_places_to_those_who_are_known(crowd: Crowd) -> None:
    strangers = [crowd.come(f"address {number}", stranger=True) for number in range(PLACES)]
    for_strangers = strangers.index(HashingBusyError)
    assert 0 < for_strangers < PLACES
    assert strangers == [None] * for_strangers + [HashingBusyError] * (PLACES - for_strangers)
    known = [crowd.come(f"user {number}", stranger=False) for number in range(PLACES)]
    assert known == [None] * (PLACES - for_strangers) + [HashingBusyError] * for_strangers


def test_one_caller_takes_few_places_and_the_others_are_free(crowd: Crowd) -> None:
    refused = [crowd.come("address 1", stranger=True) for _ in range(24)]
    assert refused == [None] * HASHINGS_OF_ONE_MAX + [SignInThrottledError] * (24 - HASHINGS_OF_ONE_MAX)
    assert crowd.come("address 2", stranger=True) is None


def test_few_hash_at_once_and_the_others_wait_for_them(crowd: Crowd) -> None:
    for number in range(PLACES):
        assert crowd.come(f"user {number}", stranger=False, hashes=True) is None
    wait_until(lambda: crowd.hashing == HASHINGS_AT_ONCE_MAX, "some hash")
    assert crowd.come("one more", stranger=False) is HashingBusyError
    assert crowd.hashing == HASHINGS_AT_ONCE_MAX


def test_who_waits_for_too_long_is_told_so(crowd: Crowd) -> None:
    for number in range(HASHINGS_AT_ONCE_MAX):
        crowd.come(f"user {number}", stranger=False, hashes=True)
    wait_until(lambda: crowd.hashing == HASHINGS_AT_ONCE_MAX, "all turns are taken")
    with deadline(0.01), pytest.raises(HashingBusyError), crowd.turns.turn():
        pass


def test_what_was_taken_is_given_back_also_after_a_failure() -> None:
    turns = HashingTurns()

    def fail() -> None:
        with turns.place("address", stranger=True), turns.turn():
            raise LookupError

    for _ in range(3 * PLACES):
        with pytest.raises(LookupError):
            fail()
        with turns.turn(), turns.turn():
            pass  # one thread needs one place, however deep it is


def test_turns_come_in_the_order_of_asking_also_where_others_ask_again_at_once(crowd: Crowd) -> None:
    """A flood that comes back at once must not be faster than who waits."""
    turns, order, enough = crowd.turns, [], threading.Event()
    # One turn is taken for good, so that the others go one by one.
    crowd.come("for good", stranger=False, hashes=True)
    wait_until(lambda: crowd.hashing == 1, "it hashes")

    def hash_again_and_again(caller: str) -> None:
        while not enough.is_set():
            with turns.turn():
                order.append(caller)
                if len(order) == 30:
                    enough.set()
                wait_until(lambda: enough.is_set() or len(turns._waiting) >= 2, "the others wait")  # noqa: SLF001

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(hash_again_and_again, "abc"))
    assert all(set(order[number : number + 3]) == set("abc") for number in range(3, 27))
