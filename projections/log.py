"""Reading the log as a follower does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import args_row

from projections.read_model import LogEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projections.read_model import Connection

SOMEBODY_WAITS = "somebody waits"
"""What a notification on the channel says that is not about the log: the projector is not to wait for more."""
CHANNEL = "rpawatch_events"
"""NOTIFY says on this channel that the log has grown."""

BATCH_BYTES_MAX = 4 * 1024 * 1024
"""Of events that are read together, beyond the first: what a batch takes of memory is a multiple of it."""

# The sizes are known without the events being read, so one that is cut off here costs nothing.
_READ = """
SELECT notification_id, originator_id, originator_version, topic, state FROM (
    SELECT *, sum(octet_length(state)) OVER (ORDER BY notification_id) - octet_length(state) AS bytes_before
    FROM rpawatch.events
    WHERE notification_id > %s AND notification_id <= %s AND topic = ANY(%s::text[])
    ORDER BY notification_id LIMIT %s
) AS entry
WHERE bytes_before < %s ORDER BY notification_id
"""


def read_log(
    connection: Connection, topics: Iterable[str], *, after: int, until: int, limit: int
) -> tuple[list[LogEntry], int]:
    """Return up to `limit` events of these topics after one position and until another, and how far that was read.

    The events before the last one have fewer than BATCH_BYTES_MAX bytes together. `until` must have been seen in the
    log: positions are in commit order, so nothing can turn up below it later.
    """
    with connection.cursor(row_factory=args_row(LogEntry), binary=True) as cursor:
        entries = cursor.execute(_READ, (after, until, list(topics), limit, BATCH_BYTES_MAX)).fetchall()
    # A full batch may have been cut short: there may be more between its last event and `until`.
    is_full = len(entries) == limit or sum(len(entry.state) for entry in entries) >= BATCH_BYTES_MAX
    return entries, entries[-1].position if is_full else until
