"""A session with PostgreSQL is what was meant before anybody uses it: role, limits, search path, durability.

They are set by a statement and not by the startup parameter `options`: poolers refuse that one, or are told to ignore
it, and then every session acts as the owner of the tables and nothing says so. What was set is read back.

A session is on one connection of the server from its begin to its end. A pooler that lends connections for a
transaction or a statement breaks that: role, locks, prepared statements and LISTEN would be somebody else's a moment
later. Nothing is set before it is known that there is no such pooler.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.rows import tuple_row

from application.store.errors import StoreSessionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from typing import Any, TypeAlias

    Connection: TypeAlias = psycopg.Connection[Any]

SCHEMA: Final = "rpawatch"
MIGRATION_LOCK_SECONDS_MAX: Final = 60.0
"""Longest wait of a session without a statement limit for another that holds a lock."""
HEAR_SECONDS_MAX: Final = 2.0
"""A session on a process of its own hears within milliseconds."""

POOLED: Final = (
    "The database is behind a pooler that shares the server's connections between transactions or statements. The"
    " service needs a session of its own: set pool_mode = session for this database (docs/operating.md)."
)
SILENT: Final = (
    "PostgreSQL took a connection and did not answer. It hangs, or a pooler in front of it has no connection of the"
    " server left: make its pool larger (default_pool_size; docs/operating.md says how many connections are needed)."
)
LOST: Final = (
    "The session with PostgreSQL was given to somebody else. A pooler in between was changed: set pool_mode = session"
    " for this database (docs/operating.md)."
)

_SET: Final = """
SELECT name, set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS wanted (name, value)
"""
"""A value of NULL is what the session has by itself."""
_LOOK: Final = "SELECT pg_backend_pid(), current_user::text, session_user::text"
_CHECK: Final = f"{_LOOK}, ARRAY(SELECT current_setting(name) FROM unnest(%s::text[]) AS name)"  # noqa: S608 - a constant
_PID: Final = "SELECT pg_backend_pid()"
_TURNS: Final = "abaabbab"
"""Who asks. Neither of the two asks each second time only: servers that are lent in turn would seem to be kept."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a session is meant to be.

    role: None for the database's user.
    statement_seconds_max: 0 for no limit.
    """

    role: str | None
    statement_seconds_max: float

    @property
    def settings(self) -> dict[str, str | None]:
        """Return PostgreSQL's settings; None for the value that a session has by itself."""
        return {
            "role": self.role,
            "application_name": "rpawatch",
            "client_encoding": "UTF8",
            "timezone": "UTC",
            "search_path": SCHEMA,
            "statement_timeout": f"{self.statement_seconds_max:g}s",
            "lock_timeout": f"{self.statement_seconds_max or MIGRATION_LOCK_SECONDS_MAX:g}s",
            "idle_in_transaction_session_timeout": "5s",
            # The acknowledgement is a promise: on disk, whatever the server's own default is.
            "synchronous_commit": "on",
            # What is checked under the lock of an append must be what stands there then.
            "default_transaction_isolation": "read committed",
        }


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is what was meant.

    pid: of the server's process.
    user: whose rights it has.
    login: who connected, as the server knows them.
    is_pooled: whether a pooler stands in between.
    """

    pid: int
    user: str
    login: str
    is_pooled: bool


def begin(
    connection: Connection,
    meant: Meant,
    another: Callable[[], AbstractContextManager[Connection]],
    *,
    doubt: bool = False,
) -> Session:
    """Make a new connection in autocommit mode a session that is what was meant.

    another: lends a second connection, opened in the same way and without a begin. It is needed where there is a
    pooler, or with `doubt`. Raises StoreSessionError, and psycopg.Error when the connection breaks.
    """
    [pid] = _one(connection, _PID)
    # A pooler makes up what a client needs to cancel a statement; what it tells is not the number of a process.
    is_pooled = pid != connection.info.backend_pid
    if is_pooled or doubt:
        with another() as other:
            if not _keeps_its_server(connection, other):
                raise StoreSessionError(POOLED)
        # A pooler may hand on what the session before has left.
        connection.execute("DISCARD ALL")
    settings = meant.settings
    try:
        with connection.cursor(row_factory=tuple_row) as cursor:
            rows = cursor.execute(_SET, (list(settings), list(settings.values()))).fetchall()
    except (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege) as error:
        raise StoreSessionError(
            f"The database's user can't act in the role {meant.role} ({error.diag.message_primary})."
            " Run `rpawatch migrate`."
        ) from error
    given: dict[str, str] = dict(rows)
    found_pid, user, login, values = _one(connection, _CHECK, list(given))
    wanted_user = login if given["role"] == "none" else given["role"]
    found = dict(zip(given, values, strict=True)) | {"user": user, "pid": found_pid}
    wanted = given | {"user": wanted_user, "pid": pid}
    if found != wanted or (meant.role and user != meant.role):
        wrong = ", ".join(name for name in wanted if found[name] != wanted[name]) or "user"
        raise StoreSessionError(f"{POOLED} Of what was set, this was not kept: {wrong}.")
    return Session(pid, user, login, is_pooled)


def check(connection: Connection, session: Session) -> None:
    """Raise StoreSessionError unless this is the session still; one round trip."""
    pid, user, login = _one(connection, _LOOK)
    if (pid, user, login) != (session.pid, session.user, session.login):
        raise StoreSessionError(LOST)


def _keeps_its_server(one: Connection, other: Connection) -> bool:
    """Return whether a connection keeps its process of the server while it does nothing.

    Two sessions that ask in turn show most poolers that don't, and leave nothing behind. Where others take the
    connections in between they may not; but only who keeps the process hears what it says while it does nothing.
    """
    seen: dict[str, set[int]] = {"a": set(), "b": set()}
    for turn in _TURNS:
        [pid] = _one(one if turn == "a" else other, _PID)
        seen[turn].add(pid)
        if len(seen[turn]) > 1 or seen["a"] & seen["b"]:
            return False
    channel = f"rpawatch_{secrets.token_hex(8)}"
    one.execute(f"LISTEN {channel}")
    other.execute(f"NOTIFY {channel}")
    heard = any(note.channel == channel for note in one.notifies(timeout=HEAR_SECONDS_MAX, stop_after=1))
    if not heard:
        # As nobody took the process while the two asked, this is most probably the one that listens.
        one.execute("UNLISTEN *")
    return heard


def begin_session(connection: Connection, settings: Mapping[str, str]) -> None:
    """Give a connection these further settings of PostgreSQL; each statement commits by itself from now on."""
    connection.autocommit = True
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def try_lock(connection: Connection, lock: int) -> bool:
    """Take an advisory lock until it is let go, or the session ends, and return whether it was free."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchone()
    return bool(row and row[0])


def unlock(connection: Connection, lock: int) -> None:
    """Let an advisory lock go. The database notices that a connection was closed only some time after it was."""
    connection.execute("SELECT pg_advisory_unlock(%s)", (lock,))


def _one(connection: Connection, statement: str, *parameters: object) -> tuple[Any, ...]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(statement.encode(), parameters or None, prepare=False).fetchone()
    if row is None:
        raise RuntimeError("a SELECT without FROM returns one row")
    return row
