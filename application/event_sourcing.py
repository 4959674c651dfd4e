"""The event-sourced application: the library's, on a store of our own.

It reads aggregates and records events. What may be asked of it is in commands.py; commands go through the door
(door.py) and nothing else appends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application, Repository
from eventsourcing.persistence import EventStore, InfrastructureFactory
from eventsourcing.utils import Environment

from application.store.errors import StoreSetupError
from application.store.log.recorder import EventRecorder, SnapshotRecorder
from application.store.mapper import EventMapper, UnreadableEventError
from domain.api_key import ApiKey
from domain.key_snapshot import ApiKeySnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventsourcing.utils import EnvType

    from application.store.database import Database
    from application.work import A
    from domain.model import Aggregate, Event

SNAPSHOT_INTERVAL = 100
"""Events of a key between snapshots: reading a key takes one snapshot and at most this many events."""
LATER_EVENTS_MAX = SNAPSHOT_INTERVAL + 1
"""Of one stream, read to bring an aggregate up to date. With more, reading it anew is no dearer."""


class _NoFactory(InfrastructureFactory[Any]):
    """The library builds its parts from environment variables; ours are given to it ready made."""

    def __init__(self, env: Environment, database: Database) -> None:
        super().__init__(env)
        self._database = database

    def application_recorder(self) -> EventRecorder:
        return EventRecorder(self._database)

    def aggregate_recorder(self, purpose: str = "events") -> SnapshotRecorder:
        del purpose
        return SnapshotRecorder(self._database)

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> Any:  # noqa: ANN401 - the library's signature
        del tracking_recorder_class
        raise StoreSetupError("read models are kept by projections/, not by the library's recorders")

    process_recorder = tracking_recorder

    def close(self) -> None:
        """Do nothing: the database is closed by whoever opened it."""


class EventSourcing(Application[UUID]):
    """The log and the aggregates in it."""

    name = "rpawatch"
    recorder: EventRecorder
    mapper: EventMapper
    snapshots: EventStore[UUID]
    snapshotting_intervals: ClassVar[dict[Any, int]] = {ApiKey: SNAPSHOT_INTERVAL}

    def __init__(self, database: Database) -> None:
        """database: opened by the caller, and closed by them too."""
        if os.environ.get("POSTGRES_ENABLE_DB_FUNCTIONS"):
            raise StoreSetupError(
                "POSTGRES_ENABLE_DB_FUNCTIONS is set. It makes the eventsourcing library lose the order of commits."
                " Unset it."
            )
        self._database = database
        super().__init__()
        self._repository_without_snapshots = Repository[UUID](self.events)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Return the factory of our store."""
        return _NoFactory(env, self._database)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Return the library's settings; nothing of the machine's environment reaches it."""
        del env
        return Environment(name, {"IS_SNAPSHOTTING_ENABLED": "y"})

    def construct_mapper(self) -> EventMapper:
        """Return the mapper of our events."""
        return EventMapper()

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Read an aggregate from the store as it is now; None when nothing of that kind stands there."""
        found = self.read(kind, aggregate_id)
        return found if isinstance(found, kind) else None

    def read(self, kind: type[Aggregate], aggregate_id: UUID) -> Aggregate | None:
        """Read what stands in a stream, which should be of that kind; None when nothing does."""
        with suppress(AggregateNotFoundError):
            if kind in self.snapshotting_intervals:
                # A snapshot that can't be read can be done without; if it is an event, that says so again.
                with suppress(UnreadableEventError):
                    return self.repository.get(aggregate_id)
            return self._repository_without_snapshots.get(aggregate_id)
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
