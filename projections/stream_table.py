"""A read model with one row per stream: load the rows that a batch is about, fold its events, store what came out.

So a batch costs two statements whatever its length, a hundred events of one stream are one update, and a handler knows
nothing but row and event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from psycopg import sql
from psycopg.rows import kwargs_row

from projections.table import R, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from domain.model import Event
    from projections.read_model import Connection, Recorded

Handlers: TypeAlias = Mapping[str, Callable[[Any, Any], R]]
"""Topic to a function of the row so far and the event, which returns the row as it is then.

The row is None for the first event of a stream, and for no other. Where it is not frozen, a handler may change it: it
is the batch's own.
"""


class StreamBeginsLateError(Exception):
    """An event goes on with a stream whose first event was never projected."""


@dataclass(frozen=True, kw_only=True)
class StreamTable(Table[R]):
    """stream: the column with the stream's id. handlers: what each event makes of a row."""

    stream: str
    handlers: Handlers[R]

    @property
    def topics(self) -> frozenset[str]:
        """The events that it is made of."""
        return frozenset(self.handlers)

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Take in events in the order of the log. Raises StreamBeginsLateError, and what a handler raises."""
        rows: dict[UUID, R | None] = {}
        known = []
        for recorded in events:
            stream = recorded.event.originator_id
            if stream not in rows:
                rows[stream] = None
                if recorded.event.originator_version > 1:
                    known.append(stream)
        if known:
            rows |= self.load(connection, known)
        for recorded in events:
            stream = recorded.event.originator_id
            rows[stream] = self.fold(rows[stream], recorded.topic, recorded.event)
        self.store(connection, (row for row in rows.values() if row is not None))

    def fold(self, row: R | None, topic: str, event: Event) -> R:
        """Return what an event makes of a row."""
        if row is None and event.originator_version != 1:
            raise StreamBeginsLateError(
                f"{self.name} has no row of stream {event.originator_id}, and this is its version"
                f" {event.originator_version}"
            )
        return self.handlers[topic](row, event)

    def load(self, connection: Connection, streams: Iterable[UUID]) -> dict[UUID, R]:
        """Return the rows of these streams that are there."""
        with connection.cursor(row_factory=kwargs_row(self.make_row)) as cursor:
            rows = cursor.execute(self._select, (list(streams),))
            return {getattr(row, self.stream): row for row in rows}

    @cached_property
    def _select(self) -> sql.Composed:
        return sql.SQL("SELECT {columns} FROM {table} WHERE {stream} = ANY(%s::uuid[])").format(
            columns=self.columns, table=self.table, stream=sql.Identifier(self.stream)
        )
