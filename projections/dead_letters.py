"""Events that a read model could not take in when they came: set aside, so that all others are shown.

What stands here is missing in the lists until a release that can handle the event makes the read model anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.rows import class_row, tuple_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from application.store.log.reading import LoggedEvent
    from application.store.session import Connection
    from projections.read_model import Pool, ReadModel

REASON_CHARS_MAX = 500

_SET_ASIDE = """
INSERT INTO rpawatch_lists.dead_letters (name, position, stream_id, stream_version, topic, reason)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_HEADLESS = (
    "SELECT name, stream_id FROM rpawatch_lists.dead_letters WHERE stream_version = 1 AND name = ANY(%s::text[])"
)
_COUNT = "SELECT count(*) FROM rpawatch_lists.dead_letters WHERE name = ANY(%s::text[])"
_LIST = "SELECT * FROM rpawatch_lists.dead_letters WHERE name = ANY(%s::text[]) ORDER BY position, name LIMIT %s"
_FORGET = "DELETE FROM rpawatch_lists.dead_letters WHERE name = %s"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a read model lacks. reason: the kind of the error and its first line."""

    name: str
    position: int
    stream_id: UUID
    stream_version: int
    topic: str
    reason: str
    set_aside_at: datetime


def set_aside(connection: Connection, model: ReadModel, entry: LoggedEvent, error: Exception) -> None:
    """Note that a read model goes on without an event."""
    values = (model.name, entry.position, entry.originator_id, entry.originator_version, entry.topic, reason_of(error))
    connection.execute(_SET_ASIDE, values)


def reason_of(error: Exception) -> str:
    """Return what went wrong, in one line of bounded length that PostgreSQL takes."""
    lines = str(error).replace("\0", "").encode(errors="replace").decode().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:REASON_CHARS_MAX]


def headless_streams(connection: Connection, models: Sequence[ReadModel]) -> list[tuple[str, UUID]]:
    """Return the streams whose first event was set aside, with the read model that lacks it."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(_HEADLESS, ([model.name for model in models],)).fetchall()


def count(connection: Connection, models: Sequence[ReadModel]) -> int:
    """Return how many events are missing in these read models."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_COUNT, ([model.name for model in models],)).fetchone()
    return row[0] if row else 0


def list_dead_letters(pool: Pool, models: Sequence[ReadModel], limit: int) -> list[DeadLetter]:
    """Return the first ones in the order of the log."""
    with pool.get_connection() as connection, connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        return cursor.execute(_LIST, ([model.name for model in models], limit)).fetchall()


def forget(connection: Connection, name: str) -> None:
    """Forget what a read model lacked, since it was made anew."""
    connection.execute(_FORGET, (name,))
