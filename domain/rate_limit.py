"""The limit of a key: at most `limit` uses in any 60 seconds, a sliding window over the times of the last uses."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from domain.limits import RATE_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = 1_000_000
_SPAN: Final = RATE_WINDOW // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller is told of its limit.

    left: requests that would be admitted now.
    reset_seconds: whole seconds, rounded up, until one more is free than now; whoever waits that long gets through. 0
    when nothing is used.
    """

    limit: int
    left: int
    reset_seconds: int


class Window:
    """The times of the last uses, oldest first, as far back as any 60 seconds from the last one reach.

    times: in microseconds since 1970. Numbers side by side, since a decision works on a copy: of a busy key's thousand
    times that is one piece of memory, and not a thousand objects to touch.
    """

    __slots__ = ("_times",)

    def __init__(self, times: Iterable[int] = ()) -> None:
        self._times = array("q", times)

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[datetime]:
        return (_EPOCH + time * _MICROSECOND for time in self._times)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and self._times == other._times

    __hash__ = None  # type: ignore[assignment] # it changes

    @classmethod
    def of(cls, times: Iterable[datetime]) -> Self:
        """Return the window of uses at these times, oldest first."""
        return cls(_number(time) for time in times)

    @property
    def microseconds(self) -> list[int]:
        """The times as numbers, from which an equal window can be made."""
        return list(self._times)

    def copy(self) -> Self:
        """Return an equal window that changes by itself."""
        return type(self)(self._times)

    def add(self, at: datetime) -> None:
        """Take in a use, and let go of those that no 60 seconds will hold again.

        It is not before the last one, unless a clock was wrong: see `set_back`.
        """
        self.set_back(at)
        now = _number(at)
        del self._times[: self._gone(now)]
        self._times.append(now)

    def is_ahead_of(self, at: datetime) -> bool:
        """Return whether the last use is later than `at`: the clock that stamped it was ahead."""
        return bool(self._times) and self._times[-1] > _number(at)

    def set_back(self, at: datetime) -> None:
        """Count uses that are later than `at` as at `at`: they were before it, and more is not known of them."""
        if self.is_ahead_of(at):
            now = _number(at)
            earlier = bisect_right(self._times, now)
            self._times[earlier:] = array("q", [now]) * (len(self._times) - earlier)

    def has_room(self, limit: int, at: datetime) -> bool:
        """Return whether one more use at `at` keeps the limit."""
        return len(self._times) < limit or len(self._times) - self._gone(_number(at)) < limit

    def quota(self, limit: int, at: datetime, *, clock: datetime | None = None) -> Quota:
        """Return what is left of `limit` at `at`.

        clock: what the caller's clock says now, where that is behind `at`; reset_seconds count from it.
        """
        now = _number(at)
        gone = self._gone(now)
        used = len(self._times) - gone
        left = max(0, limit - used)
        if not used:
            return Quota(limit, left, 0)
        # With more uses than the limit allows (it may have been lowered), as many have to pass as are too many.
        # One that is later than `at` will be counted as at `at`, at the latest by the event that records the refusal.
        frees_one = min(now, self._times[gone + max(0, used - limit)]) + _SPAN
        wait = frees_one - (now if clock is None else _number(clock))
        return Quota(limit, left, -(-wait // _SECOND))

    def _gone(self, now: int) -> int:
        # Uses exactly 60 seconds apart are not in one span.
        horizon = now - _SPAN
        times = self._times
        return bisect_right(times, horizon) if times and times[0] <= horizon else 0


def _number(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
