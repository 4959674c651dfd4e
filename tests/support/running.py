"""A running application, as one process of the service has it, and what its log says."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from application.command_queue import COMMAND_SECONDS_MAX, CommandQueue
from application.commands import HANDLERS
from application.event_sourcing import EventSourcing
from application.store.database import Database
from application.store.log.reading import last_position, read_range

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from application.store.log.reading import LoggedEvent
    from application.unit_of_work import Command
    from domain.clock import Clock
    from domain.model import Event

_AT_ONCE = 10_000


@dataclass(frozen=True)
class Application:
    """The event-sourced application and its command queue, on one database."""

    database: Database
    event_sourcing: EventSourcing
    command_queue: CommandQueue

    def execute(self, command: Command) -> Any:
        """Carry out a command and return its result."""
        return self.command_queue.execute(command).result

    def events(self, stream: UUID) -> list[Event]:
        """Return what happened in a stream."""
        found: list[Any] = list(self.event_sourcing.events.get(stream))
        return found

    def kinds(self, stream: UUID) -> list[str]:
        """Return the names of what happened in a stream."""
        return [type(event).__name__ for event in self.events(stream)]

    def position(self) -> int:
        """Return the position of the last event in the log."""
        return self.event_sourcing.recorder.last_position()

    def log_after(self, position: int) -> list[LoggedEvent]:
        """Return what was appended after a position."""
        return log_after(self.database, position)


def log_after(database: Database, position: int) -> list[LoggedEvent]:
    """Return what was appended after a position."""
    found: list[LoggedEvent] = []
    with database.get_connection() as connection:
        end = last_position(connection)
        while position < end:
            events, position = read_range(connection, after=position, until=end, limit=_AT_ONCE)
            found += events
    return found


def application_on(database: Database, clock: Clock, *, seconds_max: float = COMMAND_SECONDS_MAX) -> Application:
    """Return an application, with a cold cache, on a database that the caller has opened and will close."""
    event_sourcing = EventSourcing(database)
    return Application(database, event_sourcing, CommandQueue(event_sourcing, clock, HANDLERS, seconds_max=seconds_max))


@contextmanager
def another_process(
    database_url: str, clock: Clock, *, seconds_max: float = COMMAND_SECONDS_MAX, connections_max: int = 8
) -> Iterator[Application]:
    """Give an application that shares nothing with others but the database, as a second process would."""
    database = Database(database_url, connections_max=connections_max)
    database.open()
    try:
        yield application_on(database, clock, seconds_max=seconds_max)
    finally:
        database.close()
