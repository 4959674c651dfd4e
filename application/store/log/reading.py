"""Reading the log: its end, a range of it, a stream of it, and what the tree over it needs.

Each function asks on the connection that it is given, and raises psycopg.Error. Positions are in the order of commits,
so nothing can turn up later below one that was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from psycopg.rows import args_row, scalar_row, tuple_row

from domain.proof.leaf import Leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import TypeAlias
    from uuid import UUID

    from application.store.session import Connection
    from domain.model import Event

    Row: TypeAlias = tuple[int, str, int, str, bytes]
    """A LoggedEvent with its stream as text, as its leaf has it: made and hashed in half of the time."""
    ReportProgress: TypeAlias = Callable[[int, int], None]
    """Takes how much of the log was read, and how much there is to read, in positions or events."""

BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bytes of events that are read together, beyond the first: a batch takes a multiple of it in memory."""
VERSION_MAX: Final = 2**63 - 1

LAST_POSITION: Final = "(SELECT coalesce(max(notification_id), 0) FROM rpawatch.events)"
"""SQL for the end of the log, where a statement needs it in one snapshot with something else."""
_COLUMNS: Final = "notification_id, originator_id, originator_version, topic, state"
_BETWEEN: Final = "notification_id > %s AND notification_id <= %s"
# The sizes are known without the events being read, so one that is cut off here costs nothing.
_RANGE_OF: Final = f"""
SELECT {{columns}} FROM (
    SELECT *, sum(octet_length(state)) OVER (ORDER BY notification_id) - octet_length(state) AS bytes_before
    FROM rpawatch.events WHERE {_BETWEEN} AND {{which}} ORDER BY notification_id LIMIT %s
) AS entry
WHERE bytes_before < {BATCH_BYTES_MAX} ORDER BY notification_id
"""
_RANGE: Final = _RANGE_OF.format(columns=_COLUMNS, which="true").encode()
_RANGE_OF_TOPICS: Final = _RANGE_OF.format(columns=_COLUMNS, which="topic = ANY(%s::text[])").encode()
_RANGE_OF_KIND: Final = _RANGE_OF.format(columns=_COLUMNS, which="starts_with(topic, %s)").encode()
_TEXT_COLUMNS: Final = _COLUMNS.replace("originator_id", "originator_id::text")
_RANGE_AS_TEXT: Final = _RANGE_OF.format(columns=_TEXT_COLUMNS, which="true").encode()
_COUNT: Final = f"SELECT count(*), {LAST_POSITION} FROM rpawatch.events"
_STREAM_OF: Final = f"""
SELECT {_COLUMNS} FROM rpawatch.events
WHERE originator_id = %s AND originator_version > %s AND originator_version <= %s AND {{which}}
ORDER BY originator_version LIMIT %s
"""
_STREAM: Final = _STREAM_OF.format(which="true").encode()
KEY_LIFECYCLE: Final = _STREAM_OF.format(which="topic LIKE 'api\\_key.%%' AND topic <> 'api_key.used'").encode()
"""Reads the events of a key but its uses. An index has the same condition: migrations/0001_log.sql."""
_LAST_VERSION: Final = """
SELECT originator_version FROM rpawatch.events WHERE originator_id = %s ORDER BY originator_version DESC LIMIT 1
"""
_LEAVES: Final = f"""
SELECT notification_id, originator_id, originator_version, topic, encode(sha256(state), 'hex')
FROM rpawatch.events WHERE {_BETWEEN} ORDER BY notification_id LIMIT %s
"""
_LEAF_HASHES: Final = """
SELECT string_agg(hash, ''::bytea ORDER BY place), max(notification_id)
FROM (
    SELECT %s::bigint + row_number() OVER (ORDER BY notification_id) - 1 AS place, notification_id,
        rpawatch.leaf_hash(notification_id, originator_id, originator_version, topic, state) AS hash
    FROM rpawatch.events WHERE notification_id > %s ORDER BY notification_id LIMIT %s
) AS leaf, LATERAL (SELECT place / %s::bigint AS number) AS tile
GROUP BY number ORDER BY number
"""
_PLACE: Final = f"""
SELECT count(*) - 1 FROM rpawatch.events WHERE {_BETWEEN} HAVING max(notification_id) = %s
"""


# Both are named tuples because those are made in a quarter of the time that a frozen dataclass takes.
class LoggedEvent(NamedTuple):
    """An event as it stands in the log. position: its notification id; version: its place in its stream, from 1."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


class Recorded(NamedTuple):
    """A logged event, decoded."""

    position: int
    topic: str
    event: Event


def last_position(connection: Connection) -> int:
    """Return the position of the last event; 0 when the log is empty."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(f"SELECT {LAST_POSITION}".encode()).fetchone() or 0


def last_version(connection: Connection, stream: UUID) -> int:
    """Return the version of the last event of a stream; 0 when there is none."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_LAST_VERSION, (stream,)).fetchone() or 0


def count_events(connection: Connection) -> tuple[int, int]:
    """Return how many events there are, each of which is looked at, and the position of the last one."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(_COUNT).fetchone() or (0, 0)


def read_range(  # noqa: PLR0913 - what is read
    connection: Connection,
    *,
    after: int,
    until: int,
    limit: int,
    topics: Collection[str] | None = None,
    kind: str | None = None,
) -> tuple[list[LoggedEvent], int]:
    """Return up to `limit` events after one position and until another, in order, and how far the log was read.

    The events before the last one have fewer than BATCH_BYTES_MAX bytes together.

    topics: of these alone.
    kind: of one kind of stream alone.

    `until` must have been seen in the log.
    """
    parameters: list[object] = [after, until, limit]
    query = _RANGE
    if topics is not None:
        query = _RANGE_OF_TOPICS
        parameters.insert(2, list(topics))
    elif kind is not None:
        query = _RANGE_OF_KIND
        parameters.insert(2, f"{kind}.")
    with connection.cursor(row_factory=args_row(LoggedEvent), binary=True) as cursor:
        events = cursor.execute(query, parameters).fetchall()
    return events, _reached(events, until, limit)


def read_rows(connection: Connection, *, after: int, until: int, limit: int) -> tuple[list[Row], int]:
    """Return the same as `read_range`, as rows."""
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        rows = cursor.execute(_RANGE_AS_TEXT, (after, until, limit)).fetchall()
    return rows, _reached(rows, until, limit)


def _reached(events: Sequence[Row] | Sequence[LoggedEvent], until: int, limit: int) -> int:
    # A full batch may have been cut short: there may be more between its last event and `until`.
    is_full = len(events) == limit or sum(len(event[4]) for event in events) >= BATCH_BYTES_MAX
    return events[-1][0] if is_full else until


def read_stream(  # noqa: PLR0913 - what is read
    connection: Connection,
    stream: UUID,
    *,
    after: int = 0,
    until: int = VERSION_MAX,
    limit: int,
    lifecycle_only: bool = False,
) -> list[LoggedEvent]:
    """Return up to `limit` events of a stream after one version and until another, in order.

    lifecycle_only: of a key, without its uses.
    """
    query = KEY_LIFECYCLE if lifecycle_only else _STREAM
    with connection.cursor(row_factory=args_row(LoggedEvent), binary=True) as cursor:
        return cursor.execute(query, (stream, after, until, limit), prepare=True).fetchall()


def read_leaves(connection: Connection, *, after: int, until: int, limit: int) -> list[Leaf]:
    """Return what the tree has of up to `limit` events after one position and until another; no state is sent."""
    with connection.cursor(row_factory=args_row(Leaf)) as cursor:
        return cursor.execute(_LEAVES, (after, until, limit)).fetchall()


def hash_leaves(
    connection: Connection, *, after: int, limit: int, first: int, per_tile: int
) -> list[tuple[bytes, int]]:
    """Return the hashes of up to `limit` events after a position, side by side for each tile that they are on.

    With each tile comes the position of its last event. first: the place in the tree of the first event. No state is
    sent.
    """
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        return cursor.execute(_LEAF_HASHES, (first, after, limit, per_tile)).fetchall()


def place_of(connection: Connection, position: int, *, after: int) -> int | None:
    """Return how many events stand between a position and that of an event; None when there is no such event."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_PLACE, (after, position, position)).fetchone()
