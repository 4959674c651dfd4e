"""The web processes of a service: started on one socket, started again when one dies, and ended together."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import structlog

from interfaces.cli.web_process import CONNECTION_COUNTS, Place
from interfaces.http.server import SharedListening, listen
from interfaces.http.shared_times import SharedTimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.settings import Settings

TURN_SECONDS: Final = 0.1
"""Between two looks at the processes."""
STEADY_SECONDS: Final = 10.0
"""A process that dies sooner has failed at the start, and the next attempt waits longer."""
PAUSE_SECONDS_FIRST: Final = 0.1
PAUSE_SECONDS_MAX: Final = 5.0
"""Between attempts: soon enough to serve well before 15 s after what was wrong is put right, and no load meanwhile."""
FAILURES_TOLD: Final = 3
"""After so many in a row, whatever is wrong won't go away by itself."""
END_SECONDS_MAX: Final = 9.0
"""From the wish to end to the death of the last one. More than they take for their drain, and less than the 10 s after
which a container is killed."""

_log = structlog.get_logger("rpawatch.serve")


class WebProcesses:
    """As many web processes as the settings say. Takes the place of a `Server`, with the same `run` and `stop`.

    Raises OSError when the address can't be had, ValueError when it is none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._listening = listen(*settings.listen_address)
        self._stopping = False

    @property
    def address(self) -> tuple[str, int]:
        """The address that is listened on, with the real port when 0 was asked for."""
        host, port = self._listening.getsockname()[:2]
        return host, port

    def run(self) -> None:
        """Keep the processes running until `stop`, then have them end, and return. Once."""
        with self._listening, _shared_folder(self._settings.workers) as folder, _lifeline() as lifeline:
            environment = _environment(self._settings)
            processes = [
                _WebProcess(Place(number, self._listening.fileno(), lifeline, folder), environment)
                for number in range(1, self._settings.workers + 1)
            ]
            try:
                while not self._stopping:
                    for process in processes:
                        process.tend()
                    time.sleep(TURN_SECONDS)
            finally:
                # New connections are refused when the last copy of the socket is closed.
                self._listening.close()
                _end(processes)

    def stop(self) -> None:
        """Begin the end. In any thread, from a signal handler, and more than once."""
        self._stopping = True


class _WebProcess:
    """The process at one place, and whatever takes its place when it dies."""

    def __init__(self, place: Place, environment: dict[str, str]) -> None:
        self._place = place
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._failures = 0
        self._pause_until = 0.0

    def tend(self) -> None:
        """Start the process when there is none, unless the last one died just now."""
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self._note_death(f"exit code {code}", now)
        if self._process is None and now >= self._pause_until:
            self._start(now)

    def is_alive(self) -> bool:
        """Return whether there is a process."""
        return self._process is not None and self._process.poll() is None

    def ask_to_end(self) -> None:
        """Have it answer what it has received, and end."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End it at once, if it lives."""
        if self._process is not None and self.is_alive():
            _log.error("web_process_killed", worker=self._place.worker, pid=self._process.pid)
            self._process.kill()
            self._process.wait()

    def _start(self, now: float) -> None:
        self._began = now
        try:
            self._process = subprocess.Popen(
                self._place.command(),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(self._place.listening, self._place.lifeline),
                # Ctrl+C is for the service, which then ends them all: it may come before they know what to do with it.
                process_group=0,
            )
        except OSError as error:
            self._note_death(error.strerror or str(error), now)
        else:
            _log.info("web_process_started", worker=self._place.worker, pid=self._process.pid)

    def _note_death(self, reason: str, now: float) -> None:
        self._failures = self._failures + 1 if now - self._began < STEADY_SECONDS else 1
        pause = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_FIRST * (1 << min(self._failures - 1, 10)))
        self._pause_until = now + pause
        tell, event = _log.warning, "web_process_died"
        if self._failures >= FAILURES_TOLD:
            tell, event = _log.error, "web_process_keeps_dying"
        tell(event, worker=self._place.worker, reason=reason, times=self._failures, again_seconds=pause)


def _end(processes: list[_WebProcess]) -> None:
    until = time.monotonic() + END_SECONDS_MAX
    for process in processes:
        process.ask_to_end()
    while any(process.is_alive() for process in processes) and time.monotonic() < until:
        time.sleep(TURN_SECONDS)
    for process in processes:
        process.kill()


def _environment(settings: Settings) -> dict[str, str]:
    """Return the variables of a web process: ours, with the settings that came by an option or a file among them."""
    ours = {name: value for name, value in os.environ.items() if name != "RPAWATCH_ADMIN_PASSWORD"}
    return ours | settings.as_environment()


@contextmanager
def _shared_folder(workers: int) -> Iterator[Path]:
    """Make what the web processes have in common: a folder that nobody else can enter, and that is gone at the end."""
    with TemporaryDirectory(prefix="rpawatch-web-", ignore_cleanup_errors=True) as name:
        descriptor = os.open(name, os.O_RDONLY)
        try:
            # While it is locked, systemd-tmpfiles does not take it for a forgotten one (systemd, "Using /tmp/ safely").
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            SharedTimes(Path(name) / "bad-keys").make()
            SharedListening.make(Path(name) / CONNECTION_COUNTS, workers)
            yield Path(name)
        finally:
            os.close(descriptor)


@contextmanager
def _lifeline() -> Iterator[int]:
    """Make the pipe by which the web processes see that this process is no more; lend its read end."""
    read_end, write_end = os.pipe()
    try:
        yield read_end
    finally:
        os.close(write_end)
        os.close(read_end)
