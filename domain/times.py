"""Instants. Whoever names one, and in whatever zone: from here on it is in UTC.

PostgreSQL takes no offset of 16 hours or more. So a zone that is kept would stop whatever stores or lists the instant.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def in_utc(time: datetime) -> datetime:
    """Return the same instant in UTC."""
    return time.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time of an event or of a state. Those that are stored already may have another zone; they are not written again."""
