"""Commands that are decided together: each on what those before it leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from application.pending_command import Done, Sent
from application.store.errors import StoreUnavailableError
from application.store.log.recorder import AppendGroup
from application.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from eventsourcing.persistence import StoredEvent

    from application.event_sourcing import EventSourcing
    from application.pending_command import PendingCommand
    from application.streams import Streams
    from application.unit_of_work import A, Command
    from domain.model import Aggregate


@dataclass(slots=True)
class Decided:
    """What one command came to, if the append goes well."""

    pending: PendingCommand
    result: Any = None
    error: BaseException | None = None
    changed: list[Aggregate] = field(default_factory=list)
    events: list[StoredEvent] = field(default_factory=list)

    def outcome(self, position: int) -> Done[Any] | BaseException:
        return self.error or Done(self.result, position if self.events else 0)


@dataclass(slots=True, eq=False)
class CommandGroup(AppendGroup):
    """Commands that build on each other, so that they are appended together or not at all.

    changes: places of streams. Not the streams, which know their group: what refers to each other in a circle is let go
    of only when Python looks for circles, and a large report is worth letting go of at once.
    """

    decided: list[Decided] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Stream:
    """A stream that a command has met.

    place: its number in the batch.
    version: in the log, 0 when it is not there.
    fresh: it was read there just now.
    now: the aggregate as the commands so far leave it, not to be changed.
    changed_in: the group that changes it.
    """

    id: UUID
    place: int
    version: int
    fresh: bool
    now: Aggregate | None
    changed_in: CommandGroup | None = None


class Batch:
    """Commands that are decided one after the other, each on what those before it leave behind.

    streams: all that were met, by their place. bytes: of all events. readings: of the clock, when they were decided.
    """

    def __init__(
        self,
        streams: Streams,
        event_sourcing: EventSourcing,
        handlers: Mapping[type[Command], Callable[[UnitOfWork, Any], Any]],
    ) -> None:
        self._cache = streams
        self._to_stored = event_sourcing.mapper.to_stored_event
        self._handlers = handlers
        self._known: dict[UUID, Stream] = {}
        self._met: list[Stream] = []
        self._fresh: set[UUID] = set()
        self.groups: list[CommandGroup] = []
        self.streams: list[Stream] = []
        self.bytes = 0
        self.readings: list[datetime] = []

    def mark_fresh(self, stream_ids: Iterable[UUID]) -> None:
        """Know that the cache has these as they are: the log was asked just now."""
        self._fresh.update(stream_ids)

    def mark_absent(self, stream_ids: Iterable[UUID]) -> None:
        """Know that these are not there: the log was asked just now."""
        for stream_id in stream_ids:
            self._add(stream_id, None, fresh=True)

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return a copy of the aggregate as the commands so far leave it, or None. Raises StoreUnavailableError."""
        stream = self._known.get(aggregate_id)
        if stream is None:
            found, fresh = self._cache.find(kind, aggregate_id)
            stream = self._add(aggregate_id, found, fresh=fresh or aggregate_id in self._fresh)
        self._met.append(stream)
        return stream.now.copy() if type(stream.now) is kind else None

    def decide(self, pending: PendingCommand, now: datetime) -> None:
        """Decide one command. Raises StoreUnavailableError."""
        self._met = []
        self.readings.append(now)
        work = UnitOfWork(self, pending.command, now)
        decided = Decided(pending)
        try:
            decided.result = self._handlers[type(pending.command)](work, pending.command)
            decided.changed = work.changed()
            decided.events = [
                self._to_stored(event) for aggregate in decided.changed for event in aggregate.collect_events()
            ]
        except StoreUnavailableError:
            raise
        except BaseException as error:  # noqa: BLE001 - a refusal or a bug, told to who asked if what it is based on holds
            decided = Decided(pending, error=error)
        changes = [self._changed(aggregate) for aggregate in decided.changed]
        group = self._group_of([*self._met, *changes])
        group.decided.append(decided)
        group.events += decided.events
        group.based_on.update([stream.place for stream in self._met], [stream.place for stream in changes])
        for stream in changes:
            if stream.changed_in is not group:
                stream.changed_in = group
                group.changes.append(stream.place)
        self.bytes += sum([len(event.state) for event in decided.events])

    def _add(self, stream_id: UUID, now: Aggregate | None, *, fresh: bool) -> Stream:
        stream = Stream(stream_id, len(self.streams), now.version if now is not None else 0, fresh, now)
        self._known[stream_id] = stream
        self.streams.append(stream)
        return stream

    def _changed(self, aggregate: Aggregate) -> Stream:
        """Take in what a command has made of an aggregate, or begun without looking whether it is there."""
        stream = self._known.get(aggregate.id)
        if stream is None:
            stream = self._add(aggregate.id, None, fresh=True)
        stream.now = aggregate
        return stream

    def _group_of(self, streams: list[Stream]) -> CommandGroup:
        """Return the group that changes these streams; several are made one; a new one when there is none."""
        group: CommandGroup | None = None
        for stream in streams:
            other = stream.changed_in
            if group is None:
                group = other
            elif other is not None and other is not group:
                group.decided += other.decided
                group.events += other.events
                group.based_on |= other.based_on
                group.changes += other.changes
                for place in other.changes:
                    self.streams[place].changed_in = group
                self.groups.remove(other)
        if group is None:
            group = CommandGroup()
            self.groups.append(group)
        return group

    def record_sent(self) -> None:
        """Remember for each command with events that they were sent to the log, with an unknown outcome."""
        for group in self.groups:
            for decided in group.decided:
                if decided.events:
                    decided.pending.sent.append(Sent(decided.events[0], decided.result))
