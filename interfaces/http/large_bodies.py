"""Who may have a large body worked on: one at a time in this process, few wait, and no account keeps others out.

A large one keeps all writers out for a moment when it is appended, however much was done before. So that hardly anybody
meets that moment, those of an account may take up a hundredth of the time; then they have to rest.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.http.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

LARGE_BYTES_MIN: Final = 256 * 1024
"""Smallest large body, as it was sent or inflated: up to 20 ms of work, which nobody notices."""
AT_ONCE_MAX: Final = 1
WAITING_MAX: Final = 6
"""Most bodies that wait for their turn: each keeps a thread, of 16."""
WAITING_PER_ACCOUNT_MAX: Final = 2
WAIT_SECONDS_MAX: Final = 8.0
"""Longest wait: with the rest it stays below the 30 s after which the server closes a connection without an answer."""
RETRY_SECONDS: Final = 2
LOCK_SHARE_MAX: Final = 0.01
"""Share of the time for which the large reports of one account keep all writers out: what 99 of 100 never meet."""
UNRESTED_SECONDS: Final = 10.0
"""Rest that an account has saved up when it comes: a tenth of a second in which it keeps others out."""
LOOK_SECONDS: Final = 0.25
"""Pause between two looks whether the client is still there."""


@dataclass(eq=False, slots=True)
class _Place:
    account: UUID
    key: UUID
    is_at_work: bool = False


class LargeBodies:
    """The large bodies of this process. threads: that work on requests; at least half of them stay free.

    A key has one at a time, at work or waiting, so that its limit can be looked at before the next one. When one is
    done, the next is of the account whose turn is longest ago.
    """

    def __init__(self, threads: int, *, wait_seconds_max: float = WAIT_SECONDS_MAX) -> None:
        self._waiting_max = max(0, min(WAITING_MAX, threads // 2 - AT_ONCE_MAX))
        self._wait_seconds_max = wait_seconds_max
        self._changed = threading.Condition()
        self._places: list[_Place] = []
        self._rests_until: dict[UUID, float] = {}
        self._turns: list[UUID] = []
        """Accounts that have a place, the last one that had a turn at the end."""

    @contextmanager
    def turn(self, account: UUID, key: UUID, has_left: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Wait for a turn, and have it for the length of the block.

        has_left: tells whether the client is gone, so that nobody waits for the turn. Raises ProblemError unavailable
        when others wait already, when the account has to rest, or when the turn does not come in time.
        """
        place = self._enter(account, key)
        try:
            self._wait(place, has_left)
            yield
        finally:
            with self._changed:
                self._places.remove(place)
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        with self._changed:
            return sum(not place.is_at_work for place in self._places)

    def charge(self, account: UUID, lock_seconds: float) -> None:
        """Have an account rest for having kept all writers out for so long."""
        now = time.monotonic()
        with self._changed:
            rested = {other: until for other, until in self._rests_until.items() if until > now - UNRESTED_SECONDS}
            began = rested.get(account, now - UNRESTED_SECONDS)
            self._rests_until = rested | {account: began + lock_seconds / LOCK_SHARE_MAX}

    def _rest_of(self, account: UUID) -> float:
        return self._rests_until.get(account, 0.0) - time.monotonic()

    def _enter(self, account: UUID, key: UUID) -> _Place:
        with self._changed:
            if any(place.key == key for place in self._places):
                raise _later("Another large report with this key is being taken in.")
            if (rest := self._rest_of(account)) > self._wait_seconds_max:
                raise _later("The large reports of this account have to let others through.", math.ceil(rest))
            waiting = [place for place in self._places if not place.is_at_work]
            is_free = not waiting and len(self._places) < AT_ONCE_MAX and rest <= 0
            if not is_free and len(waiting) >= self._waiting_max:
                raise _later("Too many large reports are waiting.")
            if sum(place.account == account for place in waiting) >= WAITING_PER_ACCOUNT_MAX:
                raise _later("Too many large reports of this account are waiting.")
            place = _Place(account, key)
            self._places.append(place)
            return place

    def _wait(self, place: _Place, has_left: Callable[[], bool]) -> None:
        until = time.monotonic() + self._wait_seconds_max
        with self._changed:
            while self._next() is not place:
                left = until - time.monotonic()
                if left <= 0 or has_left():
                    raise _later("Its turn did not come in time.")
                self._changed.wait(min(left, LOOK_SECONDS))
            place.is_at_work = True
            if place.account in self._turns:
                self._turns.remove(place.account)
            present = {other.account for other in self._places}
            self._turns = [*(account for account in self._turns if account in present), place.account]

    def _next(self) -> _Place | None:
        """Return who is next, when it can begin."""
        if sum(place.is_at_work for place in self._places) >= AT_ONCE_MAX:
            return None
        waiting = [place for place in self._places if not place.is_at_work and self._rest_of(place.account) <= 0]
        return min(waiting, key=self._turn_of, default=None)

    def _turn_of(self, place: _Place) -> int:
        return self._turns.index(place.account) if place.account in self._turns else -1


def _later(why: str, seconds: int = RETRY_SECONDS) -> ProblemError:
    return ProblemError(
        "unavailable",
        detail=f"{why} This large report was not carried out; send it again after the time in Retry-After.",
        headers={"Retry-After": str(seconds)},
    )
