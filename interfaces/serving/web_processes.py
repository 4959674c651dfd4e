"""The web processes of a service: started on the same listeners, started again when one dies, and ended together."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from interfaces.http.app import listeners_of
from interfaces.http.server import SharedListening
from interfaces.http.shared_file_counters import SharedFileCounters
from interfaces.serving.child_process import TURN_SECONDS, ChildProcess, end, environment_of_child, lifeline
from interfaces.serving.web_process import CONNECTION_COUNTS, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.settings import Settings

END_SECONDS_MAX: Final = 9.0
"""Longest time from the wish to end to the death of the last one. More than they take for their drain, and less than
the 10 s after which a container is killed."""


class WebProcesses:
    """As many web processes as the settings say. Takes the place of a `Server`, with the same `run` and `stop`.

    Raises ListenError when an address can't be had.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.listeners = listeners_of(settings)
        self._stopping = False

    @property
    def address(self) -> tuple[str, int]:
        """The first address that is listened on, with the real port when 0 was asked for."""
        return self.listeners[0].address

    def run(self) -> None:
        """Keep the processes running until `stop`, then have them end, and return. Once."""
        with ExitStack() as stack:
            for listener in self.listeners:
                stack.enter_context(listener.sock)
            folder = stack.enter_context(_shared_folder(self._settings.workers))
            read_end = stack.enter_context(lifeline())
            environment = environment_of_child(self._settings)
            listening = {listener.sock.fileno(): listener.entrance for listener in self.listeners}
            places = [Place(number, listening, read_end, folder) for number in range(1, self._settings.workers + 1)]
            processes = [
                ChildProcess(
                    "web_process",
                    place.command(),
                    environment,
                    (*place.listening, place.lifeline),
                    worker=place.worker,
                )
                for place in places
            ]
            try:
                while not self._stopping:
                    for process in processes:
                        process.tend()
                    time.sleep(TURN_SECONDS)
            finally:
                # New connections are refused when the last copy of a socket is closed.
                for listener in self.listeners:
                    listener.sock.close()
                end(processes, END_SECONDS_MAX)

    def stop(self) -> None:
        """Begin the end. In any thread, from a signal handler, and more than once."""
        self._stopping = True


@contextmanager
def _shared_folder(workers: int) -> Iterator[Path]:
    """Make what the web processes have in common: a folder that nobody else can enter, and that is gone at the end."""
    with TemporaryDirectory(prefix="rpawatch-web-", ignore_cleanup_errors=True) as name:
        descriptor = os.open(name, os.O_RDONLY)
        try:
            # While it is locked, systemd-tmpfiles does not take it for a forgotten one (systemd, "Using /tmp/ safely").
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            SharedFileCounters(Path(name) / "bad-keys").make()
            SharedListening.make(Path(name) / CONNECTION_COUNTS, workers)
            yield Path(name)
        finally:
            os.close(descriptor)
