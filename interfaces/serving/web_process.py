"""One web process of a service that has several: a program of its own, which the service starts (web_processes.py)."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog

from interfaces.bootstrap import Services
from interfaces.cli.failures import expected_failure
from interfaces.cli.main import keep_outputs_usable
from interfaces.cli.store import open_store
from interfaces.http.app import create_server
from interfaces.http.metrics import count_together
from interfaces.http.server import Listener, Server, SharedListening
from interfaces.logs import configure_logs
from interfaces.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECTION_COUNTS = "connections"
"""Name of the file with the counts, in the folder that they share."""

_log = structlog.get_logger("rpawatch.serve")


@dataclass(frozen=True, slots=True)
class Place:
    """What a web process is given besides the settings.

    worker: its number, from 1. listening: the descriptors of the sockets that all accept from, with the entrance of
    each. lifeline: the read end of a pipe whose write end the service holds, and nobody else; at its end the service is
    no more, however it ended. folder: what the web processes have in common.
    """

    worker: int
    listening: dict[int, str]
    lifeline: int
    folder: Path

    def command(self) -> list[str]:
        """Return how such a process is started. Settings go by the environment: arguments are for all to read."""
        # -P: a file in the folder where `rpawatch` was started must not be taken for a module.
        program = [sys.executable, "-P", "-m", "interfaces.serving.web_process"]
        listeners = ",".join(f"{descriptor}={entrance}" for descriptor, entrance in self.listening.items())
        return [*program, str(self.worker), listeners, str(self.lifeline), str(self.folder)]

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Self:
        """Return the place that the arguments of `command` say."""
        worker, listeners, lifeline, folder = arguments
        listening = {
            int(descriptor): entrance
            for descriptor, _, entrance in (listener.partition("=") for listener in listeners.split(","))
        }
        return cls(int(worker), listening, int(lifeline), Path(folder))

    def is_deserted(self) -> bool:
        """Return whether the service is no more."""
        return bool(select.select([self.lifeline], [], [], 0)[0])


def main() -> None:
    """Serve until SIGTERM or SIGINT, or until the service is no more; exit with 0."""
    keep_outputs_usable()
    place = Place.of(sys.argv[1:])
    # What the service was told, and not what a changed .env says by now.
    settings = Settings(_env_file=None)
    configure_logs(settings.log_level, settings.log_format, worker=place.worker, for_good=True)
    count_together(place.folder, place.worker)
    try:
        _serve(settings, place)
    except Exception as error:
        failure = expected_failure(error)
        if failure is None:
            raise
        code, reason = failure
        _log.error("web_process_failed", reason=reason)
        sys.exit(code)
    finally:
        if place.is_deserted():
            # The service would have removed it.
            shutil.rmtree(place.folder, ignore_errors=True)


def _serve(settings: Settings, place: Place) -> None:
    listeners = [
        Listener(socket.socket(fileno=descriptor), entrance) for descriptor, entrance in place.listening.items()
    ]
    listening = SharedListening(listeners, place.folder / CONNECTION_COUNTS, place.worker - 1)
    # It counts as a user of an embedded server: when the service is killed, a command that comes and goes meanwhile is
    # not the last one out, and does not stop the server under what is still being answered here. Keeping the server
    # running is the service's.
    with (
        open_store(settings) as store,
        Services(
            store.conninfo, threads=settings.threads, body_bytes_max=settings.max_body, shared_folder=place.folder
        ) as services,
    ):
        services.begin().keep_time()
        server = create_server(services, settings, listening)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        threading.Thread(target=_stop_when_deserted, args=(place, server), name="lifeline", daemon=True).start()
        server.run()


def _stop_when_deserted(place: Place, server: Server) -> None:
    os.read(place.lifeline, 1)
    _log.warning("service_gone")
    server.stop()


if __name__ == "__main__":
    main()
