"""A read model whose rows are made of one event each: nothing that is there need be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

import orjson

from projections.table import R, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.store.log.reading import Recorded
    from application.store.session import Connection

Makers: TypeAlias = Mapping[str, Callable[[Any, int], Iterable[R]]]
"""Topic to a function of the event and its position in the log, which returns its rows."""

STORE_BYTES_MAX = 1024 * 1024
"""Stored in one statement, beyond the last rows: it exists in several forms at once, here and in the database."""
_ROWS_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class EventTable(Table[R]):
    """makers: what rows each event gives."""

    makers: Makers[R]

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(self.makers)

    def batch_writer(self) -> RowsWriter[R]:
        return RowsWriter(self)

    def make(self, recorded: Recorded) -> Iterable[R]:
        """Return the rows of an event. Raises what a maker raises."""
        return self.makers[recorded.topic](recorded.event, recorded.position)


class RowsWriter(Generic[R]):
    """Makes the rows of each event at once, and lets go of it."""

    def __init__(self, table: EventTable[R]) -> None:
        self._table = table
        self._pieces: list[bytes] = []

    def add(self, events: Sequence[Recorded]) -> None:
        """Make the rows of further events. Raises what a maker raises."""
        rows = (row for recorded in events for row in self._table.make(recorded))
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            self._pieces.append(orjson.dumps(some)[1:-1])

    def store(self, connection: Connection) -> None:
        pieces: list[bytes] = []
        size = 0
        for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size >= STORE_BYTES_MAX:
                self._store(connection, pieces)
                pieces, size = [], 0
        if pieces:
            self._store(connection, pieces)

    def _store(self, connection: Connection, pieces: Sequence[bytes]) -> None:
        self._table.store_json(connection, b"[" + b",".join(pieces) + b"]")
