"""Brings read models on along the log, batch by batch: following it, or making one anew.

While PostgreSQL stores one batch, the next is read and made ready, which takes as long. An event that a read model
can't take in does not stop the others. Batches get smaller until it stands alone; then it is for the caller to say what
becomes of it (dead_letters.py, rebuild.py).
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from application.store.log.reading import Recorded, read_range
from projections.memory import give_back
from projections.read_model import apply
from projections.tracking import PositionMovedError, move

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias
    from uuid import UUID

    from application.store.log.reading import LoggedEvent
    from application.store.session import Connection
    from projections.read_model import BatchWriter, Decode, ReadModel

    OnBadEvent: TypeAlias = Callable[["ReadModel", LoggedEvent, Exception], None]
    """What becomes of an event that a read model can't take in: it returns, and the event is left out, or raises."""

BATCH_EVENTS_MAX = 4_000
"""Most events in one transaction. A key that was used often in a batch is changed once, so large ones are cheaper;
see docs/performance.md."""
RANGE_POSITIONS_MAX = 20_000
"""Positions that one statement reads across: events that no read model wants are read past, in bounded time."""
DECODED_AT_ONCE = 100
"""Events of a batch that are decoded at once: what is made of them is smaller than they are, and what was just made
is still in the processor's cache. With all of a batch at once the same work took a sixth longer."""
DECODED_BYTES_AT_ONCE = 256 * 1024
"""The same for large events: ten to twenty times as many bytes of memory while they are decoded."""
LARGE_BYTES_MIN = 1024 * 1024
"""Size of an event after which memory is given back: of eight of 9 MB, 63 MB were kept, and are 22."""
TURN_SECONDS = 0.0002
"""Longest turn of one thread while the other waits. With Python's 5 ms PostgreSQL has nothing to do after each
statement, and between the pieces of a large one: catching up took a quarter longer."""
_USUAL_TURN_SECONDS = sys.getswitchinterval()


@dataclass(frozen=True, slots=True)
class _LogRange:
    """Events of the log after one position and until another."""

    before: int
    after: int
    entries: Sequence[LoggedEvent]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events that are ready to be stored."""

    before: int
    after: int
    size: int
    writers: Sequence[BatchWriter]


class Feed:
    """One connection's way along the log. left_out: streams of which a read model, by name, lacks the beginning."""

    def __init__(self, connection: Connection, decode: Decode, on_bad_event: OnBadEvent) -> None:
        self._connection = connection
        self._decode = decode
        self._on_bad_event = on_bad_event
        self._batch_events = BATCH_EVENTS_MAX
        self._has_read_large = False
        self._ahead: dict[frozenset[str], _Batch] = {}
        self.left_out: dict[str, set[UUID]] = {}

    def advance(self, models: Sequence[ReadModel], before: int, log_position: int) -> int:
        """Bring models that are at one position one batch further, and return the position where they are then.

        Raises what `on_bad_event` raises, PositionMovedError, psycopg.Error.
        """
        batch = self._take_ahead(models, before)
        size = 0 if batch is None else batch.size
        try:
            if batch is None:
                log_range = self._read(models, before, log_position)
                size = len(log_range.entries)
                if size == 1:
                    self._apply_one(models, log_range)
                    after = log_range.after
                    del log_range
                    return self._moved_to(after)
                batch = self._make_ready(models, log_range)
            self._store_and_look_ahead(models, batch, log_position)
        except Exception as error:
            if size <= 1 or not is_the_events_fault(error):
                # A batch that the database can't take in time is tried again in parts.
                self._batch_events = max(1, self._batch_events // 2)
                raise
            # Smaller batches find the one that is to blame, whatever it fails at, and show all that come before it.
            self._batch_events = size // 2
            return before
        after = batch.after
        del batch
        return self._moved_to(after)

    def _moved_to(self, position: int) -> int:
        self._batch_events = min(BATCH_EVENTS_MAX, 2 * self._batch_events)
        if self._has_read_large:
            self._has_read_large = False
            give_back()
        return position

    def _read(self, models: Sequence[ReadModel], before: int, log_position: int) -> _LogRange:
        topics = frozenset[str]().union(*(model.topics for model in models))
        until = min(log_position, before + RANGE_POSITIONS_MAX)
        entries, after = read_range(
            self._connection, after=before, until=until, limit=self._batch_events, topics=topics
        )
        self._has_read_large |= any(len(entry.state) >= LARGE_BYTES_MIN for entry in entries)
        return _LogRange(before, after, entries)

    def _make_ready(self, models: Sequence[ReadModel], log_range: _LogRange) -> _Batch:
        """Do all that can be done without the database."""
        writers: dict[str, BatchWriter] = {}
        for piece in _pieces(log_range.entries):
            # In a method of its own, so that one piece is gone before the next is decoded.
            self._take_in(models, writers, piece)
        return _Batch(log_range.before, log_range.after, len(log_range.entries), list(writers.values()))

    def _take_in(
        self, models: Sequence[ReadModel], writers: dict[str, BatchWriter], piece: Sequence[LoggedEvent]
    ) -> None:
        """Add events to the writers, by name, of the models that want some of them."""
        events = [self._recorded(entry) for entry in piece]
        for model in models:
            if wanted := self._wanted(model, events):
                if model.name not in writers:
                    writers[model.name] = model.batch_writer()
                writers[model.name].add(wanted)

    def _wanted(self, model: ReadModel, events: Sequence[Recorded]) -> list[Recorded]:
        topics = model.topics
        wanted = [recorded for recorded in events if recorded.topic in topics]
        if left_out := self.left_out.get(model.name):
            return [recorded for recorded in wanted if recorded.event.originator_id not in left_out]
        return wanted

    def _store_and_look_ahead(self, models: Sequence[ReadModel], batch: _Batch, log_position: int) -> None:
        following = self._read(models, batch.after, log_position) if batch.after < log_position else None
        if following is None or len(following.entries) <= 1:
            self._store(models, batch)
            return
        with _short_turns(), ThreadPoolExecutor(max_workers=1, thread_name_prefix="projections-store") as beside:
            storing = beside.submit(self._store, models, batch)
            try:
                ahead = self._make_ready(models, following)
            except Exception:  # noqa: BLE001 - it is made ready again when its turn has come, and fails then
                ahead = None
            storing.result()
        if ahead is not None:
            self._ahead[_names(models)] = ahead

    def _take_ahead(self, models: Sequence[ReadModel], before: int) -> _Batch | None:
        """Return the batch that was made ready for these models, and forget what was for some of them among others."""
        names = _names(models)
        batch = self._ahead.pop(names, None)
        self._ahead = {others: ready for others, ready in self._ahead.items() if others.isdisjoint(names)}
        return batch if batch is not None and batch.before == before else None

    def _store(self, models: Sequence[ReadModel], batch: _Batch) -> None:
        with self._connection.transaction():
            for writer in batch.writers:
                writer.store(self._connection)
            move(self._connection, models, before=batch.before, after=batch.after)

    def _recorded(self, entry: LoggedEvent) -> Recorded:
        return Recorded(entry.position, entry.topic, self._decode(entry))

    def _apply_one(self, models: Sequence[ReadModel], log_range: _LogRange) -> None:
        [entry] = log_range.entries
        wanting = [
            model
            for model in models
            if entry.topic in model.topics and entry.originator_id not in self.left_out.get(model.name, ())
        ]
        try:
            recorded = self._recorded(entry)
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
            move(self._connection, models, before=log_range.before, after=log_range.after)

    def _apply_to(self, model: ReadModel, entry: LoggedEvent, recorded: Recorded) -> None:
        try:
            with self._connection.transaction():
                apply(model, self._connection, [recorded])
        except Exception as error:
            if not is_the_events_fault(error):
                raise
            self._leave_out_event(model, entry, error)

    def _leave_out_event(self, model: ReadModel, entry: LoggedEvent, error: Exception) -> None:
        self._on_bad_event(model, entry, error)
        if entry.originator_version == 1:
            self.leave_out(model.name, entry.originator_id)

    def leave_out(self, name: str, stream: UUID) -> None:
        """Leave the events of a stream out of a read model, which lacks the first one."""
        self.left_out.setdefault(name, set()).add(stream)


def _pieces(entries: Sequence[LoggedEvent]) -> Iterator[list[LoggedEvent]]:
    piece: list[LoggedEvent] = []
    size = 0
    for entry in entries:
        piece.append(entry)
        size += len(entry.state)
        if len(piece) == DECODED_AT_ONCE or size >= DECODED_BYTES_AT_ONCE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


@contextmanager
def _short_turns() -> Iterator[None]:
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(_USUAL_TURN_SECONDS)


def _names(models: Sequence[ReadModel]) -> frozenset[str]:
    return frozenset(model.name for model in models)


def is_the_events_fault(error: Exception) -> bool:
    """Return whether an event is to blame, and not the database or somebody else."""
    if isinstance(error, psycopg.Error):
        # Of the database's errors these are about values; others are lost connections, rights, missing tables.
        return isinstance(error, psycopg.DataError | psycopg.IntegrityError | psycopg.errors.ProgramLimitExceeded)
    return not isinstance(error, PositionMovedError)
