"""Connections to PostgreSQL, each with a deadline on every wait.

The library's datastore waits for ever in several places: no statement or TCP timeout, ten tries times thirty seconds
for a pooled connection. Here every wait ends, and what can't be reached is a StoreUnavailableError at once.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import psycopg
from eventsourcing.postgres import PostgresDatastore
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from application.store.errors import ConflictError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "rpawatch"
APP_ROLE = "rpawatch_app"
"""The role that serves requests: may read and append events, and may not change or delete them."""
PROJECTOR_ROLE = "rpawatch_projector"
"""The role that keeps the read models: may read events."""
ROLES = (APP_ROLE, PROJECTOR_ROLE)

_SECONDS_LEFT_MIN = 0.05
CONNECT_SECONDS_MAX = 2
POOL_WAIT_SECONDS_MAX = 2.0
STATEMENT_SECONDS_MAX = 3.0
"""The server ends a statement that takes longer."""
MIGRATION_LOCK_SECONDS_MAX = 60.0
"""How long a connection without a statement limit waits for another that holds a lock."""
REPLY_SECONDS_MAX = 3.5
"""The client gives up on a server that says nothing, which no server-side timeout can see."""


_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""Of the thread, or of the request where one thread serves several: no wait for the database goes on beyond it."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let every wait for the database in this thread end within `seconds`, or an outer deadline if that is sooner."""
    outer = _deadline.get()
    _deadline.set(min(outer, time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.set(outer)


def begin_deadline(seconds: float) -> None:
    """Let every wait for the database in this thread end within `seconds`, until `end_deadline`."""
    _deadline.set(time.monotonic() + seconds)


def end_deadline() -> None:
    """Let this thread wait as long as each wait may take by itself."""
    _deadline.set(math.inf)


def seconds_left() -> float:
    """Return how long this thread may still wait; a little is always left, so that what is there can be taken."""
    return max(_SECONDS_LEFT_MIN, _deadline.get() - time.monotonic())


class BoundedConnection(psycopg.Connection[DictRow]):
    """A connection that waits REPLY_SECONDS_MAX for a reply and is then closed, since its state is unknown."""

    reply_seconds_max: float | None = REPLY_SECONDS_MAX

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 - psycopg's signature
        """Wait for a reply as psycopg does, with a bound."""
        if timeout is not None or self.reply_seconds_max is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, min(self.reply_seconds_max, seconds_left()))
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - the documented error of a wait with a timeout
            self.close()
            raise psycopg.OperationalError("the server did not answer in time") from error


def connection_kwargs(*, role: str | None, statement_seconds_max: float = STATEMENT_SECONDS_MAX) -> dict[str, Any]:
    """Return libpq parameters that bound every wait; `role` is taken on at the start of the session."""
    settings = {
        "statement_timeout": f"{statement_seconds_max:g}s",
        "lock_timeout": f"{statement_seconds_max or MIGRATION_LOCK_SECONDS_MAX:g}s",
        "idle_in_transaction_session_timeout": "5s",
        "timezone": "UTC",
        "search_path": SCHEMA,
        # The acknowledgement is a promise: on disk, whatever the server's own default is.
        "synchronous_commit": "on",
    }
    if role:
        settings["role"] = role
    return {
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        "connect_timeout": CONNECT_SECONDS_MAX,
        "tcp_user_timeout": 3000,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "application_name": "rpawatch",
        "row_factory": dict_row,
        "autocommit": True,
    }


_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""The last one is what a primary says that was demoted to a standby."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn psycopg's errors into the store's two: could not be reached, or another writer was faster."""
    try:
        yield
    except (psycopg.errors.UniqueViolation, psycopg.errors.SerializationFailure) as error:
        raise ConflictError from error
    except (*_AWAY, PoolTimeout, PoolClosed) as error:
        raise StoreUnavailableError(f"{type(error).__name__}: {error}") from error


class Database(PostgresDatastore):
    """A pool of bounded connections. The library's recorders take it for their datastore.

    conninfo: a libpq connection string or URL. connections_max: how many may be open at once.
    """

    def __init__(self, conninfo: str, *, connections_max: int = 8, role: str | None = APP_ROLE) -> None:
        # Not the library's constructor: it takes one host and no options, and its pool has other ideas of time.
        self.conninfo = conninfo
        self._lent = threading.local()
        self._away = False
        self._trying = threading.Lock()
        self.schema = SCHEMA
        self.originator_id_type = "uuid"
        self.db_type_names = set()
        self.psycopg_type_adapters = {}
        self.psycopg_python_types = {}
        self.single_row_tracking = True
        self.lock_timeout = 0
        self.enable_db_functions = False
        self.pool = ConnectionPool(  # type: ignore[assignment] # the library's subclass differs in the password only
            conninfo,
            connection_class=BoundedConnection,
            kwargs=connection_kwargs(role=role),
            min_size=1,
            max_size=connections_max,
            open=False,
            timeout=POOL_WAIT_SECONDS_MAX,
            # A pool that keeps trying for five minutes, ever more slowly, would not notice that the server is back.
            reconnect_timeout=2.0,
            max_idle=300,
            name="rpawatch",
        )

    def open(self) -> None:
        """Begin to connect, in the background: a database that is away must not keep the service from starting."""
        self.pool.open(wait=False)

    @contextmanager
    def one_transaction(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Let everything that this thread asks of the database be one transaction, which commits at the end."""
        with self.get_connection() as connection:
            self._lent.connection = connection
            try:
                with connection.transaction():
                    yield connection
            finally:
                self._lent.connection = None

    @contextmanager
    def get_connection(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lend a connection in autocommit mode.

        Within `one_transaction` it is that one's. Raises StoreUnavailableError or ConflictError for what goes wrong
        inside.
        """
        shared = getattr(self._lent, "connection", None)
        if shared is not None:
            with store_errors():
                yield shared
            return
        wait_seconds_max = min(POOL_WAIT_SECONDS_MAX, seconds_left())
        with self._turn(), store_errors(), self.pool.connection(wait_seconds_max) as connection:
            try:
                yield connection
            except (psycopg.OperationalError, psycopg.InterfaceError):
                if connection.closed:
                    # The server was restarted: the other idle connections are dead too, and each would fail somebody.
                    self.pool.drain()
                raise

    def refuse_while_away(self) -> None:
        """Raise StoreUnavailableError while the store does not answer and somebody is finding out whether it does."""
        if self._away and self._trying.locked():
            raise StoreUnavailableError("the store did not answer a moment ago")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """While the store does not answer, let one try at a time: the others would only keep all threads waiting."""
        away = self._away
        if away and not self._trying.acquire(blocking=False):
            raise StoreUnavailableError("the store did not answer a moment ago")
        try:
            yield
        except StoreUnavailableError:
            self._away = True
            raise
        else:
            self._away = False
        finally:
            if away:
                self._trying.release()

    @contextmanager
    def transaction(self, *, commit: bool = True) -> Iterator[psycopg.Cursor[DictRow]]:
        """Lend a cursor in a transaction that commits at the end, or with commit=False rolls back."""
        with self.get_connection() as connection, connection.transaction(force_rollback=not commit):
            yield connection.cursor()

    def register_type_adapters(self) -> None:
        """Do nothing: no composite type is used (the library would ask the server for its own at once)."""

    def ping(self) -> None:
        """Ask the server for a sign of life. Raises StoreUnavailableError."""
        with self.get_connection() as connection:
            connection.execute("SELECT 1")

    def close(self) -> None:
        """Give the connections back."""
        self.pool.close(timeout=2.0)


def connect(conninfo: str, *, role: str | None = None, statement_seconds_max: float = 0) -> BoundedConnection:
    """Open one connection of one's own; statement_seconds_max=0, for a migration, means no limit on a statement.

    Raises StoreUnavailableError.
    """
    with store_errors():
        connection = BoundedConnection.connect(
            conninfo, **connection_kwargs(role=role, statement_seconds_max=statement_seconds_max)
        )
    if not statement_seconds_max:
        connection.reply_seconds_max = None
    return connection
