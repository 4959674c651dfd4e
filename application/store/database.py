"""Connections to PostgreSQL, each with a deadline on every wait.

The eventsourcing library's datastore waits for ever in several places: no statement or TCP timeout, ten tries times
thirty seconds for a pooled connection. Here every wait ends, and what can't be reached is a StoreUnavailableError at
once.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from application.store import session
from application.store.errors import ConflictError, StoreSessionError, StoreUnavailableError
from application.store.session import Meant, Session
from application.store.waiting import WAITING, pause, wait_for_reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

SCHEMA = session.SCHEMA
APP_ROLE = "rpawatch_app"
"""The role that serves requests: may read and append events, and may not change or delete them.

It may read the read models, row by row as their fences allow."""
PROJECTOR_ROLE = "rpawatch_projector"
"""The role that makes the read models and owns them: may read events."""
ROLES = (APP_ROLE, PROJECTOR_ROLE)

_SECONDS_LEFT_MIN = 0.05
CONNECT_SECONDS_MAX = 2
POOL_WAIT_SECONDS_MAX = 2.0
STATEMENT_SECONDS_MAX = 3.0
"""Longest statement; the server ends one that takes longer."""
REPLY_SECONDS_MAX = 3.5
"""Longest wait for a server that says nothing, which no server-side timeout can see."""
BEGIN_SECONDS_MAX = 10.0
"""Longest time for all that makes a new connection a session, also where each reply takes two seconds."""
_GLANCE_SECONDS = 0.001
"""Time in which a pool hands out a connection that is free, where no thread may wait for one."""
_GLANCE_PAUSE_SECONDS = 0.02
CHECK_SECONDS = 1.0
"""Pause between two checks that a session behind a pooler is ours still, while it is used."""

_LIBPQ: dict[str, Any] = {
    # Neither the URL's nor PGOPTIONS: the session is what is set after connecting (session.py).
    "options": "",
    "connect_timeout": CONNECT_SECONDS_MAX,
    "tcp_user_timeout": 3000,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "row_factory": dict_row,
    "autocommit": True,
}

_log = structlog.get_logger(__name__)
_beginning = threading.Lock()
"""Behind a pooler, one session of a process begins at a time: each needs a second connection for a moment, and several
that hold one and wait for another could take the last ones from each other."""

_lent: ContextVar[tuple[Database, psycopg.Connection[DictRow]] | None] = ContextVar("lent", default=None)
"""The transaction that whoever runs here is in, and whose it is."""
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""Deadline of the thread, or of the request where one thread serves several: no wait for the database outlasts it."""


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


class _NoAnswerError(psycopg.OperationalError):
    def __init__(self) -> None:
        super().__init__("the server did not answer in time")


class BoundedConnection(psycopg.Connection[DictRow]):
    """A connection that waits REPLY_SECONDS_MAX for a reply and is then closed, since its state is unknown.

    Behind a pooler it looks each CHECK_SECONDS, before a statement, whether its session is its own still.
    """

    reply_seconds_max: float | None = REPLY_SECONDS_MAX
    session: Session
    _check_at: float = math.inf
    _a_pooler_is_there = False
    """Whether any pool of this process has met a pooler."""

    def begin(self, conninfo: str, meant: Meant, *, doubt: bool = False) -> None:
        """Make this new connection a session that is what was meant; one that can't be made so is closed.

        doubt: look for a pooler also where nothing speaks for one. Raises StoreSessionError, psycopg.Error.
        """
        try:
            with deadline(BEGIN_SECONDS_MAX), self._in_turn():
                self.session = session.begin(self, meant, lambda: self._another(conninfo), doubt=doubt)
        except _NoAnswerError as error:
            self.close()
            raise StoreSessionError(session.SILENT) from error
        except BaseException:
            self.close()
            raise
        if self.session.is_pooled:
            BoundedConnection._a_pooler_is_there = True
            self._check_at = time.monotonic() + CHECK_SECONDS

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._a_pooler_is_there:
            yield
            return
        if not _beginning.acquire(timeout=seconds_left()):
            raise _NoAnswerError
        try:
            yield
        finally:
            _beginning.release()

    def _another(self, conninfo: str) -> AbstractContextManager[BoundedConnection]:
        """Open a second connection to the same address, in which nothing is set."""
        to = {"host": self.info.host, "hostaddr": self.info.hostaddr, "port": self.info.port}
        return closing(BoundedConnection.connect(conninfo, **_LIBPQ | to))

    def check_session(self) -> None:
        """Ask whether the session is ours still, where a pooler could have given it away, and close it if it is not.

        Raises StoreSessionError, psycopg.Error.
        """
        if self._check_at == math.inf or not self.autocommit:
            return
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            return
        self._check_at = math.inf
        try:
            session.check(self, self.session)
        except StoreSessionError:
            self.close()
            raise
        finally:
            self._check_at = time.monotonic() + CHECK_SECONDS

    def cursor(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - psycopg's overloads
        """Return a new cursor, as psycopg does. Raises StoreSessionError when the session is no more ours."""
        self._check_when_due()
        return super().cursor(*args, **kwargs)

    def transaction(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - psycopg's signature
        """Begin a transaction, as psycopg does. Raises StoreSessionError when the session is no more ours."""
        self._check_when_due()
        return super().transaction(*args, **kwargs)

    def _check_when_due(self) -> None:
        if time.monotonic() >= self._check_at:
            self.check_session()

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 - psycopg's signature
        """Wait for a reply as psycopg does, with a bound."""
        if timeout is not None or self.reply_seconds_max is None:
            return super().wait(gen, interval, timeout)
        try:
            seconds = min(self.reply_seconds_max, seconds_left())
            if (waiting := WAITING.get()) is not None:
                return wait_for_reply(waiting, self, gen, seconds)
            return super().wait(gen, interval, seconds)
        except (TimeoutError, psycopg.errors._WaitTimeout) as error:  # noqa: SLF001 - the documented error of a wait with a timeout
            self.close()
            raise _NoAnswerError from error


_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""The last one is what a primary says that was demoted to a standby."""
_FOREIGN_STATEMENTS = (psycopg.errors.DuplicatePreparedStatement, psycopg.errors.InvalidSqlStatementName)
"""Errors of a session whose prepared statements are not its own: a pooler gave it to somebody else meanwhile."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn psycopg's errors into the store's two: could not be reached, or another writer was faster."""
    try:
        yield
    except (psycopg.errors.UniqueViolation, psycopg.errors.SerializationFailure) as error:
        raise ConflictError from error
    except (*_AWAY, PoolTimeout, PoolClosed) as error:
        raise StoreUnavailableError(f"{type(error).__name__}: {error}") from error


class Database:
    """A pool of bounded connections.

    conninfo: a libpq connection string or URL.
    connections_max: how many may be open at once.
    """

    def __init__(self, conninfo: str, *, connections_max: int = 8, role: str | None = APP_ROLE) -> None:
        self.conninfo = conninfo
        self._away = False
        self._trying = threading.Lock()
        self._meant = Meant(role, STATEMENT_SECONDS_MAX)
        self._refused: StoreSessionError | None = None
        self.pool = ConnectionPool(
            conninfo,
            connection_class=BoundedConnection,
            kwargs=_LIBPQ,
            configure=self._begin,
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

    def _begin(self, connection: BoundedConnection) -> None:
        """Make a new connection of the pool a session; remember why not, for those who wait for one."""
        try:
            connection.begin(self.conninfo, self._meant)
        except StoreSessionError as error:
            if str(error) != str(self._refused):
                _log.error("store_session_refused", reason=str(error))
            self._refused = error
            raise
        self._refused = None

    @contextmanager
    def one_transaction(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Let everything that this thread asks of the database be one transaction, which commits at the end."""
        with self.get_connection() as connection:
            outer = _lent.set((self, connection))
            try:
                with connection.transaction():
                    yield connection
            finally:
                _lent.reset(outer)

    @contextmanager
    def get_connection(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lend a connection in autocommit mode.

        Within `one_transaction` it is that one's. Raises StoreUnavailableError or ConflictError for what goes wrong
        inside.
        """
        shared = _lent.get()
        if shared is not None and shared[0] is self:
            with store_errors():
                yield shared[1]
            return
        wait_seconds_max = min(POOL_WAIT_SECONDS_MAX, seconds_left())
        with self._turn(), store_errors(), self._lend(wait_seconds_max) as connection:
            try:
                yield connection
            except StoreSessionError:
                connection.close()
                raise
            except _FOREIGN_STATEMENTS as error:
                connection.close()
                raise StoreSessionError(session.LOST) from error
            except psycopg.ProgrammingError:
                # A right is missing, as it would be in somebody else's session.
                connection.check_session()
                raise
            finally:
                if connection.closed:
                    # The server was restarted: the other idle connections are dead too, and each would fail somebody.
                    self.pool.drain()

    @contextmanager
    def _lend(self, wait_seconds_max: float) -> Iterator[BoundedConnection]:
        with ExitStack() as stack:
            try:
                lent = self._take(stack, wait_seconds_max)
            except PoolTimeout:
                if self._refused is not None:
                    raise self._still_away() from None
                raise
            yield lent

    def _take(self, stack: ExitStack, wait_seconds_max: float) -> BoundedConnection:
        """Take a connection of the pool until the stack is left. Raises PoolTimeout."""
        if WAITING.get() is None:
            return stack.enter_context(self.pool.connection(wait_seconds_max))
        # The pool knows no way to wait but to keep the thread, so it is asked again and again.
        until = time.monotonic() + wait_seconds_max
        while True:
            try:
                return stack.enter_context(self.pool.connection(_GLANCE_SECONDS))
            except PoolTimeout:
                if time.monotonic() >= until:
                    raise
            pause(_GLANCE_PAUSE_SECONDS)

    def _still_away(self) -> StoreUnavailableError:
        if self._refused is not None:
            return StoreSessionError(str(self._refused))
        return StoreUnavailableError("the store did not answer a moment ago")

    def refuse_while_away(self) -> None:
        """Raise StoreUnavailableError while the store does not answer and somebody is finding out whether it does."""
        if self._away and self._trying.locked():
            raise self._still_away()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """While the store does not answer, let one try at a time: the others would only keep all threads waiting."""
        away = self._away
        if away and not self._trying.acquire(blocking=False):
            raise self._still_away()
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
    def transaction(self) -> Iterator[psycopg.Cursor[DictRow]]:
        """Lend a cursor in a transaction that commits at the end."""
        with self.get_connection() as connection, connection.transaction():
            yield connection.cursor()

    def ping(self) -> None:
        """Ask the server for a sign of life. Raises StoreUnavailableError."""
        with self.get_connection() as connection:
            connection.execute("SELECT 1")

    def close(self) -> None:
        """Give the connections back."""
        self.pool.close(timeout=2.0)


def connect(
    conninfo: str, *, role: str | None = None, statement_seconds_max: float = 0, doubt: bool = False
) -> BoundedConnection:
    """Open one connection of one's own; statement_seconds_max=0, for a migration, means no limit on a statement.

    doubt: look for a pooler that gives sessions away also where nothing speaks for one. Raises StoreUnavailableError.
    """
    with store_errors():
        connection = BoundedConnection.connect(conninfo, **_LIBPQ)
        connection.begin(conninfo, Meant(role, statement_seconds_max), doubt=doubt)
    if not statement_seconds_max:
        connection.reply_seconds_max = None
    return connection
