"""A throw-away server of Debian's own PostgreSQL, for the tests that are run a second time on another version.

    python tests/support/debian_postgres.py -- COMMAND [ARGUMENT...]

makes a cluster in a temporary folder, runs COMMAND with its address in RPAWATCH_TEST_DATABASE_URL, stops the server,
removes the folder and exits with COMMAND's code, also when it is told to stop (SIGINT, SIGTERM, SIGHUP).
`--find` prints the folder of the server's programs instead, and exits with 1 when there is none.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

URL_VARIABLE = "RPAWATCH_TEST_DATABASE_URL"
OLDEST_VERSION = 14
OWNER = "rpawatch_tests"
START_SECONDS = 60
STOP_SECONDS = 30
_ROOT_OF_VERSIONS = Path("/usr/lib/postgresql")
_POLL_SECONDS = 0.05


class PostgresError(Exception):
    """The server could not be found or started; one sentence for whoever runs the tests."""


class _As(TypedDict, total=False):
    user: str
    group: str
    extra_groups: list[str]


def find_programs() -> Path | None:
    """Return the folder of the newest server of Debian's that we support, or None.

    Packages of the PostgreSQL project's own archive lie in the same place; their versions name it. They don't count:
    the point of the second run is what an operator of a plain Debian has.
    """
    versions = sorted((int(path.name) for path in _ROOT_OF_VERSIONS.glob("[1-9][0-9]")), reverse=True)
    for version in versions:
        programs = _ROOT_OF_VERSIONS / str(version) / "bin"
        if version >= OLDEST_VERSION and (programs / "postgres").exists() and _is_of_debian(f"postgresql-{version}"):
            return programs
    return None


def _is_of_debian(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", package]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return False
    return answer.startswith("installed ") and "pgdg" not in answer


@contextmanager
def running_server() -> Iterator[str]:
    """Run a server for as long as the block, and give its address. What it wrote is gone afterwards."""
    programs = find_programs()
    if programs is None:
        message = f"PostgreSQL {OLDEST_VERSION} or newer of Debian's is not installed; see system_packages.sh"
        raise PostgresError(message)
    folder = Path(tempfile.mkdtemp(prefix="rpawatch-postgres-"))
    try:
        password = secrets.token_urlsafe(24)
        _make_cluster(programs, folder, password)
        server, port = _start(programs, folder)
        try:
            yield f"postgresql://{OWNER}:{password}@127.0.0.1:{port}/postgres"
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder)


def _as_postgres() -> _As:
    """PostgreSQL refuses to run as root; its package made a user for it."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _make_cluster(programs: Path, folder: Path, password: str) -> None:
    password_file = folder / "password"
    password_file.write_text(password, encoding="utf-8")
    if os.geteuid() == 0:
        for path in (folder, password_file):
            shutil.chown(path, "postgres", "postgres")
    command = [
        str(programs / "initdb"),
        f"--pgdata={folder / 'data'}",
        f"--username={OWNER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    made = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **_as_postgres()
    )
    if made.returncode != 0:
        message = f"initdb failed:\n{made.stdout}"
        raise PostgresError(message)
    password_file.unlink()


def _start(programs: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server and wait until it answers. fsync stays on: what is tested is what is run."""
    data, log = folder / "data", folder / "log"
    for _ in range(5):  # someone else may take the port between our look and the server's bind
        port = _free_port()
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        # Only TCP: the path of a socket may be too long for the system, depending on where temporary files go.
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        with log.open("wb") as output:
            # A process group of its own: Ctrl-C must end the tests first, and the server after them.
            server = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                **_as_postgres(),
            )
        if _wait_until_ready(data, server):
            return server, port
        _stop(server)
    message = f"the server did not start:\n{log.read_text(encoding='utf-8', errors='replace')}"
    raise PostgresError(message)


def _wait_until_ready(data: Path, server: subprocess.Popen[bytes]) -> bool:
    """Wait for the word that the server writes into its own file: the port may be answered by another server."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(FileNotFoundError):
            if "ready" in (data / "postmaster.pid").read_text(encoding="utf-8").split():
                return True
        time.sleep(_POLL_SECONDS)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop it at once for its clients ("fast"), and by force when that takes too long."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)


class _Signals:
    """Remembers that the end was asked for. Nothing is raised: that could lose a process that was just started."""

    def __init__(self) -> None:
        self.received: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._receive)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = number


def run_with_server(command: Sequence[str], signals: _Signals) -> int:
    """Run a command with the address of a server in its environment, and return its exit code as a shell does."""
    with running_server() as url:
        if signals.received is None:
            environment = os.environ | {URL_VARIABLE: url}
            child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, process_group=0)
            code = _wait(child, signals)
    if signals.received is not None:
        return 128 + signals.received
    return code if code >= 0 else 128 - code


def _wait(child: subprocess.Popen[bytes], signals: _Signals) -> int:
    """Wait for the end of the command; pass a signal on to it and to what it started, and use force after a while."""
    deadline: float | None = None
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(_POLL_SECONDS)
        if signals.received is None:
            continue
        if deadline is None:
            deadline = time.monotonic() + STOP_SECONDS
            os.killpg(child.pid, signals.received)
        elif time.monotonic() > deadline:
            os.killpg(child.pid, signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """Find the server's programs, or run a command with a server; return the exit code."""
    if list(arguments) == ["--find"]:
        programs = find_programs()
        if programs is not None:
            sys.stdout.write(f"{programs}\n")
        return 0 if programs is not None else 1
    if len(arguments) < 2 or arguments[0] != "--":
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        return run_with_server(arguments[1:], _Signals())
    except PostgresError as error:
        sys.stderr.write(f"debian_postgres: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
