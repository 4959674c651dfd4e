"""The loop: the listening socket and the connections, in one thread, and what is bounded over all of them."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog
from waitress import wasyncore
from waitress.server import TcpWSGIServer

from interfaces.http.server import refusals
from interfaces.http.server.channel import Channel
from interfaces.http.server.greenlet_scheduler import GreenletScheduler
from interfaces.http.server.listening import Entrance, Listener, listen_on
from interfaces.http.server.pace import Pace
from interfaces.http.server.polling import Poller
from interfaces.http.server.sharing import Listening
from interfaces.http.server.slow_readers import SlowReaders
from interfaces.http.server.tasks import Dispatcher
from interfaces.http.server.turns import Priority, Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication

    from interfaces.http.server.limits import Settings
    from interfaces.http.server.parser import RequestParser
    from interfaces.http.server.refusals import ProblemWriter

MAINTENANCE_SECONDS: Final = 1.0
QUICK_BYTES_MAX: Final = 32 * 1024
"""Largest body that is taken apart in the loop's thread: a millisecond. Larger and compressed ones go to a thread."""
ANSWERING_SECONDS_MAX: Final = 0.01
"""Longest time of a turn for requests that are answered in it: as long as that, new connections and new bytes wait."""
DROPPED_PER_TURN_DIVISOR: Final = 64
"""Share of `connections_max` that is dropped when it is reached: finding them costs a look at all, so a few at a
time."""
FINISHING_TURN_SECONDS: Final = 0.005
"""A thread that ends wakes nobody."""
BYTES_BETWEEN_LOOKS: Final = 16 * 1024 * 1024
"""Received and written before the buffers of all connections are added up. A second is long enough for a gigabyte."""

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_log = structlog.get_logger(__name__)


class Loop(TcpWSGIServer):
    """The listening sockets and their connections, all in one thread; answers are made in those of the dispatcher.

    Its methods are called by that thread, unless they say otherwise. listening: what other
    processes accept from too; without it, the address of the settings is listened on. Raises OSError when the address
    can't be had.
    """

    channel_class = Channel
    active_channels: dict[int, Channel]  # type: ignore[assignment]  # the stubs say one channel
    trigger: Any
    adj: Settings
    _map: dict[int, Any]
    _fileno: int | None
    effective_host: str
    effective_port: str

    def __init__(
        self,
        app: WSGIApplication,
        settings: Settings,
        problem: ProblemWriter,
        listening: Listening | None = None,
    ) -> None:
        self._paths = settings.paths
        self.problem = problem
        self.draining = False
        self.dispatcher = Dispatcher()
        self._turns = Turns()
        self.slow_readers = SlowReaders(max(1, settings.threads // 2), self.wake_once)
        self._limits = settings.limits
        self._thread = 0
        self._crowded = False
        self._dropped: Counter[str] = Counter()
        self._next_maintenance = 0.0
        self._woken = False
        self._changed: deque[Channel] = deque()
        self.moved_bytes = 0
        """Received and written since the buffers were last looked at; about, since threads count without a lock."""
        sockets: dict[int, Any] = {}
        self._listening = listening or Listening([Listener(listen_on(settings))])
        listener, *others = self._listening.listeners
        try:
            super().__init__(
                app, sockets, _sock=listener.sock, dispatcher=self.dispatcher, adj=settings, bind_socket=False
            )
            self._entrances: list[Loop | Entrance] = [
                self,
                *[Entrance(other, sockets, self._may_accept, self._accept_some) for other in others],
            ]
        except OSError:
            wasyncore.close_all(sockets)
            raise
        # A full pipe has woken the loop already. A thread would wait for the loop to empty it, the loop for itself.
        os.set_blocking(self.trigger.trigger, False)
        self.entrance, self.port = listener.entrance, str(self.effective_port)
        self._poller = Poller((*self._entrances, self.trigger))
        self.scheduler = GreenletScheduler(self.wake_once, self._poller, self._map)
        self.pace = Pace(time.monotonic())
        self.slowed: set[Channel] = set()
        """Connections with a large body, of which nothing is read for the moment."""

    def begin(self) -> None:
        """Make the calling thread the one of the loop."""
        self._thread = threading.get_ident()

    def turn(self, seconds_max: float) -> None:
        """Wait for events, up to that long, and handle them."""
        # Before the connections are looked at, so that nothing changes after that without a wake-up.
        self._woken = False
        now = time.monotonic()
        if now >= self._next_maintenance:
            self._next_maintenance = now + MAINTENANCE_SECONDS
            self.maintenance(now)
        if self.slow_readers.dropped:
            for channel in self.slow_readers.take_dropped():
                self._drop(channel, "held_a_thread")
        if self.moved_bytes > BYTES_BETWEEN_LOOKS:
            self._bound_buffers()
        if self._crowded:
            self._make_room()
        self._listening.report(len(self.active_channels))
        self._listening.reconsider(self._accept_one)
        self._answer_some()
        self.scheduler.go_on()
        while self._changed:
            channel = self._changed.popleft()
            channel.go_on()
            self._poller.arm(channel)
        waits = [seconds_max, self._listening.seconds_max, self.scheduler.seconds_left()]
        if self.slowed:
            waits.append(self._read_on())
        self._poller.poll(0.0 if self._turns or self.scheduler.has_work else min(waits), self._map)

    def _read_on(self) -> float:
        """Go on with large bodies when it is time; return the seconds until then."""
        left = self.pace.seconds_left(time.monotonic())
        if not left:
            slowed, self.slowed = self.slowed, set()
            for channel in slowed:
                self._poller.arm(channel)
        return left or float("inf")

    def connections(self) -> int:
        return len(self.active_channels)

    def look_at(self, channel: Channel) -> None:
        """Have a connection looked at, of which something has changed. In any thread."""
        self._changed.append(channel)
        self.wake_once()

    def wake_once(self) -> None:
        """Wake the loop, unless it is awake: it runs this, or somebody has woken it in this turn. In any thread."""
        if not self._woken and threading.get_ident() != self._thread:
            self._woken = True
            self.wake_up()

    def wake_up(self) -> None:
        """Wake the loop. In any thread, and from a signal handler: without a lock."""
        with suppress(BlockingIOError):
            self.trigger.pull_trigger()

    # Answering

    def enqueue(self, channel: Channel) -> None:
        """Have the request that a connection has received answered, when it is its turn."""
        request = channel.requests[0]
        if request.error is None and request.path in self._paths.health:
            priority = Priority.HEALTH
        else:
            priority = Priority.REFUSED if channel.was_refused else Priority.ORDINARY
        self._turns.add(channel, priority)

    def _answer_some(self) -> None:
        """Answer those whose turn it is, for as long as a turn may take."""
        until = time.monotonic() + ANSWERING_SECONDS_MAX
        while self._turns:
            self._answer(self._turns.next())
            if time.monotonic() > until:
                break

    def _answer(self, channel: Channel) -> None:
        """Answer a request that costs little here, and have the others answered by a thread."""
        if not channel.connected:
            channel.cancel()
            return
        request = channel.requests[0]
        if request.error is None and self._is_quick(request):
            self.scheduler.run(channel.service)
            return
        if request.error is None and self.dispatcher.is_full(self._limits.queue_max):
            request.error = refusals.OVERLOADED
        if request.error is not None:
            channel.service()
        else:
            self.dispatcher.add_task(channel)

    def _is_quick(self, request: RequestParser) -> bool:
        """Tell whether serving it takes little time but for waiting, so that it can be served in this thread."""
        return (
            (request.path in self._paths.quick or request.path in self._paths.health)
            and (request.body_rcv is None or len(request.body_rcv) <= QUICK_BYTES_MAX)
            and "CONTENT_ENCODING" not in request.headers
            and len(self.scheduler) < self._limits.queue_max
        )

    # Accepting

    def readable(self) -> bool:
        return bool(self.accepting) and self._may_accept()

    def handle_accept(self) -> None:
        """Accept some of the waiting connections. waitress accepts one, and looks at all connections in between."""
        self._accept_some(self)

    def _may_accept(self) -> bool:
        return not self._crowded and not self._listening.is_leaving

    def _accept_some(self, entrance: Loop | Entrance) -> None:
        self._crowded = len(self.active_channels) >= self._limits.connections_max
        if self._listening.leaves_to_others():
            return
        for _ in range(self._listening.accepted_per_turn_max):
            if not self._accept_one_at(entrance):
                break

    def _accept_one(self) -> bool:
        return any(self._accept_one_at(entrance) for entrance in self._entrances)

    def _accept_one_at(self, entrance: Loop | Entrance) -> bool:
        if len(self.active_channels) >= self._limits.connections_max:
            return False
        try:
            accepted = entrance.accept()
        except OSError as error:
            self._crowded = error.errno in _NO_ROOM
            return not self._crowded
        if accepted is None:
            return False
        connection, address = accepted
        try:
            self.set_socket_options(connection)
            channel = Channel(self, connection, address, self._map)
            channel.entrance, channel.port = entrance.entrance, entrance.port
            self._poller.arm(channel)
            self._listening.report(len(self.active_channels))
        except OSError:
            # Gone already
            connection.close()
        return True

    def _make_room(self) -> None:
        ranked = [(rank, fd) for fd, one in self.active_channels.items() if (rank := one.rank_for_dropping())]
        ranked.sort()
        for _, fd in ranked[: max(1, self._limits.connections_max // DROPPED_PER_TURN_DIVISOR)]:
            self._drop(self.active_channels[fd], "crowded_out")
            self._crowded = False

    # Bounding

    def maintenance(self, now: float) -> None:
        """Drop who has had their time, and who holds most when too much is held. now: of time.monotonic()."""
        self._crowded = False
        for channel in list(self.active_channels.values()):
            try:
                reason = channel.overdue(now)
                if reason == "request_unfinished":
                    self._dropped[reason] += 1
                    channel.refuse(refusals.TIMED_OUT)
                elif reason:
                    self._drop(channel, reason)
            except Exception:  # noqa: BLE001 - one connection must not end the service
                channel.handle_error()
        self._bound_buffers()
        self._report_dropped()

    def _bound_buffers(self) -> None:
        self.moved_bytes = 0
        self._bound(Channel.unsent_bytes, self._limits.unsent_bytes_max)
        self._bound(Channel.unread_bytes, self._limits.unread_bytes_max)

    def _bound(self, size: Callable[[Channel], int], bytes_max: int) -> None:
        held = {channel: size(channel) for channel in self.active_channels.values()}
        excess = sum(held.values()) - bytes_max
        if excess <= 0:
            return
        for channel in sorted(held, key=lambda one: held[one], reverse=True):
            if excess <= 0 or not held[channel]:
                break
            if channel.rank_for_dropping():
                excess -= held[channel]
                self._drop(channel, "held_most")

    def _drop(self, channel: Channel, reason: str) -> None:
        if reason not in {"idle", "lingered"}:
            self._dropped[reason] += 1
        channel.handle_close()

    def _report_dropped(self) -> None:
        if self._dropped:
            _log.warning("connections dropped", **self._dropped)
            self._dropped.clear()

    # Ending

    def stop_accepting(self) -> None:
        """Take what waits to be accepted, then refuse new connections; answers say close from now on."""
        while self._accept_one():
            pass
        self.draining = True
        self._close_listening()

    def close_idle(self, now: float) -> None:
        """Close the connections that nothing is lost with."""
        for channel in list(self.active_channels.values()):
            if channel.has_nothing_to_do(now):
                channel.handle_close()

    def close_connections(self) -> None:
        """Close everything but what wakes the loop."""
        self._report_dropped()
        self._close_listening()
        for channel in list(self.active_channels.values()):
            channel.handle_close()

    def _close_listening(self) -> None:
        for entrance in self._entrances:
            if entrance._fileno is not None:  # noqa: SLF001 - waitress' name for it
                self._poller.forget(entrance._fileno)  # noqa: SLF001 - as above
            # Not `close` of the server, which ends the threads.
            wasyncore.dispatcher.close(entrance)
        self._listening.close()

    def finish(self, until: float) -> bool:
        """Go on with what was begun, in threads and here, and return whether all of it ended until then."""
        self.dispatcher.set_thread_count(0)
        while (self.dispatcher.threads or len(self.scheduler) or self.scheduler.has_work) and time.monotonic() < until:
            self.turn(FINISHING_TURN_SECONDS)
        return self.dispatcher.shutdown()

    def close_wake_up(self) -> None:
        """Close what wakes the loop, after the last thread: one that is left would write into whatever comes next."""
        self._woken = True
        self.trigger.close()
        self._poller.close()
