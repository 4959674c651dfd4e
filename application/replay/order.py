"""What time it was by the order of the log.

Each event has a time, and a clock that was wrong may have made it up. But the log is in the order of commits, over all
streams, so it shows where a clock was wrong: time leaps in it, and runs back. Between the two, the events were stamped
by a clock that was ahead, and are taken back to where they stand. Where it runs back without such a leap before, all
clocks were set back, as when another database server took over: then it is what follows that is moved on. So what comes
out is one time that runs on, in which spans can be compared.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.limits import CLOCKS_APART_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from application.store.log.reading import Recorded

ORDER_APART_MAX: Final = CLOCKS_APART_MAX + timedelta(seconds=5)
"""Most that an event may be later than one behind it in the log, where all clocks are right: as much as in a stream,
and the time that an append waited for those before it, 3 s at most."""
LOOK_AHEAD_EVENTS: Final = 10_000
"""Events behind a leap for which it is remembered."""
_NO_TIME: Final = timedelta(0)


class Ordered(NamedTuple):
    """An event, and its time by the order of the log."""

    placed: Recorded
    at: datetime


@dataclass(slots=True)
class ClockSteps:
    """Where time ran back in the log.

    count: how often.
    seconds_max: by how much, at most.
    first, last: the positions of the first event from which on it did, and of the last one.
    """

    count: int = 0
    first: int = 0
    last: int = 0
    seconds_max: float = 0.0

    def record(self, position: int, by: timedelta) -> None:
        self.count += 1
        self.first, self.last = self.first or position, position
        self.seconds_max = max(self.seconds_max, by.total_seconds())


@dataclass(slots=True)
class _LogRange:
    """Events in a row without a leap among them.

    leap: before it.
    moved: what is to be added to their times.
    """

    leap: timedelta
    moved: timedelta
    waiting: deque[Recorded]


def in_order(events: Iterable[Recorded], steps: ClockSteps) -> Iterator[Ordered]:
    """Yield the events of a log with their times by its order. steps takes in where time ran back."""
    ranges: deque[_LogRange] = deque()
    moved = _NO_TIME
    waiting = 0
    before: datetime | None = None
    for placed in events:
        at = placed.event.timestamp + moved
        leap = _NO_TIME if before is None else at - before
        if leap < -ORDER_APART_MAX:
            steps.record(placed.position, -leap)
            ahead = _since_the_leap(ranges, -leap)
            for log_range in ahead:
                log_range.moved += leap
            if ahead:
                ahead[-1].leap += leap  # the first one of them
            else:
                moved -= leap
                at -= leap
            ranges.append(_LogRange(_NO_TIME, moved, deque()))
        elif leap > ORDER_APART_MAX or not ranges:
            ranges.append(_LogRange(leap, moved, deque()))
        ranges[-1].waiting.append(placed)
        before = at
        waiting += 1
        if waiting > LOOK_AHEAD_EVENTS:
            yield _first(ranges)
            waiting -= 1
    while waiting:
        yield _first(ranges)
        waiting -= 1


def _since_the_leap(ranges: deque[_LogRange], by: timedelta) -> list[_LogRange]:
    """Return the ranges since time last leapt by about as much or more, the last one first; none if it did not."""
    since = []
    for log_range in reversed(ranges):
        since.append(log_range)
        if log_range.leap >= by - ORDER_APART_MAX:
            return since
    return []


def _first(ranges: deque[_LogRange]) -> Ordered:
    log_range = ranges[0]
    placed = log_range.waiting.popleft()
    if not log_range.waiting and len(ranges) > 1:
        ranges.popleft()
    return Ordered(placed, placed.event.timestamp + log_range.moved)
