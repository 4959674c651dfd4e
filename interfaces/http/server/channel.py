"""One connection: what waitress' channel leaves open about turns, time, progress and closing.

A connection is in one state at a time. It receives a request (`request`), by the loop. Then the request is answered
(`requests` has that one): it stands in the loop's queue, is served in the loop's thread or parked there, or is with a
thread of the dispatcher. Then the answer leaves (`total_outbufs_len`), by the loop. What arrives meanwhile waits unread
(`_ahead`). `overdue` knows how long each state may last.
"""

from __future__ import annotations

import socket
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

import structlog
from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel

from interfaces.http.server import refusals
from interfaces.http.server.limits import RECEIVE_BODY_BYTES, RECEIVE_BYTES
from interfaces.http.server.parser import RequestParser
from interfaces.http.server.tasks import AppTask, RefusalTask

if TYPE_CHECKING:
    from interfaces.http.server.limits import Settings
    from interfaces.http.server.loop import Loop
    from interfaces.http.server.refusals import Refusal

NEW_CONNECTION_GRACE_SECONDS: Final = 0.5
"""When the drain begins, a connection this young may have a request on the way."""

_log = structlog.get_logger(__name__)


class ServerSide:
    """The server as waitress' channel and task know it. What they tell it is of this connection."""

    def __init__(self, loop: Loop, channel: Channel) -> None:
        self.adj, self.application = loop.adj, loop.application
        self.server_name, self.effective_port = loop.server_name, loop.effective_port
        self.active_channels = loop.active_channels
        self._loop = loop
        self._channel = weakref.ref(channel)

    def pull_trigger(self) -> None:
        """Have the loop look at the connection again. In any thread."""
        if (channel := self._channel()) is not None:
            self._loop.look_at(channel)


class Channel(HTTPChannel):
    """A connection. Its methods are called by the thread of the loop, unless they say otherwise."""

    parser_class = RequestParser
    task_class = AppTask
    error_task_class = RefusalTask

    server: ServerSide  # type: ignore[assignment]  # what waitress asks of it
    adj: Settings
    addr: tuple[Any, ...]
    _fileno: int | None
    request: RequestParser | None
    requests: list[RequestParser]
    outbufs: list[OverflowableBuffer]

    def __init__(self, loop: Loop, sock: socket.socket, addr: tuple[Any, ...], sockets: dict[int, Any]) -> None:
        self.loop = loop
        self.entrance, self.port = "", ""
        """The listener by which it came in: what the application is told, and the port."""
        self.opened = time.monotonic()
        self.waiting_since = self.opened
        """When the last answer was complete; without one, the start of the connection."""
        self.answered = False
        self.was_refused = False
        """Whether the last answer was a refusal: who sends junk is served after those who don't."""
        self._ahead = b""
        """Arrived after the request that is being answered, and not looked at yet: at most what one read brings."""
        self._last_written = 0.0
        self._limits = loop.adj.limits
        self.watched = False
        self.armed = 0
        """What the loop waits for; see polling.py."""
        self._polite_close = True
        self._lingering_since = 0.0
        self._last_heard = 0.0
        self._discarded_bytes = 0
        self._sent_bytes = 0
        self._pieces: list[bytes] | None = None
        self._progress: tuple[float, int] | None = None
        super().__init__(ServerSide(loop, self), sock, addr, loop.adj, sockets)  # type: ignore[arg-type]  # as above

    # Reading

    def handle_read(self) -> None:
        """Read once, into the request or into nothing."""
        # Of a body in chunks, each costs as much work as a small request.
        in_body = self._lingering_since or (
            self.request is not None and self.request.body_rcv is not None and not self.request.chunked
        )
        try:
            data = self.recv(RECEIVE_BODY_BYTES if in_body else RECEIVE_BYTES)
        except BlockingIOError:
            # The event was for a connection that had this number before, and was closed in the same turn.
            return
        except OSError:
            self.handle_close()
            return
        self.loop.moved_bytes += len(data)
        if self._is_large():
            self.loop.pace.spend(len(data), time.monotonic())
        if not self._lingering_since:
            self.received(data)
            return
        self._last_heard = time.monotonic()
        self._discarded_bytes += len(data)
        if self._discarded_bytes > 2 * self._limits.body_bytes_max:
            self.handle_close()

    def received(self, data: bytes) -> bool:
        """Take bytes of one or more requests."""
        self._ahead += data
        self.go_on()
        return True

    def go_on(self) -> None:
        """Read the next request from what has arrived, unless one is being answered or its answer is on its way.

        One at a time: whoever sends many in one piece must not have them all worked on before others get their turn.
        """
        if not self._ahead or self.requests or self.close_when_flushed or self.total_outbufs_len or not self.connected:
            return
        data, self._ahead = self._ahead, b""
        request = self.request
        if request is None:
            request = self.request = self.parser_class(self.adj)
        try:
            used = request.received(data)
        except OSError:
            # No temporary file for the body: the disk is full, or too many files are open.
            self.refuse(refusals.NO_ROOM)
            return
        if request.completed:
            self._ahead = data[used:]
            self._enqueue(request)
        elif request.expect_continue and request.headers_finished and not self.sent_continue:
            self.send_continue()

    def refuse(self, refusal: Refusal) -> None:
        """Have the request that is being received answered with a refusal, and the connection closed after it."""
        request = self.request or self.parser_class(self.adj)
        request.error = refusal
        request.completed = True
        self._ahead = b""
        self._enqueue(request)

    def _enqueue(self, request: RequestParser) -> None:
        self.request = None
        self.sent_continue = False
        # Whoever answered the last one may not have left waitress' `service`, which looks for a next one at its end.
        with self.requests_lock:  # type: ignore[attr-defined]  # missing in the stubs
            self.requests.append(request)
        self.loop.enqueue(self)

    def has_more(self) -> bool:
        """Tell whether something has arrived after the request that is being answered. In any thread."""
        return bool(self._ahead)

    # Writing

    def service(self) -> None:
        """Answer the request that was received. In a thread of the dispatcher, or in the loop."""
        request = self.requests[0]
        # Who said close sends nothing more, so closing can't destroy the answer on its way (see handle_write).
        self._polite_close = request.error is not None or not request.connection_close or self.has_more()
        super().service()

    def write_soon(self, data: bytes) -> int:
        """Send or keep some of an answer. In a thread of the dispatcher. Raises ClientDisconnected."""
        self._last_written = time.monotonic()
        if self._pieces is not None:
            self._pieces.append(data)
            return len(data)
        written = super().write_soon(data)
        self.loop.moved_bytes += written
        return written

    def hold(self) -> None:
        """Keep what is written until `let_go`. In a thread of the dispatcher."""
        self._pieces = []

    def let_go(self) -> None:
        """Write all that was kept, in one piece. In a thread of the dispatcher. Raises ClientDisconnected."""
        pieces, self._pieces = self._pieces, None
        if pieces:
            self.write_soon(b"".join(pieces))

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001, FBT002 - waitress' signature
        """Send what the kernel takes, and count it. In any thread."""
        sent: int = super().send(data, do_close)
        self._sent_bytes += sent
        return sent

    def handle_write(self) -> None:
        """Send what is pending, and close the connection after its last byte."""
        if not (self.close_when_flushed and self._polite_close):
            super().handle_write()
            self.go_on()
        elif self.total_outbufs_len:
            # waitress would close after the last byte.
            self.close_when_flushed = False
            super().handle_write()
            self.close_when_flushed = True
        else:
            self._begin_to_linger()

    def _begin_to_linger(self) -> None:
        """Close for writing only (RFC 9112, 9.6).

        Closing while the client still sends makes the kernel answer with a reset, on which the client throws away the
        answer that it has not read yet: a 413 would look like a broken connection.
        """
        self.close_when_flushed = False
        self._lingering_since = self._last_heard = time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)  # type: ignore[union-attr]  # open until handle_close
        except OSError:
            self.handle_close()

    def _flush_some(self, do_close: bool = True) -> bool:  # noqa: FBT001, FBT002 - waitress' signature
        """Send what the kernel takes. In any thread, with the lock or without another thread at work."""
        sent: bool = super()._flush_some(do_close)  # type: ignore[misc]  # missing in the stubs
        if not self.total_outbufs_len and self.outbufs[-1].buf is not None:
            # waitress keeps the bytes of the last answer for as long as the connection.
            self.outbufs.pop().close()
            self.outbufs.append(OverflowableBuffer(self.adj.outbuf_overflow))
            self.current_outbuf_count = 0
        return sent

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Wait until the reader has taken enough of the answer to go on with it. In a thread of the dispatcher."""
        if self.total_outbufs_len > self.adj.outbuf_high_watermark:
            with self.loop.slow_readers.waiting_for(self):
                super()._flush_outbufs_below_high_watermark()  # type: ignore[misc]  # missing in the stubs

    # Closing

    def handle_close(self) -> None:
        """Close at once. May be called for a closed channel."""
        if self._fileno is None:
            return
        super().handle_close()
        if self.request is not None:
            # A body in a temporary file
            self.request.close()

    def readable(self) -> bool:
        """Tell whether to read on: not before what has arrived was looked at, and of a large body at its pace."""
        if self._ahead or not super().readable():
            return False
        if self._is_large() and self.loop.pace.seconds_left(time.monotonic()):
            self.loop.slowed.add(self)
            return False
        return True

    def _is_large(self) -> bool:
        """Tell whether more of a body has come than small requests have."""
        body = self.request.body_rcv if self.request is not None else None
        received = self._discarded_bytes if body is None else len(body)
        return received > self._limits.small_body_bytes_max

    def cancel(self) -> None:
        """Drop the request that nobody will answer: the client has gone, or the threads have ended."""
        for request in self.requests:
            request.close()
        self.requests = []
        super().cancel()

    def handle_error(self) -> None:
        """Close after an error in the loop. waitress logs the text of the error, which may hold what was sent."""
        _, kind, _, where = self.compact_traceback()
        _log.error("connection closed after an error", error=str(kind), where=where)
        self.handle_close()

    def handle_expt(self) -> None:
        """Close for urgent data, which HTTP has no use for: unread, it keeps the loop awake, and waitress logging."""
        self.handle_close()

    # What the server asks

    def overdue(self, now: float) -> str | None:
        """Return why this connection has had its time, or None. now: of time.monotonic()."""
        limits = self._limits
        if self._lingering_since:
            silent, lingering = now - self._last_heard, now - self._lingering_since
            done = silent > limits.linger_seconds_max or lingering > limits.receive_seconds_max
            return "lingered" if done else None
        if self.total_outbufs_len:
            return "answer_untaken" if self._stalled(now) else None
        if self._progress is not None:
            # The last bytes left since the last look.
            self._progress = None
            self.waiting_since = max(self.waiting_since, now)
        if self.requests:
            since = max(self._last_written, *[request.received_monotonic for request in self.requests], self.opened)
            return "unanswered" if now - since > limits.answer_seconds_max else None
        if self.request is not None:
            # Of pipelined requests, the second is not read while the first is answered.
            begun = max(self.request.started_monotonic, self.waiting_since) if self.answered else self.opened
            return "request_unfinished" if now - begun > limits.receive_seconds_max else None
        if not self.answered:
            return "no_request" if now - self.opened > limits.receive_seconds_max else None
        return "idle" if now - self.waiting_since > limits.idle_seconds_max else None

    def _stalled(self, now: float) -> bool:
        """Tell whether less than the least was taken in the last period, which begins with the first pending byte."""
        if self._progress is None:
            self._progress = (now, self._sent_bytes)
        since, sent_bytes = self._progress
        if now - since <= self._limits.send_seconds_max:
            return False
        self._progress = (now, self._sent_bytes)
        return self._sent_bytes - sent_bytes < self._limits.send_bytes_min

    def has_nothing_to_do(self, now: float) -> bool:
        """Tell whether closing it now loses nothing."""
        busy = self.requests or self._ahead or self.request is not None or self.total_outbufs_len
        expected = not self.answered and now - self.opened < NEW_CONNECTION_GRACE_SECONDS
        return not (busy or expected or self.close_when_flushed or self._lingering_since)

    def rank_for_dropping(self) -> tuple[int, float] | None:
        """Return a rank, least for who is least missed; None for a request that was received and is being answered.

        First come those who were answered and linger; then who never finished a request, the longest first: an honest
        client needs milliseconds for that; then the idle ones, who reconnect; then slow readers.
        """
        if self.requests:
            return None
        if self._lingering_since:
            return 0, self._lingering_since
        if not self.answered:
            return 1, self.opened
        return (3 if self.total_outbufs_len else 2), self.waiting_since

    def unsent_bytes(self) -> int:
        return self.total_outbufs_len

    def unread_bytes(self) -> int:
        """Return the size of the bodies of its requests, also of a half-received one."""
        requests = [*self.requests, self.request] if self.request is not None else self.requests
        bodies = sum(len(request.body_rcv) for request in requests if request.body_rcv is not None)
        return bodies + len(self._ahead)
