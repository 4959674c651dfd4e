"""What a read model is, and what projections are given from outside: connections, and how an event is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from psycopg import sql

    from application.store.log.reading import LoggedEvent, Recorded
    from application.store.session import Connection
    from domain.model import Event

    Connect: TypeAlias = Callable[[], Connection]
    """Opens a connection of one's own. Every wait on it must have a bound, or a silent server stops it for good."""
    Decode: TypeAlias = Callable[[LoggedEvent], Event]
    """Raises any exception for an event that can't be read."""

SCHEMA = "rpawatch_lists"
"""The schema of the read models alone: all of it can be dropped and made again from the log."""


class ReadModelsNotSetUpError(Exception):
    """The tables of this release's read models are not there."""

    def __init__(self) -> None:
        super().__init__("The read models are not set up for this release. Run `rpawatch migrate`.")


class Pool(Protocol):
    """Lends connections in autocommit mode to queries."""

    def get_connection(self) -> AbstractContextManager[Connection]:
        """Lend one for the length of a `with` block."""
        ...


class ReadModel(Protocol):
    """A table made of events. Its name carries its version, and its position in the log is kept under that name.

    What it makes of the log never changes under one name: a change of columns, handlers or topics is a new version,
    which starts from the first event, since a table half made by each of two releases would be neither's.
    """

    @property
    def name(self) -> str:
        """The table, without the schema."""
        ...

    @property
    def key(self) -> Sequence[str]:
        """The columns of the primary key."""
        ...

    @property
    def fence(self) -> Sequence[str]:
        """The columns of which one holds an id that a transaction must be allowed to read (fence.py)."""
        ...

    @property
    def topics(self) -> frozenset[str]:
        """The events that it is made of; it is given no others."""
        ...

    def named(self, name: str) -> ReadModel:
        """Return the same read model under another name."""
        ...

    def ddl(self) -> sql.Composed:
        """Return the statements that make the table and its indexes."""
        ...

    def batch_writer(self) -> BatchWriter:
        """Return what brings a batch of events into the table."""
        ...


class BatchWriter(Protocol):
    """The events of one batch on their way into a read model. Any exception says that one can't be handled.

    The database is not asked before all are there, so a batch is made ready while the one before it is stored.
    """

    def add(self, events: Sequence[Recorded]) -> None:
        """Take in further events, in the order of the log. What need not be kept of them until the end, is not."""
        ...

    def store(self, connection: Connection) -> None:
        """Bring the table on, once, within the caller's transaction."""
        ...


def apply(model: ReadModel, connection: Connection, events: Sequence[Recorded]) -> None:
    """Bring a read model's table on by these events, in the caller's transaction. Raises what a BatchWriter does."""
    writer = model.batch_writer()
    writer.add(events)
    writer.store(connection)
