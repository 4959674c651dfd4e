"""A read model with one row per stream: load the rows that a batch is about, apply its events, store what came out.

So a batch costs two statements whatever its length, and a hundred events of one stream are one update. A row is the
state of an aggregate with columns to find and order it by, so it is the domain's events that say what becomes of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from psycopg import sql
from psycopg.rows import kwargs_row

from domain.model import events_of
from projections.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from _typeshed import DataclassInstance

    from application.store.log.reading import Recorded
    from application.store.session import Connection
    from domain.model import Aggregate, Event

    class StreamRow(DataclassInstance, Protocol):
        """A state that events of a stream apply to, with further columns."""

        def complete(self, last: Event) -> None:
            """Set the further columns, by the state and the last event of the stream."""
            ...


S = TypeVar("S", bound="StreamRow")


class StreamBeginsLateError(Exception):
    """An event goes on with a stream whose first event was never projected."""


@dataclass(frozen=True, kw_only=True)
class StreamTable(Table[S]):
    """A read model with a row per stream.

    of: what has the streams.
    stream: the column with a stream's id.
    """

    of: type[Aggregate]
    stream: str

    @cached_property
    def topics(self) -> frozenset[str]:
        return frozenset(events_of(self.of))

    def batch_writer(self) -> _StreamsWriter[S]:
        return _StreamsWriter(self)

    def fold(self, row: S | None, events: Sequence[Event]) -> S:
        """Return the row that further events of its stream lead to; it is the one that was given, if one was."""
        first, last = events[0], events[-1]
        if row is None:
            if first.originator_version != 1:
                raise StreamBeginsLateError(
                    f"{self.name} has no row of stream {first.originator_id}, and this is its version"
                    f" {first.originator_version}"
                )
            row = object.__new__(self.row)
        for event in events:
            event.apply(row)
        row.complete(last)
        return row

    def load(self, connection: Connection, streams: Iterable[UUID]) -> dict[UUID, S]:
        """Return the rows of these streams that are there."""
        with connection.cursor(row_factory=kwargs_row(self.make_row)) as cursor:
            rows = cursor.execute(self._select, (list(streams),))
            return {getattr(row, self.stream): row for row in rows}

    @cached_property
    def _select(self) -> bytes:
        return (
            sql.SQL("SELECT {columns} FROM {table} WHERE {stream} = ANY(%s::uuid[])")
            .format(columns=self.columns, table=self.table, stream=sql.Identifier(self.stream))
            .as_bytes()
        )


class _StreamsWriter(Generic[S]):
    """Keeps the events of each stream together, since rows are about one each."""

    def __init__(self, table: StreamTable[S]) -> None:
        self._table = table
        self._streams: defaultdict[UUID, list[Event]] = defaultdict(list)

    def add(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            self._streams[recorded.event.originator_id].append(recorded.event)

    def store(self, connection: Connection) -> None:
        begun_before = [stream for stream, events in self._streams.items() if events[0].originator_version > 1]
        known = self._table.load(connection, begun_before) if begun_before else {}
        self._table.store(
            connection, (self._table.fold(known.get(stream), events) for stream, events in self._streams.items())
        )
