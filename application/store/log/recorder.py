"""Appends to the log and reads streams, for the library's event store and repository.

What is different from the library's own recorder for PostgreSQL, and why:

- one statement and one round trip for an append, with an advisory lock (migrations/0001_log.sql);
- the streams that a decision was based on are checked in the append, and what is stale is left out;
- so are the readings of the clock that the decisions were made at (clock.py);
- nothing is retried here: the library's retry makes a lost reply look like a conflict. Whoever decided tries again;
- binary arrays, packed here: psycopg looks at each element of a list several times, which cost more than the rest.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

from eventsourcing.persistence import AggregateRecorder, StoredEvent

from application.store.database import APP_ROLE
from application.store.errors import ConflictError, StoreSessionError
from application.store.log import arrays
from application.store.log.reading import VERSION_MAX, last_position
from application.store.session import LOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from application.store.clock import Between
    from application.store.database import Database

_APPEND = "SELECT * FROM rpawatch.append_batch(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"
_APPEND_IN_ROLE = f"{_APPEND} WHERE current_user = '{APP_ROLE}'"
"""PostgreSQL looks at the role before it calls the function; it costs nothing, and no other role appends."""
_LOCK = "SELECT pg_advisory_xact_lock('rpawatch.events'::regclass::oid::bigint)"
"""The lock that append_batch takes; a session may take it again."""
_STALE = "SELECT rpawatch.stale_streams(%b, %b) AS places, rpawatch.clock() AS arrived_at"
_LATER = """
SELECT later.* FROM unnest(%b, %b) AS known (id, version) CROSS JOIN LATERAL (
    SELECT originator_id, originator_version, topic, state FROM rpawatch.events
    WHERE originator_id = known.id AND originator_version > known.version
    ORDER BY originator_version LIMIT %b
) AS later
"""


@dataclass(slots=True, eq=False)
class AppendGroup:
    """What stands or falls together: events, and the places, in a list of all, of the streams they are based on."""

    events: list[StoredEvent] = field(default_factory=list)
    based_on: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Appended:
    """What came of an append.

    position: of the last event, 0 when there was none.
    refused: groups (their index) that were left out.
    stale: the streams that are not at the version given, and because of which those were left out.
    arrived_at: what the database's clock said when it was asked, None where it was not.
    misdated: it was not between the times given, so all was left out.
    """

    position: int
    refused: frozenset[int]
    stale: frozenset[UUID]
    arrived_at: datetime | None = field(default=None, compare=False)
    misdated: bool = False


class _StreamRecorder(AggregateRecorder):
    """Reading one stream, the same for events and snapshots."""

    TABLE: ClassVar[str]

    def __init__(self, database: Database) -> None:
        self.database = database

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
            f"SELECT originator_version, topic, state FROM rpawatch.{self.TABLE}"
            " WHERE originator_id = %s AND originator_version > %s AND originator_version <= %s"
            f" ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT %s"
        )
        parameters = (originator_id, gt or 0, VERSION_MAX if lte is None else lte, limit)
        with self.database.get_connection() as connection:
            rows = connection.execute(sql, parameters, prepare=True, binary=True)
            return [
                StoredEvent(originator_id, row["originator_version"], row["topic"], bytes(row["state"])) for row in rows
            ]


class EventRecorder(_StreamRecorder):
    TABLE = "events"

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: object) -> None:
        self.append(stored_events, {})

    def last_position(self) -> int:
        """Return the position of the last event; 0 when the log is empty. Raises StoreUnavailableError."""
        with self.database.get_connection() as connection:
            return last_position(connection)

    def append(self, events: Sequence[StoredEvent], read_versions: Mapping[UUID, int]) -> int:
        """Append events, all or none, and return the position of the last one.

        read_versions: the version of each further stream that the decision was based on; 0 for one that was not there.
        Raises ConflictError when one of the streams has gone on, StoreUnavailableError when the outcome is unknown.
        """
        versions: dict[UUID, int] = {}
        for event in events:
            versions.setdefault(_stream_of(event), event.originator_version - 1)
        streams = list({**read_versions, **versions}.items())
        appended = self.append_groups([AppendGroup(list(events), set(range(len(streams))))], streams)
        if appended.refused:
            raise ConflictError
        return appended.position

    def append_groups(
        self, groups: Sequence[AppendGroup], streams: Sequence[tuple[UUID, int]], sent_between: Between | None = None
    ) -> Appended:
        """Append the events of every group that is based on nothing stale.

        streams: every stream that a group is based on, with its version before any of these events; 0 for one that was
        not there.
        sent_between: where the database's clock has to be when this arrives; None for anywhere.

        Raises ConflictError when nothing could be appended, StoreUnavailableError when the outcome is unknown.
        """
        events = [(number, event) for number, group in enumerate(groups) for event in group.events]
        # Places begin with 1 in PostgreSQL.
        based = [(number, place + 1) for number, group in enumerate(groups) for place in group.based_on]
        with self.database.get_connection() as connection:
            row = connection.execute(
                _APPEND_IN_ROLE,
                (
                    arrays.integers([number for number, _ in events]),
                    arrays.uuids([_stream_of(event) for _, event in events]),
                    arrays.bigints([event.originator_version for _, event in events]),
                    arrays.texts([event.topic for _, event in events]),
                    arrays.byteas([event.state for _, event in events]),
                    arrays.uuids([stream for stream, _ in streams]),
                    arrays.bigints([version for _, version in streams]),
                    arrays.integers([number for number, _ in based]),
                    arrays.bigints([place for _, place in based]),
                    *(sent_between or (None, None)),
                ),
                prepare=True,
            ).fetchone()
            if row is None:
                raise StoreSessionError(LOST)
        if row["refused"] is None:
            return Appended(0, frozenset(range(len(groups))), frozenset(), row["arrived_at"], misdated=True)
        return Appended(
            position=row["last_position"] or 0,
            refused=frozenset(row["refused"]),
            stale=frozenset(streams[place - 1][0] for place in row["stale"]),
            arrived_at=row["arrived_at"],
        )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep all other writers out: what is read within this is still so at the append, which commits at the end.

        Raises StoreUnavailableError, also when the outcome of the commit is unknown.
        """
        with self.database.one_transaction() as connection:
            connection.execute(_LOCK)
            yield

    def stale(self, versions: Mapping[UUID, int]) -> frozenset[UUID]:
        """Return which of these streams are not at the version given. Raises StoreUnavailableError."""
        return self.stale_now(versions)[0]

    def stale_now(self, versions: Mapping[UUID, int]) -> tuple[frozenset[UUID], datetime]:
        """Return the same, and what the database's clock says. Raises StoreUnavailableError."""
        streams = list(versions)
        with self.database.get_connection() as connection:
            row = connection.execute(
                _STALE, (arrays.uuids(streams), arrays.bigints(list(versions.values()))), prepare=True
            ).fetchone()
        if row is None:
            raise RuntimeError("a look at streams returns one row")
        return frozenset(streams[place - 1] for place in row["places"]), row["arrived_at"]

    def select_later(self, versions: Mapping[UUID, int], *, limit: int) -> list[StoredEvent]:
        """Return the events of each stream after the version given, in order, up to `limit` of each.

        Raises StoreUnavailableError.
        """
        with self.database.get_connection() as connection:
            rows = connection.execute(
                _LATER,
                (arrays.uuids(list(versions)), arrays.bigints(list(versions.values())), limit),
                prepare=True,
                binary=True,
            )
            return [
                StoredEvent(row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]))
                for row in rows
            ]

    def has(self, event: StoredEvent) -> bool:
        """Return whether exactly this event stands in the log: its command id makes its bytes one of a kind."""
        found = self.select_events(event.originator_id, gt=event.originator_version - 1, limit=1)
        return bool(found) and found[0] == event


def _stream_of(event: StoredEvent) -> UUID:
    return cast("UUID", event.originator_id)  # the library has strings too


class SnapshotRecorder(_StreamRecorder):
    """Snapshots of long streams."""

    TABLE = "snapshots"

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: object) -> None:
        """Keep snapshots; one that is there already stays. Raises StoreUnavailableError."""
        with self.database.get_connection() as connection:
            for event in stored_events:
                connection.execute(
                    "INSERT INTO rpawatch.snapshots (originator_id, originator_version, topic, state)"
                    " VALUES (%b, %b, %b, %b) ON CONFLICT DO NOTHING",
                    (event.originator_id, event.originator_version, event.topic, event.state),
                )
