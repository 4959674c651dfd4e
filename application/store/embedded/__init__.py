"""A PostgreSQL of our own under the data directory, for every process that uses this directory.

The first process to come starts the server, later ones join it, the last one to leave stops it. Users are counted with
the kernel's file locks, since a count in a file keeps counting a process that was killed: every user holds a shared
lock on `users.lock` for as long as it lives, so whoever can have it exclusively is alone.

The server asks for no password. What keeps others out is the folder that holds its socket: see files.py.
The data directory belongs on a local disk, and on one machine or in one container at a time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

import psycopg
import structlog

from application.store.embedded.files import EmbeddedPostgresError, let_run, let_through, open_private, server_account
from application.store.embedded.programs import Programs
from application.store.embedded.server import Server, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

__all__ = ["DATABASE", "DEADLINE_SECONDS", "EmbeddedPostgres", "EmbeddedPostgresError"]

DATABASE: Final = "rpawatch"
DEADLINE_SECONDS: Final = 60.0
"""Longest start or restart. It takes well below a second but for crash recovery after much work on a slow disk."""
STOP_SECONDS_MAX: Final = 10.0
"""Longest orderly stop, which takes below a second; after that the server is told to stop as in a crash."""

_log = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """The part of one process in the server of `data_dir`; it counts as a user from `start` to `stop`, or to its death.

    A fork of the process counts as well, until it calls `stop` on its copy or ends. `start` and `stop` are for one
    thread, `ensure_running` is for any. Of the data directory this uses `postgres`, where the data and the server's log
    are, `postgres-start.log`, `start.lock` and `users.lock`; the locks must not be deleted while somebody uses it.
    """

    def __init__(self, data_dir: Path, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._data_dir = data_dir.absolute()
        self._deadline_seconds = deadline_seconds
        self._server: Server | None = None
        self._users_lock: int | None = None

    def start(self) -> str:
        """Start the server, or join the one that runs; return the libpq connection string of the database.

        The string names the superuser, and holds until the data directory is moved. A second call does no harm.
        Raises EmbeddedPostgresError.
        """
        until = self._until()
        with _plain_errors():
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._exclusive(until):
                server = self._find_server()
                began = time.monotonic()
                started = self._come_up(server, until)
                if self._users_lock is None:
                    self._users_lock = self._join(until)
                self._server = server
        _log.info(
            "embedded_postgres_started" if started else "embedded_postgres_joined",
            folder=str(server.folder),
            seconds=round(time.monotonic() - began, 3),
        )
        return server.conninfo(DATABASE)

    def ensure_running(self) -> bool:
        """Start the server again if it was killed; return whether that was necessary.

        For a user to call when the store can't be reached; several may at once. Crash recovery brings back all that was
        committed. Does nothing before `start` and after `stop`. Raises EmbeddedPostgresError.
        """
        until = self._until()
        server = self._server
        with _plain_errors():
            # One that lives and does not answer starts, stops or hangs: nothing can be done for it from here.
            if server is None or server.answers() or server.postmaster() is not None:
                return False
            with self._exclusive(until):
                # Asked again: another thread may have left meanwhile.
                if self._users_lock is None:
                    return False
                # Looked up anew: what keeps it down may be a folder that was closed to its user since.
                restarted = self._find_server().come_up(until, may_initialise=False)
        if restarted:
            _log.warning("embedded_postgres_restarted", folder=str(server.folder))
        return restarted

    def stop(self) -> None:
        """Leave; the last user to leave stops the server. A second call does nothing.

        Raises EmbeddedPostgresError when the server could not be stopped; this process has left all the same.
        """
        server, self._server = self._server, None
        users_lock, self._users_lock = self._users_lock, None
        if server is None or users_lock is None:
            return
        until = time.monotonic() + min(self._deadline_seconds, STOP_SECONDS_MAX)
        with _plain_errors():
            # Closed without unlocking: a fork of ours holds the same lock and may go on using the server.
            os.close(users_lock)
            with self._exclusive(until):
                if self._is_unused():
                    server.go_down(until)
                    _log.info("embedded_postgres_stopped", folder=str(server.folder))

    @property
    def conninfo(self) -> str:
        """The connection string that `start` returned. Raises EmbeddedPostgresError when not started."""
        server = self._server
        if server is None:
            raise EmbeddedPostgresError("the embedded PostgreSQL is not in use: call start() first")
        return server.conninfo(DATABASE)

    @property
    def postmaster_pid(self) -> int | None:
        """The process id of the server while it lives."""
        server = self._server
        process = server.postmaster() if server else None
        return process.pid if process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _until(self) -> float:
        return time.monotonic() + self._deadline_seconds

    def _find_server(self) -> Server:
        data_dir = self._data_dir.resolve()
        cluster = (data_dir / "postgres").resolve()
        account = server_account(data_dir, cluster)
        let_run(account)
        let_through(cluster, account)
        return Server(cluster, account, Programs(account, start_log=data_dir / "postgres-start.log"))

    @contextmanager
    def _exclusive(self, until: float) -> Iterator[None]:
        """Keep every other process and thread from starting, joining or stopping the server meanwhile."""
        descriptor = self._open_lock("start.lock")
        try:
            if not wait_for(lambda: _lock(descriptor, fcntl.LOCK_EX), until):
                raise EmbeddedPostgresError(
                    f"another process has been starting or stopping the embedded PostgreSQL in {self._data_dir} for "
                    f"{self._deadline_seconds:g} s: try again, and look for a process of RPA Watch that hangs"
                )
            try:
                yield
            finally:
                # A process that another thread forks off right now has a copy of the descriptor; unlock for it too.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _come_up(self, server: Server, until: float) -> bool:
        """Have the server run and the database exist; return whether the server had to be started."""
        started = False
        while True:
            started |= server.come_up(until, may_initialise=True)
            try:
                server.create_database(DATABASE, until)
            except psycopg.Error:
                # Somebody may have killed it just now. Where it still answers, it has a reason that will not go away.
                if server.answers() or time.monotonic() >= until:
                    if self._is_unused():
                        server.go_down(until)
                    raise
            else:
                return started

    def _join(self, until: float) -> int:
        descriptor = self._open_lock("users.lock")
        if not wait_for(lambda: _lock(descriptor, fcntl.LOCK_SH), until):
            os.close(descriptor)
            raise EmbeddedPostgresError(
                f"another program has locked {self._data_dir / 'users.lock'}: end it, and start RPA Watch again"
            )
        return descriptor

    def _is_unused(self) -> bool:
        """Return whether nobody uses the server. Asked within `_exclusive`: nobody joins before it is stopped."""
        descriptor = self._open_lock("users.lock")
        try:
            unused = _lock(descriptor, fcntl.LOCK_EX)
            if unused:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            return unused
        finally:
            os.close(descriptor)

    def _open_lock(self, name: str) -> int:
        """Open a file to lock. It closes itself in every program that we start, so the server never holds a lock."""
        return open_private(self._data_dir / name, os.O_RDWR)


def _lock(descriptor: int, kind: int) -> bool:
    """Try to lock an open file, without waiting; return whether that worked."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_ADVICE: Final = {
    errno.EACCES: "give the data directory to the user who runs RPA Watch, or set RPAWATCH_DATA_DIR to another folder",
    errno.ENOTDIR: "set RPAWATCH_DATA_DIR to a folder",
    errno.ENOSPC: "make room on the disk, then start again",
}
_ADVICE_FOR_SIMILAR: Final = {errno.EPERM: errno.EACCES, errno.EROFS: errno.EACCES, errno.EEXIST: errno.ENOTDIR}


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what the operating system and libpq say into one line that tells what to do."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        advice = _ADVICE.get(_ADVICE_FOR_SIMILAR.get(number, number), "clear that, then start again")
        path = error.filename or "a file of the data directory"
        raise EmbeddedPostgresError(
            f"the embedded PostgreSQL can't use {path} ({error.strerror or error}): {advice}"
        ) from error
    except psycopg.Error as error:
        said = str(error).strip().partition("\n")[0]
        raise EmbeddedPostgresError(
            f"the embedded PostgreSQL runs, but refuses to work; clear what it says and start again: {said}"
        ) from error
