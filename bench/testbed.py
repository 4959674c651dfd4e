"""The testbed of every service: one folder, one PostgreSQL with fsync on, and the processes that run.

Everything is ended and removed when the block is left, also by an error or a signal.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from application.store.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CONNECTIONS_MAX = 300
START_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 20.0
_REST_SECONDS_MAX = 5.0
_REST_SAMPLE_SECONDS = 0.1
_REST_SHARE_MAX = 0.1
"""Of one core: what is left of a turn's work is done when all processes together take less."""
_LOG_TAIL_BYTES = 2000


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    address: tuple[str, int]
    process: psutil.Process

    def processes(self) -> list[psutil.Process]:
        """Return the first process and its children."""
        return [self.process, *self.process.children(recursive=True)]

    def memory_mb(self) -> float:
        """Return the resident memory of the largest process, in MB."""
        return max(_rss_bytes(process) for process in self.processes()) / 1e6

    def memory_mb_of_all(self) -> float:
        """Return the resident memory of all processes together, in MB."""
        return sum(_rss_bytes(process) for process in self.processes()) / 1e6

    def cpu_seconds(self) -> float:
        """Return the processor time that all processes have taken."""
        return sum(_cpu_seconds(process) for process in self.processes())


class Testbed:
    """A temporary folder with a PostgreSQL of the project in it. Get one from `testbed()`."""

    def __init__(self, folder: Path, postgres: EmbeddedPostgres) -> None:
        self.folder = folder
        self._postgres = postgres
        self._started: list[Running] = []

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Make a database, an empty one or a copy, and return its connection string."""
        with psycopg.connect(self._postgres.conninfo, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return make_conninfo(self._postgres.conninfo, dbname=name)

    @contextmanager
    def run(self, command: list[str], port: int, environment: dict[str, str], path: str) -> Iterator[Running]:
        """Run a service that listens on `port` for as long as the block; it is up when it answers to `path`."""
        with (self.folder / f"{port}.log").open("w+b") as log:
            process = None
            try:
                with uninterrupted():
                    # In a group of its own, so that Ctrl+C ends the benchmark, and the benchmark its services.
                    process = subprocess.Popen(
                        command, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
                    )
                _wait_for_answer(process, port, path, Path(log.name))
                running = Running(("127.0.0.1", port), psutil.Process(process.pid))
                self._started.append(running)
                yield running
            except Exception as error:
                error.add_note(f"{command[0]} said: {_tail(Path(log.name))}")
                raise
            finally:
                if process is not None:
                    pid = process.pid
                    self._started = [other for other in self._started if other.process.pid != pid]
                    _end(process)

    def postgres_cpu_seconds(self) -> float:
        """Return the processor time of PostgreSQL, also of connections that have ended."""
        pid = self._postgres.postmaster_pid
        if pid is None:
            raise RuntimeError("PostgreSQL has gone")
        server = psutil.Process(pid)
        own = server.cpu_times()
        return (
            _cpu_seconds(server) + own.children_user + own.children_system + sum(map(_cpu_seconds, server.children()))
        )

    def rest(self) -> float:
        """Wait until everybody is done with what a load has left behind; return how long that took, in seconds.

        A service that follows its own log, or PostgreSQL that tidies up, would else be paid for by the next in turn.
        """
        began = time.monotonic()
        while time.monotonic() - began < _REST_SECONDS_MAX:
            before = self._cpu_seconds()
            time.sleep(_REST_SAMPLE_SECONDS)
            if self._cpu_seconds() - before <= _REST_SHARE_MAX * _REST_SAMPLE_SECONDS:
                break
        return time.monotonic() - began - _REST_SAMPLE_SECONDS

    def _cpu_seconds(self) -> float:
        return self.postgres_cpu_seconds() + sum(running.cpu_seconds() for running in self._started)


@contextmanager
def testbed() -> Iterator[Testbed]:
    """Give the testbed, and leave nothing of it behind."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rpawatch-bench-")))
        folder.chmod(0o711)  # PostgreSQL has a user of its own when this one is root
        with uninterrupted():
            _allow_connections(folder / "postgres")
            postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        yield Testbed(folder, postgres)


def _allow_connections(data_dir: Path) -> None:
    """Let the server take enough connections for all services at once; it heeds that at its next start."""
    with (
        EmbeddedPostgres(data_dir) as postgres,
        psycopg.connect(postgres.conninfo, autocommit=True) as connection,
    ):
        connection.execute(sql.SQL("ALTER SYSTEM SET max_connections = {}").format(CONNECTIONS_MAX))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a signal that ends the benchmark wait until what the block starts can be ended too."""
    waiting: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: waiting.append(number)) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_answer(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}: {_tail(log)}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS_MAX)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
        finally:
            connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    children: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in psutil.wait_procs(children, timeout=_STOP_SECONDS_MAX)[1]:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _tail(log: Path) -> str:
    return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip() or "nothing"


def _cpu_seconds(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _rss_bytes(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0
