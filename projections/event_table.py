"""A read model whose rows are made of one event each: nothing that is there need be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from projections.table import R, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.read_model import Connection, Recorded

Makers: TypeAlias = Mapping[str, Callable[[Any, int], Iterable[R]]]
"""Topic to a function of the event and its position in the log, which returns its rows."""


@dataclass(frozen=True, kw_only=True)
class EventTable(Table[R]):
    """makers: what rows each event gives."""

    makers: Makers[R]

    @property
    def topics(self) -> frozenset[str]:
        """The events that it is made of."""
        return frozenset(self.makers)

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Take in events in the order of the log. Raises what a maker raises."""
        rows = [row for recorded in events for row in self.makers[recorded.topic](recorded.event, recorded.position)]
        if rows:
            self.store(connection, rows)
