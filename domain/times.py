"""Instants. Whoever names one, and in whatever zone: from here on it is in UTC.

PostgreSQL takes no offset of 16 hours or more. So a zone that is kept would stop whatever stores or lists the instant.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, overload

from pydantic import AfterValidator, AwareDatetime


def in_utc(time: datetime) -> datetime:
    """Return the same instant in UTC."""
    return time if time.tzinfo is UTC else time.astimezone(UTC)


@overload
def time_text(time: datetime) -> str: ...


@overload
def time_text(time: datetime | None) -> str | None: ...


def time_text(time: datetime | None) -> str | None:
    """Return a time as it is told everywhere, or None: in UTC with `Z`, and with six digits of a second, always.

    So texts of times are in the order of time. Six are what the log has; with fewer, the time of an event would be
    before the event when it is asked for.
    """
    return None if time is None else in_utc(time).isoformat("T", "microseconds")[: -len("+00:00")] + "Z"


Instant = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time of an event or of a state. Those that are stored already may have another zone; they are not written again."""
