"""What there is of read models in the database: how far each is, how large, what it lacks, and what nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from application.store.log.reading import LAST_POSITION
from projections.rebuild import CHECKED, REBUILT, drop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.read_model import Connect, Pool, ReadModel

_STATUS = f"""
SELECT name, position, is_complete,
    greatest(0, {LAST_POSITION} - position) AS behind,
    (SELECT count(*) FROM rpawatch_lists.dead_letters AS letter WHERE letter.name = kept.name) AS dead_letters,
    coalesce(reltuples, -1)::bigint AS rows_about,
    coalesce(pg_total_relation_size(pg_class.oid), 0) AS bytes
FROM rpawatch_lists.positions AS kept
LEFT JOIN pg_class ON relname = kept.name AND relnamespace = 'rpawatch_lists'::regnamespace
ORDER BY name
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class TableStatus:
    """A table of read models.

    rows_about: as PostgreSQL last counted, -1 when it never has.
    behind: in events.
    bytes: with its indexes.
    """

    name: str
    position: int
    is_complete: bool
    behind: int
    dead_letters: int
    rows_about: int
    bytes: int


def status(pool: Pool) -> list[TableStatus]:
    """Return every table that was made, also those of other releases and of a rebuild that goes on."""
    with pool.get_connection() as connection, connection.cursor(row_factory=class_row(TableStatus)) as cursor:
        return cursor.execute(_STATUS).fetchall()


def unused(tables: Sequence[TableStatus], models: Sequence[ReadModel]) -> list[str]:
    """Return the tables that this release does not read: left by another one, or by a rebuild that was ended."""
    read = {model.name for model in models}
    being_made = {name + suffix for name in read for suffix in (REBUILT, CHECKED)}
    return [table.name for table in tables if table.name not in read | being_made]


def drop_unused(connect: Connect, names: Sequence[str]) -> None:
    """Drop tables that nobody reads. Raises psycopg.Error."""
    with connect() as connection:
        connection.autocommit = True
        for name in names:
            drop(connection, name)
