"""Reading streams for a replay: in pages, so that memory does not grow with them, and with positions in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from eventsourcing.persistence import StoredEvent
from psycopg.rows import tuple_row

from domain.api_key import ApiKey
from domain.model import events_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from domain.model import Event

PAGE_EVENTS: Final = 1_000

_ROWS: Final = "SELECT notification_id, originator_id, originator_version, topic, state FROM rpawatch.events"
LIFECYCLE_TOPICS: Final = tuple(topic for topic, event in events_of(ApiKey).items() if event.LABEL)
"""What happens to a key but its uses."""
_OF_A_KEY: Final = "topic LIKE 'api\\_key.%%'"
_LIFECYCLE: Final = f"{_OF_A_KEY} AND topic <> 'api_key.used'"
"""The same, as the index has it that is for it: migrations/0006_key_lifecycle.sql."""
_STREAM: Final = "WHERE originator_id = %s AND originator_version > %s AND originator_version <= %s"
_ORDER: Final = "ORDER BY originator_version LIMIT %s"
_OF_STREAM: Final = f"{_ROWS} {_STREAM} {_ORDER}"
LIFECYCLE_OF_STREAM: Final = f"{_ROWS} {_STREAM} AND {_LIFECYCLE} {_ORDER}"
_LAST_VERSION: Final = """
SELECT originator_version FROM rpawatch.events WHERE originator_id = %s ORDER BY originator_version DESC LIMIT 1
"""
_OF_KEYS: Final = f"""
{_ROWS} WHERE notification_id > %s AND notification_id <= %s AND {_OF_A_KEY}
ORDER BY notification_id LIMIT %s
"""
_LAST_POSITION: Final = "SELECT coalesce(max(notification_id), 0) FROM rpawatch.events"
VERSION_MAX: Final = 2**63 - 1


class Placed(NamedTuple):
    """An event, and its position in the log."""

    position: int
    event: Event


class Streams:
    """Reads events with their positions."""

    def __init__(self, event_sourcing: EventSourcing) -> None:
        self._database = event_sourcing.recorder.datastore
        self._mapper = event_sourcing.mapper

    def last_version(self, stream: UUID) -> int:
        """Return the version of the last event of a stream; 0 when there is none."""
        return self._number(_LAST_VERSION, stream)

    def last_position(self) -> int:
        """Return the position of the last event of the log; 0 when it is empty."""
        return self._number(_LAST_POSITION)

    def events(
        self, stream: UUID, *, after: int = 0, until: int = VERSION_MAX, lifecycle_only: bool = False
    ) -> Iterator[Placed]:
        """Yield events of a stream after one version and until another, in order.

        lifecycle_only: of a key, without its uses. Raises UnreadableEventError, StoreUnavailableError.
        """
        query = LIFECYCLE_OF_STREAM if lifecycle_only else _OF_STREAM
        while page := self._page(query, stream, after, until, PAGE_EVENTS):
            yield from page
            after = page[-1].event.originator_version
            if len(page) < PAGE_EVENTS:
                return

    def page(self, stream: UUID, *, after: int, limit: int, lifecycle_only: bool) -> list[Placed]:
        """Return up to `limit` events of a stream after a version; the rest as for `events`."""
        return self._page(LIFECYCLE_OF_STREAM if lifecycle_only else _OF_STREAM, stream, after, VERSION_MAX, limit)

    def event(self, stream: UUID, version: int) -> Placed | None:
        """Return one event of a stream; None when it is not there."""
        found = self._page(_OF_STREAM, stream, version - 1, version, 1)
        return found[0] if found else None

    def of_all_keys(self, *, until: int) -> Iterator[Placed]:
        """Yield what happened to keys, uses included, in the order of the log, until a position."""
        after = 0
        while page := self._page(_OF_KEYS, after, until, PAGE_EVENTS):
            yield from page
            after = page[-1].position

    def _page(self, query: str, *parameters: object) -> list[Placed]:
        with (
            self._database.get_connection() as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            rows = cursor.execute(query.encode(), parameters, prepare=True).fetchall()
        return [
            Placed(position, self._mapper.to_domain_event(StoredEvent(stream, version, topic, state)))
            for position, stream, version, topic, state in rows
        ]

    def _number(self, query: str, *parameters: object) -> int:
        with self._database.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query.encode(), parameters).fetchone()
        return int(row[0]) if row else 0
