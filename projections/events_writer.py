"""Writes a batch of which the events themselves are kept until it is stored: few, or small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.store.log.reading import Recorded
    from application.store.session import Connection


class _Applying(Protocol):
    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None: ...


class EventsWriter:
    """Gives all events of a batch to the table's `apply`."""

    def __init__(self, table: _Applying) -> None:
        self._table = table
        self._events: list[Recorded] = []

    def add(self, events: Sequence[Recorded]) -> None:
        self._events += events

    def store(self, connection: Connection) -> None:
        """Apply them. Raises what `apply` does."""
        self._table.apply(connection, self._events)
