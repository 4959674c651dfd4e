"""What time it is: the database's time, which all processes of all machines have in common.

The clock of the machine decides nothing. What a process knows is by how much the database's clock is ahead of a counter
of seconds that nobody sets. Every answer to an append says the database's time, so a busy process measures all the time
and asks for nothing; an idle one asks every few seconds.

A reading that is wrong all the same, as in a process that stood still while its counter did too, is found in the
append: that is refused when the database's clock is not where the readings say.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from application.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from application.store.database import Database

    Between: TypeAlias = tuple[datetime, datetime]

AHEAD_SECONDS_MAX: Final = 1.0
"""A reading is wrong by half a round trip at most, and a round trip ends after 3.5 s; one as slow as 2 s still does."""
BEHIND_SECONDS_MAX: Final = 3.0
"""When the append arrives, its readings are as old as the decisions took: 0.2 s for a large report, 4 MB of them, the
reads in between, the way there. As long as a statement may take; together with AHEAD_SECONDS_MAX it is less than
CLOCKS_APART_MAX of domain/limits.py, or right clocks would set streams back."""
MEASURED_EVERY_SECONDS: Final = 5.0
STEP_SECONDS: Final = 0.5
"""Least change that is a step of the clock, and followed at once, also backwards. Below it, the time stands still
until it is reached again. Less than AHEAD_SECONDS_MAX, or appends would be refused meanwhile."""
OFF_SECONDS: Final = 2.0
"""Least error at which the machine's clock is reported. It decides nothing, but logs and certificates need it."""
_DRIFT_PER_MILLION: Final = 1_000
"""Most that two clocks may go apart: the kernel speeds a clock up or slows it down by 500 millionths at most."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = 1_000_000
_MEASURE = "SELECT rpawatch.clock() AS now"
# It goes on while the machine sleeps, as time.monotonic() does not.
_COUNTER: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_log = structlog.get_logger(__name__)


def _counted() -> int:
    return time.clock_gettime_ns(_COUNTER) // 1_000


class Asked(NamedTuple):
    """When the database was asked for its time, by the counter, and how often its clock had stepped until then."""

    at: int
    steps: int


class StoreClock:
    """Tells the database's time. Any thread may ask it; asking asks nobody else.

    counter: microseconds since some moment, which nobody sets.
    wall: the machine's clock, in seconds since 1970, which is only compared.
    """

    def __init__(
        self, database: Database, *, counter: Callable[[], int] = _counted, wall: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._counter = counter
        self._wall = wall
        self._lock = threading.Lock()
        # What is to be added to the counter for microseconds since 1970: it is between these two.
        self._bounds: tuple[int, int] | None = None
        self._measured_at = 0
        self._steps = 0
        self._last = 0
        self._is_off = False

    def __call__(self) -> datetime:
        """Return now, never before what was returned earlier unless the database's clock was set back.

        Raises StoreUnavailableError before the first measurement.
        """
        with self._lock:
            if self._bounds is None:
                raise StoreUnavailableError("the database's clock was not read yet")
            self._last = max(self._last, self._counter() + sum(self._bounds) // 2)
            return _EPOCH + self._last * _MICROSECOND

    def measure(self) -> None:
        """Ask the database what time it is. Raises StoreUnavailableError."""
        with self._database.get_connection() as connection:
            asked = self.asking()
            row = connection.execute(_MEASURE, prepare=True).fetchone()
            if row is not None:
                self.learn(asked, row["now"])

    def refresh(self) -> None:
        """Measure where that was not done for some seconds. Raises StoreUnavailableError."""
        if self.measured_seconds_ago >= MEASURED_EVERY_SECONDS:
            self.measure()

    def keep(self, stop: threading.Event) -> None:
        """Measure every few seconds until told to stop, so that an idle process knows the time and says what is off."""
        while not stop.wait(MEASURED_EVERY_SECONDS):
            try:
                self.refresh()
            except StoreUnavailableError:
                continue  # readiness says so

    def asking(self) -> Asked:
        """Return the moment at which somebody asks the database for its time, for `learn`."""
        return Asked(self._counter(), self._steps)

    def learn(self, asked: Asked, told: datetime) -> None:
        """Take in what the database's clock said at some moment since `asked`.

        That bounds what it is now, the closer the shorter the round trip was; and so do the measurements before.
        """
        with self._lock:
            answered = self._counter()
            if asked.steps != self._steps:
                return  # of before the clock stepped
            said = (told - _EPOCH) // _MICROSECOND
            bounds = said - answered, said - asked.at
            step = 0
            if self._bounds is not None:
                drift = max(0, answered - self._measured_at) * _DRIFT_PER_MILLION // 1_000_000
                known = self._bounds[0] - drift, self._bounds[1] + drift
                both = max(bounds[0], known[0]), min(bounds[1], known[1])
                if both[0] <= both[1]:
                    bounds = both
                else:
                    step = sum(bounds) // 2 - sum(self._bounds) // 2
            if abs(step) >= STEP_SECONDS * _SECOND:
                self._steps, self._last = self._steps + 1, 0
            self._bounds, self._measured_at = bounds, answered
        if abs(step) >= STEP_SECONDS * _SECOND:
            _log.warning(
                "database_clock_stepped",
                by_seconds=round(step / _SECOND, 3),
                reason="The database's clock was set, another server took over, or this process stood still.",
            )
        self._report_whether_off()

    @property
    def measured_seconds_ago(self) -> float:
        """How old the last measurement is; infinite before the first one."""
        return (self._counter() - self._measured_at) / _SECOND if self._bounds is not None else float("inf")

    @property
    def machine_ahead_seconds(self) -> float | None:
        """By how much the machine's clock is ahead of the database's; None before the first measurement."""
        bounds = self._bounds
        return self._wall() - (self._counter() + sum(bounds) // 2) / _SECOND if bounds is not None else None

    def what_is_off(self) -> str | None:
        """Return what is to be said of the machine's clock, or None when it is right."""
        ahead = self.machine_ahead_seconds
        if ahead is None or abs(ahead) < OFF_SECONDS:
            return None
        where = "ahead of" if ahead > 0 else "behind"
        return f"this machine's clock is {abs(ahead):,.1f} s {where} the database's, which decides; see to NTP on both"

    def _report_whether_off(self) -> None:
        what = self.what_is_off()
        with self._lock:
            changed, self._is_off = self._is_off != (what is not None), what is not None
        if changed and what is not None:
            _log.warning("clock_off", reason=what)
        elif changed:
            _log.warning("clock_right_again")


def between(readings: Sequence[datetime]) -> Between:
    """Return from when to when the database's clock has to be, when it is sent what was decided at these readings."""
    ahead, behind = timedelta(seconds=AHEAD_SECONDS_MAX), timedelta(seconds=BEHIND_SECONDS_MAX)
    return max(readings) - ahead, min(readings) + behind
