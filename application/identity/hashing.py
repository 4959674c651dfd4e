"""Turns for hashing passwords: few at once, few that wait, and nobody takes the turns of all others.

A hashing takes 64 MiB and a core for some 50 ms. Whoever waits for one keeps a thread from other requests.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from application.store.database import seconds_left
from domain.errors import HashingBusyError, SignInThrottledError
from domain.limits import HASHINGS_AT_ONCE_MAX, HASHINGS_OF_ONE_MAX, HASHINGS_WAITED_FOR_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAIT_SECONDS_MAX = 3.0
_RETRY_SECONDS = 1


class HashingTurns:
    """The turns of one process. Any thread may ask for one."""

    def __init__(self) -> None:
        self._places = HASHINGS_AT_ONCE_MAX + HASHINGS_WAITED_FOR_MAX
        self._lock = threading.Lock()
        self._callers: Counter[str] = Counter()
        self._taken = 0
        self._of_strangers = 0
        self._free = HASHINGS_AT_ONCE_MAX
        self._waiting: deque[threading.Event] = deque()
        self._thread = threading.local()

    def fit(self, threads: int) -> None:
        """Let less than half of so many threads wait for a hashing, or be at one; of one or two threads, one."""
        places = HASHINGS_AT_ONCE_MAX + HASHINGS_WAITED_FOR_MAX
        self._places = max(1, min(places, (threads - 1) // 2))

    @contextmanager
    def place(self, caller: str | None = None, *, stranger: bool = False) -> Iterator[None]:
        """Hold a place, in which this thread may hash; one that it holds already will do.

        caller: who asks, of whom only a few are let in at once; None for what the service or its operator does.
        stranger: whether a place that is kept for those who signed in before may not be had. Nobody waits here: raises
        SignInThrottledError when the caller has too many, HashingBusyError when all are taken.
        """
        if getattr(self._thread, "has_place", False):
            yield
            return
        self._take(caller, stranger=stranger)
        self._thread.has_place = True
        try:
            yield
        finally:
            self._thread.has_place = False
            self._give_back(caller, stranger=stranger)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hash. Waits for those before. Raises HashingBusyError when that takes too long, or no place is to be had."""
        with self.place():
            self._wait()
            try:
                yield
            finally:
                self._pass_on()

    def _wait(self) -> None:
        # Not a semaphore: who comes back at once would be faster there than who has waited.
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(min(_WAIT_SECONDS_MAX, seconds_left())):
            return
        with self._lock:
            if turn in self._waiting:  # else it was passed on at this moment
                self._waiting.remove(turn)
                raise HashingBusyError

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1

    def _take(self, caller: str | None, *, stranger: bool) -> None:
        with self._lock:
            if caller is not None and self._callers[caller] >= HASHINGS_OF_ONE_MAX:
                raise SignInThrottledError(_RETRY_SECONDS)
            # A third is kept for people that are known, however many strangers come.
            for_strangers = self._places - self._places // 3
            if self._taken >= self._places or (stranger and self._of_strangers >= for_strangers):
                raise HashingBusyError
            self._taken += 1
            self._of_strangers += stranger
            if caller is not None:
                self._callers[caller] += 1

    def _give_back(self, caller: str | None, *, stranger: bool) -> None:
        with self._lock:
            self._taken -= 1
            self._of_strangers -= stranger
            if caller is not None:
                self._callers[caller] -= 1
                if not self._callers[caller]:
                    del self._callers[caller]


HASHING = HashingTurns()
"""The turns of this process, whatever hashes in it: sign-ins, changes of passwords, first passwords."""
