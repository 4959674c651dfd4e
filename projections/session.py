"""How a session that works on the read models begins: with its own settings, and alone with its kind of work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projections.read_model import Connection


def begin_session(connection: Connection, settings: Mapping[str, str]) -> None:
    """Give a connection these settings of PostgreSQL; each statement commits by itself from now on."""
    connection.autocommit = True
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def try_lock(connection: Connection, lock: int) -> bool:
    """Take an advisory lock until it is let go, or the session ends, and return whether it was free."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchone()
    return bool(row and row[0])


def unlock(connection: Connection, lock: int) -> None:
    """Let an advisory lock go. The database notices that a connection was closed only some time after it was."""
    connection.execute("SELECT pg_advisory_unlock(%s)", (lock,))
