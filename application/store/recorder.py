"""Appends to the log and reads streams.

What is different from the library's recorder, and why:

- one statement and one round trip for an append, with an advisory lock (migrations/0001_event_store.sql);
- the streams that a decision was based on are checked in the append;
- nothing is retried here: the library's retry makes a lost reply look like a conflict. Whoever decided tries again;
- binary arrays, not composites as text.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.postgres import PostgresAggregateRecorder, PostgresApplicationRecorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from application.store.database import Database

CHANNEL = "rpawatch_events"
"""NOTIFY says on this channel that the log has grown."""

_APPEND = "SELECT rpawatch.append_events(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[], %b::uuid[], %b::bigint[])"
_LOCK = "SELECT pg_advisory_xact_lock('rpawatch.events'::regclass::oid::bigint)"
"""The lock that append_events takes; a session may take it again."""
_MOVED = """
SELECT DISTINCT read.id FROM unnest(%b::uuid[], %b::bigint[]) AS read (id, version)
JOIN rpawatch.events AS event ON event.originator_id = read.id AND event.originator_version > read.version
"""


class _ReadsStreams:
    """Reading one stream, the same for events and snapshots."""

    datastore: Database
    events_table_name: str

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of a stream by version. Raises StoreUnavailableError."""
        sql = (
            f"SELECT originator_version, topic, state FROM rpawatch.{self.events_table_name}"  # noqa: S608 - a constant of the class
            " WHERE originator_id = %s AND originator_version > %s AND originator_version <= %s"
            f" ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT %s"
        )
        parameters = (originator_id, gt or 0, _NO_LIMIT if lte is None else lte, limit)
        with self.datastore.get_connection() as connection:
            rows = connection.execute(sql, parameters, prepare=True, binary=True)
            return [
                StoredEvent(originator_id, row["originator_version"], row["topic"], bytes(row["state"])) for row in rows
            ]


_NO_LIMIT = 2**63 - 1


class EventRecorder(_ReadsStreams, PostgresApplicationRecorder):
    """The log."""

    datastore: Database

    def __init__(self, datastore: Database) -> None:
        super().__init__(datastore, events_table_name="events")

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:  # noqa: ANN401 - the library's signature
        """Append events, all or none; the door uses `append`, this is for the library's own `save`."""
        self.append(stored_events, kwargs.get("read_versions") or {})
        return None

    def append(self, events: Sequence[StoredEvent], read_versions: Mapping[UUID, int]) -> int:
        """Append events, all or none, and return the position of the last one.

        read_versions: the version of each further stream that the decision was based on; 0 for one that was not there.
        Raises ConflictError when one of the streams has gone on, StoreUnavailableError when the outcome is unknown.
        """
        with self.datastore.get_connection() as connection:
            row = connection.execute(
                _APPEND,
                (
                    [event.originator_id for event in events],
                    [event.originator_version for event in events],
                    [event.topic for event in events],
                    [event.state for event in events],
                    list(read_versions),
                    list(read_versions.values()),
                ),
                prepare=True,
            ).fetchone()
        return int(row["append_events"]) if row else 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all other writers out: what is read within this is still so at the append, which commits at the end.

        Raises StoreUnavailableError, also when the outcome of the commit is unknown.
        """
        with self.datastore.one_transaction() as connection:
            connection.execute(_LOCK)
            yield

    def moved_on(self, read_versions: Mapping[UUID, int]) -> set[UUID]:
        """Return which of these streams have events after the version given. Raises StoreUnavailableError."""
        with self.datastore.get_connection() as connection:
            rows = connection.execute(_MOVED, (list(read_versions), list(read_versions.values())), prepare=True)
            return {row["id"] for row in rows}

    def has(self, event: StoredEvent) -> bool:
        """Return whether exactly this event stands in the log: its command id makes its bytes one of a kind."""
        found = self.select_events(event.originator_id, gt=event.originator_version - 1, limit=1)
        return bool(found) and found[0] == event

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to `limit` events of the log in order. Raises StoreUnavailableError."""
        first = 0 if start is None else start + (0 if inclusive_of_start else 1)
        sql = "SELECT * FROM rpawatch.events WHERE notification_id >= %s AND notification_id <= %s"
        parameters: list[object] = [first, _NO_LIMIT if stop is None else stop]
        if topics:
            sql += " AND topic = ANY(%s)"
            parameters.append(list(topics))
        parameters.append(limit)
        with self.datastore.get_connection() as connection:
            rows = connection.execute(sql + " ORDER BY notification_id LIMIT %s", parameters, prepare=True, binary=True)
            return [
                Notification(
                    originator_id=row["originator_id"],
                    originator_version=row["originator_version"],
                    topic=row["topic"],
                    state=bytes(row["state"]),
                    id=row["notification_id"],
                )
                for row in rows
            ]


class SnapshotRecorder(_ReadsStreams, PostgresAggregateRecorder):
    """Snapshots of long streams."""

    datastore: Database

    def __init__(self, datastore: Database) -> None:
        super().__init__(datastore, events_table_name="snapshots")

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:  # noqa: ANN401 - the library's signature
        """Keep snapshots; one that is there already stays. Raises StoreUnavailableError."""
        with self.datastore.get_connection() as connection:
            for event in stored_events:
                connection.execute(
                    "INSERT INTO rpawatch.snapshots (originator_id, originator_version, topic, state)"
                    " VALUES (%b, %b, %b, %b) ON CONFLICT DO NOTHING",
                    (event.originator_id, event.originator_version, event.topic, event.state),
                )
        return None
