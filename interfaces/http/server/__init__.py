"""The HTTP server: waitress with bounds on everything a client decides, an orderly end, and problems as error answers.

waitress' loop, threads and channels are used at the seams that it has. What is added, and why, stands in the classes of
`loop.py` (all connections), `channel.py` (time and progress of one), `parser.py` (strictness) and
`tasks.py` (answers). `greenlet_scheduler.py` serves requests that mostly wait, all in one thread.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from interfaces.http.forwarded import TrustedProxies
from interfaces.http.server.limits import Paths, ServerLimits, Settings, allow_open_files, tune_memory
from interfaces.http.server.listening import Listener, ListenError, listen_on, open_listeners
from interfaces.http.server.loop import Loop
from interfaces.http.server.refusals import path_of
from interfaces.http.server.sharing import Listening, SharedListening
from interfaces.http.server.tasks import ENTRANCE, RECEIVED_MONOTONIC

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication

    from interfaces.http.server.refusals import ProblemWriter

__all__ = [
    "ENTRANCE",
    "RECEIVED_MONOTONIC",
    "ListenError",
    "Listener",
    "Listening",
    "Paths",
    "Server",
    "ServerLimits",
    "SharedListening",
    "allow_open_files",
    "listen",
    "open_listeners",
    "path_of",
    "tune_memory",
]

TURN_SECONDS_MAX: Final = 1.0
DRAIN_TURN_SECONDS: Final = 0.1

_log = structlog.get_logger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, for the servers of several processes to accept from.

    Raises OSError when the address can't be had, ValueError when it is none.
    """
    return listen_on(Settings(host, port, ServerLimits(), None))


class Server:
    """Serves a WSGI application, from construction (its sockets listen) to the end of `run`.

    host: an address, or a name of which one address is taken, IPv4 where there is one.
    port: 0 for any free one.
    problem: writes the errors that the server answers by itself.
    trusted_proxy: whose X-Forwarded-For and X-Forwarded-Proto are taken, as `TrustedProxies` has it; those of others
    are dropped.
    listening: what to accept from, alone or together with other processes; host and port are then those of its first
    socket.
    paths: those whose requests are treated in their own way.

    Raises OSError when the address can't be had, ValueError when one is none.
    """

    def __init__(  # noqa: PLR0913 - the composition root names each of them
        self,
        app: WSGIApplication,
        host: str,
        port: int,
        limits: ServerLimits,
        *,
        problem: ProblemWriter,
        trusted_proxy: str | None = None,
        listening: Listening | None = None,
        paths: Paths | None = None,
    ) -> None:
        self._limits = limits
        self._stopping = False
        self._running = False
        # Whoever stops must not write to what wakes the loop after it was closed. A signal handler may come while its
        # own thread has this lock.
        self._ending = threading.RLock()
        proxies = TrustedProxies(trusted_proxy) if trusted_proxy else None
        self.listeners = [] if listening is None else list(listening.listeners)
        """Those that were given; their addresses can be asked for until the end of `run`."""
        self._loop = Loop(app, Settings(host, port, limits, proxies, paths), problem, listening)

    @property
    def address(self) -> tuple[str, int]:
        """The first address that is listened on, with the real port when 0 was asked for."""
        return self._loop.effective_host, int(self._loop.effective_port)

    def run(self) -> None:
        """Serve until `stop`, then answer what was received, and return. In any thread, once."""
        self._loop.dispatcher.set_thread_count(self._limits.threads)
        deadline = 0.0
        try:
            self._loop.begin()
            self._running = True
            while not self._stopping:
                self._loop.turn(TURN_SECONDS_MAX)
            deadline = time.monotonic() + self._limits.drain_seconds_max
            self._drain(deadline)
        finally:
            self._loop.close_connections()
            with self._ending:
                self._running = False
            # A client may have left a request that is being carried out.
            if self._loop.finish(max(deadline, time.monotonic() + 0.1)):
                with self._ending:
                    self._stopping = True
                    self._loop.close_wake_up()
            else:
                _log.error("threads still running at the end", threads=len(self._loop.dispatcher.threads))

    def run_in_loop(self, work: Callable[[], None]) -> None:
        """Run this in the thread of the loop, where others go on while it waits; in one of its own while none runs.

        In any thread.
        """
        with self._ending:
            if self._running:
                self._loop.scheduler.run_soon(work)
                return
        threading.Thread(target=work, name="beside-loop", daemon=True).start()

    def stop(self) -> None:
        """Begin the drain. In any thread, from a signal handler, and more than once."""
        with self._ending:
            if not self._stopping:
                self._stopping = True
                self._loop.wake_up()

    def _drain(self, deadline: float) -> None:
        begun = time.monotonic()
        self._loop.stop_accepting()
        # What has arrived and was not read yet is read before idle connections are told from busy ones.
        self._loop.turn(0)
        _log.info("draining", connections=self._loop.connections())
        while (now := time.monotonic()) < deadline:
            self._loop.close_idle(now)
            if not self._loop.connections():
                break
            self._loop.turn(min(DRAIN_TURN_SECONDS, deadline - now))
        _log.info("drained", seconds=round(time.monotonic() - begun, 3), connections_cut=self._loop.connections())
