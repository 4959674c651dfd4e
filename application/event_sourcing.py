"""The event-sourced application: the library's event stores and repositories, on a log of our own.

It reads aggregates and records events. What may be asked of it is in commands.py; commands go through
command_queue.py and nothing else appends.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.persistence import EventStore

from application.store.log.recorder import EventRecorder, SnapshotRecorder
from application.store.mapper import EventMapper, UnreadableEventError
from domain.api_key import ApiKey
from domain.key_snapshot import ApiKeySnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.store.database import Database
    from application.unit_of_work import A
    from domain.model import Aggregate, Event

SNAPSHOT_INTERVAL = 100
"""Events of a key between snapshots: reading a key takes one snapshot and at most this many events."""
LATER_EVENTS_MAX = SNAPSHOT_INTERVAL + 1
"""Most events of one stream that are read to bring an aggregate up to date. With more, reading it anew is no dearer."""


class EventSourcing:
    """The log and the aggregates in it. database: opened and closed by the caller."""

    def __init__(self, database: Database) -> None:
        self.mapper = EventMapper()
        self.recorder = EventRecorder(database)
        self.events = EventStore[UUID](self.mapper, self.recorder)
        self.snapshots = EventStore[UUID](self.mapper, SnapshotRecorder(database))
        self._repository = Repository[UUID](self.events)
        self._repository_of_keys = Repository[UUID](self.events, snapshot_store=self.snapshots)

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Read an aggregate from the store as it is now; None when nothing of that kind stands there."""
        found = self.read(kind, aggregate_id)
        return found if isinstance(found, kind) else None

    def read(self, kind: type[Aggregate], aggregate_id: UUID) -> Aggregate | None:
        """Read what stands in a stream, which should be of that kind; None when nothing does."""
        with suppress(AggregateNotFoundError):
            if kind is ApiKey:
                # A snapshot that can't be read can be done without; if it is an event, that says so again.
                with suppress(UnreadableEventError):
                    return self._repository_of_keys.get(aggregate_id)
            return self._repository.get(aggregate_id)
        return None

    def later_events(self, versions: Mapping[UUID, int]) -> dict[UUID, list[Event]]:
        """Return the events of each stream after the version given, without those that have none; bounded for each.

        Raises StoreUnavailableError, UnreadableEventError.
        """
        later: dict[UUID, list[Event]] = {}
        for stored in self.recorder.select_later(versions, limit=LATER_EVENTS_MAX):
            event: Event = self.mapper.to_domain_event(stored)
            later.setdefault(event.originator_id, []).append(event)
        return later

    def take_snapshots(self, aggregates: list[Aggregate], versions_before: Mapping[UUID, int]) -> None:
        """Keep a snapshot of each key that has passed a multiple of the interval."""
        snapshots = [
            ApiKeySnapshot.of(aggregate)
            for aggregate in aggregates
            if type(aggregate) is ApiKey
            and versions_before.get(aggregate.id, 0) // SNAPSHOT_INTERVAL < aggregate.version // SNAPSHOT_INTERVAL
        ]
        if snapshots:
            self.snapshots.put(snapshots)
