"""Commands that are decided together: each on what those before it leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from application.store.errors import StoreUnavailableError
from application.store.recorder import Part
from application.ticket import Done, Sent
from application.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from eventsourcing.persistence import StoredEvent

    from application.event_sourcing import EventSourcing
    from application.streams import Streams
    from application.ticket import Ticket
    from application.work import A, Command
    from domain.model import Aggregate


@dataclass(slots=True)
class Decided:
    """What one command came to, if the append goes well."""

    ticket: Ticket
    result: Any = None
    error: Exception | None = None
    changed: list[Aggregate] = field(default_factory=list)
    events: list[StoredEvent] = field(default_factory=list)

    def outcome(self, position: int) -> Done[Any] | Exception:
        """Return the answer."""
        return self.error or Done(self.result, position if self.events else 0)


@dataclass(slots=True, eq=False)
class CommandPart(Part):
    """Commands that build on each other, so that they are appended together or not at all."""

    decided: list[Decided] = field(default_factory=list)
    changes: set[UUID] = field(default_factory=set)


class Batch:
    """Commands that are decided one after the other, each on what those before it leave behind.

    versions: of every stream that was met, as it stands in the log; 0 for one that is not there. fresh: those that were
    read from the log just now. bytes: of all events.
    """

    def __init__(
        self,
        streams: Streams,
        event_sourcing: EventSourcing,
        handlers: Mapping[type[Command], Callable[[Work, Any], Any]],
    ) -> None:
        self._streams = streams
        self._to_stored = event_sourcing.mapper.to_stored_event
        self._handlers = handlers
        self._now_is: dict[UUID, Aggregate | None] = {}
        self._changed_in: dict[UUID, CommandPart] = {}
        self.parts: list[CommandPart] = []
        self.versions: dict[UUID, int] = {}
        self.fresh: set[UUID] = set()
        self.bytes = 0

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return a copy of the aggregate as the commands so far leave it, or None. Raises StoreUnavailableError."""
        if aggregate_id in self._now_is:
            found = self._now_is[aggregate_id]
        else:
            found, fresh = self._streams.find(kind, aggregate_id)
            self._now_is[aggregate_id] = found
            self.versions[aggregate_id] = found.version if found is not None else 0
            if fresh:
                self.fresh.add(aggregate_id)
        return found.copy() if isinstance(found, kind) else None

    def note_absent(self, aggregate_ids: Iterable[UUID]) -> None:
        """Know that these are not there: the log was asked just now."""
        for aggregate_id in aggregate_ids:
            self._now_is[aggregate_id] = None
            self.versions[aggregate_id] = 0
            self.fresh.add(aggregate_id)

    def decide(self, ticket: Ticket, now: datetime) -> None:
        """Decide one command. Raises StoreUnavailableError."""
        work = Work(self, ticket.command, now)
        decided = Decided(ticket)
        try:
            decided.result = self._handlers[type(ticket.command)](work, ticket.command)
            decided.changed = work.changed()
            decided.events = [
                self._to_stored(event) for aggregate in decided.changed for event in aggregate.collect_events()
            ]
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a refusal or a bug, told to who asked if what it is based on holds
            decided = Decided(ticket, error=error)
        for aggregate in decided.changed:
            self._now_is[aggregate.id] = aggregate
            self.versions.setdefault(aggregate.id, 0)
        part = self._part_of(work)
        part.decided.append(decided)
        part.events += decided.events
        part.based_on.update(stream for stream in work.met() if stream in self.versions)
        for aggregate in decided.changed:
            part.changes.add(aggregate.id)
            self._changed_in[aggregate.id] = part
        self.bytes += sum(len(event.state) for event in decided.events)

    def _part_of(self, work: Work) -> CommandPart:
        """Return the part of a command: the one that changes what it has met, several made one, or a new one."""
        found = {id(part): part for stream in work.met() if (part := self._changed_in.get(stream)) is not None}
        if not found:
            self.parts.append(CommandPart())
            return self.parts[-1]
        first, *others = found.values()
        for other in others:
            first.decided += other.decided
            first.events += other.events
            first.based_on |= other.based_on
            first.changes |= other.changes
            self._changed_in.update(dict.fromkeys(other.changes, first))
            self.parts.remove(other)
        return first

    def note_sent(self) -> None:
        """Remember for each command with events that they were sent to the log, with an unknown outcome."""
        for part in self.parts:
            for decided in part.decided:
                if decided.events:
                    decided.ticket.sent.append(Sent(decided.events[0], decided.result))
