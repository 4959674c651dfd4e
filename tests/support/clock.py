"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """Tells the time that it was set to. Several threads may read it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    @property
    def now(self) -> datetime:
        return self._now

    @now.setter
    def now(self, now: datetime) -> None:
        if now.utcoffset() != timedelta(0):
            raise ValueError("the clock tells UTC")
        self._now = now.astimezone(UTC)

    def advance(self, by: timedelta) -> datetime:
        """Move the clock, also back, and return what it says then."""
        self.now += by
        return self.now
