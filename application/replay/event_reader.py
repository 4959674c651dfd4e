"""Reading events for a replay: decoded, and in pages, so that memory does not grow with a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from application.store.log.reading import (
    VERSION_MAX,
    LoggedEvent,
    Recorded,
    last_version,
    read_range,
    read_stream,
)
from domain.api_key import ApiKey
from domain.model import events_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from application.event_sourcing import EventSourcing

PAGE_EVENTS: Final = 1_000

LIFECYCLE_TOPICS: Final = tuple(topic for topic, event in events_of(ApiKey).items() if event.LABEL)
"""Topics of all events of a key but its uses."""


class EventReader:
    """Reads decoded events. All of it raises StoreUnavailableError, UnreadableEventError."""

    def __init__(self, event_sourcing: EventSourcing) -> None:
        self._database = event_sourcing.recorder.database
        self._mapper = event_sourcing.mapper

    def last_version(self, stream: UUID) -> int:
        """Return the version of the last event of a stream; 0 when there is none."""
        with self._database.get_connection() as connection:
            return last_version(connection, stream)

    def events(
        self, stream: UUID, *, after: int = 0, until: int = VERSION_MAX, lifecycle_only: bool = False
    ) -> Iterator[Recorded]:
        """Yield events of a stream after one version and until another, in order.

        lifecycle_only: of a key, without its uses.
        """
        while page := self.page(stream, after=after, until=until, limit=PAGE_EVENTS, lifecycle_only=lifecycle_only):
            yield from page
            after = page[-1].event.originator_version
            if len(page) < PAGE_EVENTS:
                return

    def page(
        self, stream: UUID, *, after: int, until: int = VERSION_MAX, limit: int, lifecycle_only: bool = False
    ) -> list[Recorded]:
        """Return up to `limit` events of a stream; the rest as for `events`."""
        with self._database.get_connection() as connection:
            found = read_stream(
                connection, stream, after=after, until=until, limit=limit, lifecycle_only=lifecycle_only
            )
        return self._decoded(found)

    def event(self, stream: UUID, version: int) -> Recorded | None:
        """Return one event of a stream; None when it is not there."""
        found = self.page(stream, after=version - 1, until=version, limit=1)
        return found[0] if found else None

    def of_all_keys(self, *, until: int) -> Iterator[Recorded]:
        """Yield what happened to keys, uses included, in the order of the log, until a position."""
        after = 0
        while after < until:
            with self._database.get_connection() as connection:
                found, after = read_range(connection, after=after, until=until, limit=PAGE_EVENTS, kind="api_key")
            yield from self._decoded(found)

    def _decoded(self, found: Iterable[LoggedEvent]) -> list[Recorded]:
        decode = self._mapper.to_domain_event
        return [Recorded(logged.position, logged.topic, decode(logged)) for logged in found]
