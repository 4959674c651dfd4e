"""What follows the log of a service that serves in one web process: a program of its own; neither then waits."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

import structlog

from interfaces.bootstrap import Services
from interfaces.http.server import tune_memory
from interfaces.logs import configure_logs
from interfaces.serving.child_process import TURN_SECONDS, ChildProcess, end, environment_of_child, lifeline
from interfaces.settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

_CONNINFO: Final = "RPAWATCH_PROJECTOR_CONNINFO"
"""The variable that says where the log is. Not the settings: an embedded server is the service's to start and stop."""
END_SECONDS_MAX: Final = 2.0
"""Longest end of the process, which looks for the order more often; then it is killed. Read models survive that."""

_log = structlog.get_logger("rpawatch.serve")


class ProjectorProcess:
    """Keeps a projector running beside this process, for as long as a `with` block."""

    def __init__(self, settings: Settings, conninfo: str) -> None:
        self._environment = environment_of_child(settings) | {_CONNINFO: conninfo}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="projector-process")

    def __enter__(self) -> None:
        """Start it, in the background."""
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _tend(self) -> None:
        with lifeline() as read_end:
            # -P: a file in the folder where `rpawatch` was started must not be taken for a module.
            command = [sys.executable, "-P", "-m", "interfaces.serving.projector_process", str(read_end)]
            process = ChildProcess("projector", command, self._environment, (read_end,))
            try:
                while not self._stop.is_set():
                    process.tend()
                    self._stop.wait(TURN_SECONDS)
            finally:
                end([process], END_SECONDS_MAX)


def main() -> None:
    """Follow the log until SIGTERM or SIGINT, or until the service is no more."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = Settings(_env_file=None)
    configure_logs(settings.log_level, settings.log_format)
    threading.Thread(target=_stop_when_deserted, args=(int(sys.argv[1]), stop), name="lifeline", daemon=True).start()
    tune_memory()
    with Services(os.environ[_CONNINFO], threads=1).follow(settings.signing_key_path):
        stop.wait()


def _stop_when_deserted(read_end: int, stop: threading.Event) -> None:
    os.read(read_end, 1)
    _log.warning("service_gone")
    stop.set()


if __name__ == "__main__":
    main()
