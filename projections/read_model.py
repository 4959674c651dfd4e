"""What a read model is, and what projections are given from outside: connections, and how an event is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeAlias
    from uuid import UUID

    import psycopg
    from psycopg import sql

    from domain.model import Event

    Connection: TypeAlias = psycopg.Connection[Any]
    Connect: TypeAlias = Callable[[], Connection]
    """Opens a connection of one's own. Every wait on it must have a bound, or a silent server stops it for good."""
    Decode: TypeAlias = Callable[[Any], Event]
    """Returns the event of a LogEntry, or of what has the same attributes; raises any exception for one that can't be
    read."""

SCHEMA = "rpawatch_lists"
"""Where the read models are, and nothing else: all of it can be dropped and made again from the log."""
APP_ROLE = "rpawatch_app"
"""The role that serves requests: may read the read models, row by row as their fences allow."""
PROJECTOR_ROLE = "rpawatch_projector"
"""The role that makes the read models and owns them: may read the log."""


class ReadModelsNotSetUpError(Exception):
    """The tables of this release's read models are not there."""

    def __init__(self) -> None:
        super().__init__("The read models are not set up for this release. Run `rpawatch migrate`.")


class Pool(Protocol):
    """Lends connections in autocommit mode to queries."""

    def get_connection(self) -> AbstractContextManager[Connection]:
        """Lend one for the length of a `with` block."""
        ...


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A row of the log. position: its notification id; version: its place in its stream, from 1."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event, and where it stands in the log."""

    position: int
    topic: str
    event: Event


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

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Take in events, in the order of the log, within the caller's transaction.

        Raises any exception for an event that can't be handled; then nothing of the batch is kept.
        """
        ...
