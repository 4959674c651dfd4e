"""Processes that the service starts beside its own: started again when they die, and ended with it."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from interfaces.settings import Settings

TURN_SECONDS: Final = 0.1
"""Pause between two looks at the processes."""
STEADY_SECONDS: Final = 10.0
"""A process that dies sooner has failed at the start, and the next attempt waits longer."""
PAUSE_SECONDS_FIRST: Final = 0.1
PAUSE_SECONDS_MAX: Final = 5.0
"""Longest pause between attempts: it serves well before 15 s after what was wrong is put right, and is no load
meanwhile."""
FAILURES_TOLD: Final = 3
"""Failures in a row after which whatever is wrong won't go away by itself."""

_log = structlog.get_logger("rpawatch.serve")


class ChildProcess:
    """One process, and whatever takes its place when it dies.

    kind: what log lines call it. descriptors: those that it inherits. fields: what log lines say of it besides.
    """

    def __init__(
        self,
        kind: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int],
        **fields: object,
    ) -> None:
        self._kind = kind
        self._command = command
        self._environment = environment
        self._descriptors = descriptors
        self._fields = fields
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._failures = 0
        self._pause_until = 0.0

    def tend(self) -> None:
        """Start the process when there is none, unless the last one died just now."""
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self._record_death(f"exit code {code}", now)
        if self._process is None and now >= self._pause_until:
            self._start(now)

    def is_alive(self) -> bool:
        """Return whether there is a process."""
        return self._process is not None and self._process.poll() is None

    def request_end(self) -> None:
        """Have it answer what it has received, and end."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End it at once, if it lives."""
        if self._process is not None and self.is_alive():
            _log.error(f"{self._kind}_killed", **self._fields, pid=self._process.pid)
            self._process.kill()
            self._process.wait()

    def _start(self, now: float) -> None:
        self._began = now
        try:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=self._descriptors,
                # Ctrl+C is for the service, which then ends them all: it may come before they know what to do with it.
                process_group=0,
            )
        except OSError as error:
            self._record_death(error.strerror or str(error), now)
        else:
            _log.info(f"{self._kind}_started", **self._fields, pid=self._process.pid)

    def _record_death(self, reason: str, now: float) -> None:
        self._failures = self._failures + 1 if now - self._began < STEADY_SECONDS else 1
        pause = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_FIRST * (1 << min(self._failures - 1, 10)))
        self._pause_until = now + pause
        tell, event = _log.warning, "died"
        if self._failures >= FAILURES_TOLD:
            tell, event = _log.error, "keeps_dying"
        tell(f"{self._kind}_{event}", **self._fields, reason=reason, times=self._failures, again_seconds=pause)


def end(processes: Sequence[ChildProcess], seconds_max: float) -> None:
    """Have processes end in order, and kill those that have not after a while."""
    until = time.monotonic() + seconds_max
    for process in processes:
        process.request_end()
    while any(process.is_alive() for process in processes) and time.monotonic() < until:
        time.sleep(TURN_SECONDS)
    for process in processes:
        process.kill()


def environment_of_child(settings: Settings) -> dict[str, str]:
    """Return the variables of a process: ours, with the settings that came by an option or a file among them."""
    ours = {name: value for name, value in os.environ.items() if name != "RPAWATCH_ADMIN_PASSWORD"}
    return ours | settings.as_environment()


@contextmanager
def lifeline() -> Iterator[int]:
    """Make the pipe by which processes see that this process is no more; lend its read end."""
    read_end, write_end = os.pipe()
    try:
        yield read_end
    finally:
        os.close(write_end)
        os.close(read_end)
