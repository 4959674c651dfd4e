"""Time is a collaborator: the application is given a clock, and tests give it one of their own."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def __call__(self) -> datetime:
        """Return now, in UTC."""
        ...


def system_clock() -> datetime:
    """Return the time of this machine, in UTC, with microseconds."""
    return datetime.now(UTC)
