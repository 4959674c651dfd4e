"""Brings read models on along the log, batch by batch: following it, or making one anew.

An event that a read model can't take in does not stop the others. Batches get smaller until it stands alone; then it
is for the caller to say what becomes of it (dead_letters.py, rebuild.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from projections.log import read_log
from projections.read_model import Recorded
from projections.tracking import PositionMovedError, move

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias
    from uuid import UUID

    from projections.read_model import Connection, Decode, LogEntry, ReadModel

    OnBadEvent: TypeAlias = Callable[["ReadModel", LogEntry, Exception], None]
    """What becomes of an event that a read model can't take in: it returns, and the event is left out, or raises."""

BATCH_EVENTS_MAX = 4_000
"""In one transaction. A key that was used often in a batch is changed once, so large ones are cheaper; see
docs/performance.md."""
STRETCH_POSITIONS_MAX = 20_000
"""Positions that one statement reads across: events that no read model wants are read past, in bounded time."""


class Feed:
    """One connection's way along the log. left_out: streams of which a read model, by name, lacks the beginning."""

    def __init__(self, connection: Connection, decode: Decode, on_bad_event: OnBadEvent) -> None:
        self._connection = connection
        self._decode = decode
        self._on_bad_event = on_bad_event
        self._batch_events = BATCH_EVENTS_MAX
        self.left_out: dict[str, set[UUID]] = {}

    def advance(self, models: Sequence[ReadModel], before: int, log_position: int) -> int:
        """Bring models that are at one position one batch further, and return the position where they are then.

        Raises what `on_bad_event` raises, PositionMovedError, psycopg.Error.
        """
        until = min(log_position, before + STRETCH_POSITIONS_MAX)
        topics = frozenset[str]().union(*(model.topics for model in models))
        entries, after = read_log(
            self._connection,
            topics,
            after=before,
            until=until,
            limit=self._batch_events,
        )
        try:
            if len(entries) == 1:
                self._apply_one(models, entries[0], before, after)
            else:
                self._apply(models, entries, before, after)
        except Exception as error:
            if len(entries) <= 1 or not is_the_events_fault(error):
                # A batch that the database can't take in time is tried again in parts.
                self._batch_events = max(1, self._batch_events // 2)
                raise
            # Smaller batches find the one that is to blame, whatever it fails at, and show all that come before it.
            self._batch_events = len(entries) // 2
            return before
        self._batch_events = min(BATCH_EVENTS_MAX, 2 * self._batch_events)
        return after

    def _apply(self, models: Sequence[ReadModel], entries: Sequence[LogEntry], before: int, after: int) -> None:
        events = [Recorded(entry.position, entry.topic, self._decode(entry)) for entry in entries]
        with self._connection.transaction():
            for model in models:
                wanted = [recorded for recorded in events if recorded.topic in model.topics]
                if (left_out := self.left_out.get(model.name)) is not None:
                    wanted = [recorded for recorded in wanted if recorded.event.originator_id not in left_out]
                if wanted:
                    model.apply(self._connection, wanted)
            move(self._connection, models, before=before, after=after)

    def _apply_one(self, models: Sequence[ReadModel], entry: LogEntry, before: int, after: int) -> None:
        wanting = [
            model
            for model in models
            if entry.topic in model.topics and entry.originator_id not in self.left_out.get(model.name, ())
        ]
        try:
            recorded = Recorded(entry.position, entry.topic, self._decode(entry))
        except Exception as error:  # noqa: BLE001 - whatever it is, the event is to blame
            unreadable: Exception | None = error
        else:
            unreadable = None
        with self._connection.transaction():
            for model in wanting:
                if unreadable is None:
                    self._apply_to(model, entry, recorded)
                else:
                    self._leave_out_event(model, entry, unreadable)
            move(self._connection, models, before=before, after=after)

    def _apply_to(self, model: ReadModel, entry: LogEntry, recorded: Recorded) -> None:
        try:
            with self._connection.transaction():
                model.apply(self._connection, [recorded])
        except Exception as error:
            if not is_the_events_fault(error):
                raise
            self._leave_out_event(model, entry, error)

    def _leave_out_event(self, model: ReadModel, entry: LogEntry, error: Exception) -> None:
        self._on_bad_event(model, entry, error)
        if entry.originator_version == 1:
            self.leave_out(model.name, entry.originator_id)

    def leave_out(self, name: str, stream: UUID) -> None:
        """Leave the events of a stream out of a read model, which lacks the first one."""
        self.left_out.setdefault(name, set()).add(stream)


def is_the_events_fault(error: Exception) -> bool:
    """Return whether an event is to blame, and not the database or somebody else."""
    if isinstance(error, psycopg.Error):
        # Of the database's errors these are about values; others are lost connections, rights, missing tables.
        return isinstance(error, psycopg.DataError | psycopg.IntegrityError | psycopg.errors.ProgramLimitExceeded)
    return not isinstance(error, PositionMovedError)
