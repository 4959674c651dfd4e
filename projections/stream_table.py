"""A read model with one row per stream: load the rows that a batch is about, fold its events, store what came out.

So a batch costs two statements whatever its length, a hundred events of one stream are one update, and a handler knows
nothing but row and event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

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

    def intake(self) -> _StreamsIntake[R]:
        """Return what takes in a batch of events."""
        return _StreamsIntake(self)

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


class _StreamsIntake(Generic[R]):
    """Keeps the events of each stream together, since rows are about one each."""

    def __init__(self, table: StreamTable[R]) -> None:
        self._table = table
        self._streams: defaultdict[UUID, list[Recorded]] = defaultdict(list)

    def add(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            self._streams[recorded.event.originator_id].append(recorded)

    def store(self, connection: Connection) -> None:
        begun_before = [stream for stream, events in self._streams.items() if events[0].event.originator_version > 1]
        known = self._table.load(connection, begun_before) if begun_before else {}
        rows = (row for stream, events in self._streams.items() if (row := self._folded(known.get(stream), events)))
        self._table.store(connection, rows)

    def _folded(self, row: R | None, events: Sequence[Recorded]) -> R | None:
        for recorded in events:
            row = self._table.fold(row, recorded.topic, recorded.event)
        return row
