"""One PostgreSQL server on one folder: made, started, found again after a crash, and stopped.

Nothing in here counts users or keeps others away: the caller holds the lock (see embedded.py) for everything that
changes something.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import psycopg
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from application.store.embedded.files import MAJOR_VERSION, PORT, Account, EmbeddedPostgresError, socket_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.store.embedded.programs import Programs

POLL_SECONDS: Final = 0.01
CONNECT_SECONDS_MAX: Final = 2
"""The least that libpq can do, and only a server that hangs takes that long."""
ORPHAN_GRACE_SECONDS: Final = 2.0
"""Children of a killed server leave within milliseconds, but for those in the middle of a long computation."""
CRASH_STOP_SECONDS_MAX: Final = 5.0

# Protocol 3.0: length, version, then names and values, each ended by a zero.
_PARAMETERS: Final = b"user\0postgres\0database\0postgres\0\0"
_FIRST_MESSAGE: Final = struct.pack("!ii", 8 + len(_PARAMETERS), 3 << 16) + _PARAMETERS
_FIRST_ANSWER_BYTES_MAX: Final = 4096
_CANNOT_CONNECT_NOW: Final = b"\0C57P03\0"

_log = structlog.get_logger(__name__)


def wait_for(condition: Callable[[], bool], until: float) -> bool:
    """Wait until `condition` holds, at most to the monotonic time `until`; return whether it does."""
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_SECONDS)
    return True


@dataclass(frozen=True)
class Server:
    """The server of the cluster in `folder`, an absolute path without symbolic links, whether it runs or not.

    Methods that take `until`, a monotonic time, give up then with an EmbeddedPostgresError. All raise OSError.
    """

    folder: Path
    account: Account
    programs: Programs

    def conninfo(self, database: str) -> str:
        """Return how to connect as superuser: a libpq string that the user's PGHOST and the like can't change."""
        return make_conninfo(
            host=str(socket_folder(self.folder, self.account)),
            hostaddr="",
            port=PORT,
            user="postgres",
            dbname=database,
            connect_timeout=CONNECT_SECONDS_MAX,
            options="",
            sslmode="disable",
            gssencmode="disable",
            channel_binding="disable",
            target_session_attrs="any",
            require_auth="",
        )

    def answers(self) -> bool:
        """Return whether the server takes connections.

        Asked by hand: psycopg holds the interpreter's lock while libpq asks (PQping), so that a server that hangs would
        stop every thread of the service, for two seconds at each question.
        """
        if not self.folder.exists():
            return False
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(CONNECT_SECONDS_MAX)
                asking.connect(str(socket_folder(self.folder, self.account) / f".s.PGSQL.{PORT}"))
                asking.sendall(_FIRST_MESSAGE)
                said = asking.recv(_FIRST_ANSWER_BYTES_MAX)
        except OSError:
            return False
        # It asks for no password ("R"), or refuses ("E"): any refusal but "not now" comes from one that works.
        return said[:1] == b"R" or (said[:1] == b"E" and _CANNOT_CONNECT_NOW not in said)

    def postmaster(self) -> psutil.Process | None:
        """Return the server's main process if it lives.

        The number in postmaster.pid is not enough: after a reset of the machine or container it can be anybody's.
        """
        pid = _pid_in(self.folder / "postmaster.pid")
        try:
            process = psutil.Process(pid) if pid else None
        except psutil.NoSuchProcess:
            return None
        return process if process and _works_in(process, self.folder, "postgres") else None

    def come_up(self, until: float, *, may_initialise: bool) -> bool:
        """Have the server run; return whether it had to be started. Makes the cluster when new and allowed to."""
        if self.answers() or self._answers_at_last(until):
            return False
        self._check_or_initialise(until, may_initialise=may_initialise)
        self._end_orphans(until)
        self._drop_stale_pid_files()
        private = socket_folder(self.folder, self.account)
        began = time.monotonic()
        if not self.programs.start_server(self.folder, private, until) or not wait_for(self.answers, until):
            raise EmbeddedPostgresError(
                f"the embedded PostgreSQL in {self.folder} did not start ({time.monotonic() - began:.0f} s); "
                f"clear what it says, then start again: {self.programs.why_not(self.folder)}"
            )
        return True

    def go_down(self, until: float) -> None:
        """Stop the server, if it runs: fast, which ends its connections; when that takes too long, by a crash."""
        process = self.postmaster()
        if process is None:
            return
        for number, deadline in ((signal.SIGINT, until), (signal.SIGQUIT, until + CRASH_STOP_SECONDS_MAX)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
            if wait_for(lambda: _has_ended(process), deadline):
                break
            _log.warning("embedded_postgres_does_not_stop", pid=process.pid, signal=number.name)
        else:
            raise EmbeddedPostgresError(f"the embedded PostgreSQL does not stop: end the process {process.pid} by hand")
        if (private := socket_folder(self.folder, self.account)) != self.folder:
            with suppress(OSError):
                private.rmdir()

    def create_database(self, name: str, until: float) -> None:
        """Create the database unless it is there. Raises psycopg.Error."""
        milliseconds = max(1, math.ceil((until - time.monotonic()) * 1000))
        limits = f"-c statement_timeout={milliseconds}"
        with psycopg.connect(self.conninfo("postgres"), options=limits, autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _answers_at_last(self, until: float) -> bool:
        """Wait for a server that lives and does not answer yet, or stops; return whether it answers then."""
        while (process := self.postmaster()) is not None:
            if self.answers():
                return True
            if time.monotonic() >= until:
                raise EmbeddedPostgresError(
                    f"the embedded PostgreSQL (process {process.pid}) runs, but takes no connections: "
                    f"wait for it or end it; it says: {self.programs.last_words(self.folder)}"
                )
            time.sleep(POLL_SECONDS)
        return False

    def _check_or_initialise(self, until: float, *, may_initialise: bool) -> None:
        """See that the folder holds a cluster of our version, or make one where there is none."""
        try:
            version = (self.folder / "PG_VERSION").read_text(errors="replace").strip()
        except FileNotFoundError:
            if not may_initialise:
                # An empty store in the place of one that a running service writes to would look like lost data.
                raise EmbeddedPostgresError(
                    f"the data that was in {self.folder} is gone: bring it back, then restart RPA Watch"
                ) from None
            if self.folder.exists() and any(self.folder.iterdir()):
                raise EmbeddedPostgresError(
                    f"{self.folder} holds files, but no PostgreSQL data: move them away, "
                    f"or set RPAWATCH_DATA_DIR to another folder"
                ) from None
            self._initialise(until)
            return
        if version != str(MAJOR_VERSION):
            raise EmbeddedPostgresError(
                f"{self.folder} was made by PostgreSQL {version[:20]}, and this release comes with {MAJOR_VERSION}: "
                f"dump the data with the release that made it, and load it into a new data directory"
            )
        # A restored or mounted folder may be open to others: the server would not run in it, and its socket is there.
        self.folder.chmod(0o700)

    def _initialise(self, until: float) -> None:
        """Make the cluster aside and move it into place: one that was interrupted is never taken for a whole one."""
        fresh = self.folder.with_name(f"{self.folder.name}.new")
        if fresh.exists():
            for process in _processes_in(fresh):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            wait_for(lambda: not _processes_in(fresh), until)
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        self.account.own(fresh)
        if not self.programs.make_cluster(fresh, until):
            shutil.rmtree(fresh, ignore_errors=True)
            raise EmbeddedPostgresError(
                f"PostgreSQL could not make its files in {self.folder}; clear what it says, then start again: "
                f"{self.programs.why_not(fresh)}"
            )
        fresh.rename(self.folder)
        parent = os.open(self.folder.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _end_orphans(self, until: float) -> None:
        """Wait for what a killed server left behind: they share its memory, and a new one refuses to start beside them.

        Ends children that take too long, which is safe, as crash recovery follows anyway; but no process that somebody
        started by hand to repair the cluster.
        """
        if not wait_for(lambda: not _processes_in(self.folder), min(until, time.monotonic() + ORPHAN_GRACE_SECONDS)):
            for process in _processes_in(self.folder):
                with suppress(psutil.Error):
                    if " ".join(process.cmdline()).startswith("postgres: "):
                        process.kill()
        if not wait_for(lambda: not _processes_in(self.folder), until):
            pids = ", ".join(str(process.pid) for process in _processes_in(self.folder))
            raise EmbeddedPostgresError(
                f"PostgreSQL can't start in {self.folder}, since another one works there: end the process {pids}"
            )

    def _drop_stale_pid_files(self) -> None:
        """Remove pid files whose process is somebody else's now: a new server would take it for a running one.

        Where no such process lives they stay, as the server can tell by itself, and checks more than we do.
        """
        private = socket_folder(self.folder, self.account)
        for path in (self.folder / "postmaster.pid", private / f".s.PGSQL.{PORT}.lock"):
            if (pid := _pid_in(path)) and psutil.pid_exists(pid):
                _log.info("embedded_postgres_stale_pid_file_removed", file=str(path), pid=pid)
                path.unlink()


def _pid_in(path: Path) -> int | None:
    try:
        line = path.read_text(errors="replace").partition("\n")[0].strip()
    except FileNotFoundError:
        return None
    # A negative number is that of a single-user session.
    return int(line) if line.isdecimal() and int(line) else None


def _has_ended(process: psutil.Process) -> bool:
    try:
        # Where nobody asks for its exit code, as in a container without an init, it stays on the list for ever.
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _works_in(process: psutil.Process, folder: Path, *names: str) -> bool:
    """Return whether the process lives, has one of these names, and works in the folder.

    Every process of a server works in the folder of its cluster.
    """
    try:
        if process.name() not in names or process.status() == psutil.STATUS_ZOMBIE:
            return False
        # The link leads to the folder itself, even when that is deleted and another one has its path.
        link = Path(f"/proc/{process.pid}/cwd")
        return (link if os.path.lexists(link) else Path(process.cwd())).samefile(folder)
    except (psutil.Error, OSError):
        return False


def _processes_in(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _works_in(process, folder, "postgres", "initdb")]
