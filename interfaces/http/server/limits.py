"""What the server bounds, with the reason for each number, and how waitress is told.

The table in docs/limits.md is written from here.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from waitress.adjustments import Adjustments

from domain.limits import BODY_BYTES_MAX_DEFAULT, SMALL_BODY_BYTES_MAX

if TYPE_CHECKING:
    from interfaces.http.forwarded import Oddity, TrustedProxies

RECEIVE_BYTES: Final = 8 * 1024
"""Largest read. Asking for 64 KiB makes small requests a quarter dearer: the allocator returns the rest each time."""
RECEIVE_BODY_BYTES: Final = 64 * 1024
"""Largest read when a body has begun: between two reads of a connection, all others are looked at."""
SEND_BUFFER_BYTES: Final = 128 * 1024
"""Send buffer of each socket, doubled by the kernel. Left alone it grows to 4 MiB, which a thousand readers who take
nothing make 4 GiB; and a socket counts as writable, so as making progress, only when a third of its buffer is free."""
BODY_IN_MEMORY_BYTES_MAX: Final = 128 * 1024
"""Most of a body in memory; the rest goes into a temporary file. A thousand half-received ones are 125 MiB of
memory."""
ANSWER_IN_MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024
"""Never a temporary file: writing one takes a thread much longer than making the answer, and `unsent_bytes_max` bounds
all of them better than a limit for each."""
CHUNK_LINE_BYTES_MAX: Final = 1024
"""Size and extensions of a chunk, or one trailer field. waitress has no bound, and searches it again at each read."""
CHUNK_OVERHEAD_BYTES_MAX: Final = 1024 * 1024
"""What a chunked body may spend on sizes and line ends, which cost far more time than data: 10 MiB in pieces of 64."""
OTHER_FILES: Final = 256
"""Open files that are no client's: the database, logs, modules."""


_M_ARENA_MAX: Final = -8
"""mallopt(3)'s name for it."""
_ARENAS_MAX: Final = 2
_GC_THRESHOLDS: Final = (10_000, 20, 50)
"""As gc.set_threshold takes them: objects more than were let go of, before the young ones are looked at, and so on."""


@dataclass(frozen=True, kw_only=True)
class ServerLimits:
    """Bounds of one server. Raises ValueError when they contradict each other."""

    threads: int = 16
    """Requests that are worked on at once. Most of them wait for the database, so more than there are cores."""
    queue_max: int = 512
    """Received requests that wait for a thread; the next one is answered 503 at once. Some 300 ms of work: less than
    the second that a refused client waits, and room for bots that all report on the minute."""
    connections_max: int = 1000
    """Open connections. When another one comes, the server drops who is least likely to be missed."""
    body_bytes_max: int = BODY_BYTES_MAX_DEFAULT
    """A request's body, decoded. Above 128 KiB it is kept in a temporary file, not in memory."""
    small_body_bytes_max: int = SMALL_BODY_BYTES_MAX
    """The same, at paths that are not among those that take large ones."""
    header_bytes_max: int = 32 * 1024
    """Request line and header fields. Room for the cookies and tracing fields of any proxy."""
    header_fields_max: int = 100
    """Header fields of a request: parsing cost is per field, not per byte."""
    receive_seconds_max: float = 30.0
    """From the first byte of a request to its last, and from the start of a connection to the last byte of its first
    request. A body of 10 MiB then needs 2.8 Mbit/s."""
    send_seconds_max: float = 30.0
    """How long a reader may take for the next `send_bytes_min` of an answer."""
    send_bytes_min: int = 64 * 1024
    """About 2 KiB/s. Not less: the kernel reports progress of a full socket in steps of a third of its buffer."""
    answer_seconds_max: float = 30.0
    """How long an answer, or its next piece, may take to be made: several times what any wait of the application may
    take. The connection is closed then, whatever became of the request."""
    idle_seconds_max: float = 75.0
    """A kept-alive connection without a request. Longer than nginx keeps one (60 s), so that the proxy closes first."""
    linger_seconds_max: float = 2.0
    """After the last answer of a connection: silence until it is closed; what the client still sends is dropped."""
    drain_seconds_max: float = 8.0
    """From `stop` to the end of `run`. Below the 10 s after which a container is killed."""
    unsent_bytes_max: int = 128 * 1024 * 1024
    """Unsent answers of all connections together, in memory. Above it those with most are dropped."""
    unread_bytes_max: int = 1024 * 1024 * 1024
    """Bodies of all connections together, most of it in temporary files. Above it the half-received ones with most are
    dropped."""

    def __post_init__(self) -> None:
        if min(self.threads, self.queue_max, self.body_bytes_max, self.header_bytes_max) < 1:
            raise ValueError("threads, queue_max, body_bytes_max and header_bytes_max must be at least 1")
        if self.connections_max <= self.threads + self.queue_max:
            # A request that was accepted is never dropped for a new connection, so there must be others to drop.
            raise ValueError("connections_max must be greater than threads and queue_max together")


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The paths whose requests are treated in their own way.

    quick: they take little time but for waiting, and are served in the thread of the loop (see greenlet_scheduler.py).
    health: they are quick and can't wait, however busy the server is (see turns.py).
    large_bodies: where bodies may be as large as `body_bytes_max`, and not `small_body_bytes_max`; None for everywhere.
    """

    quick: frozenset[str] = frozenset()
    health: frozenset[str] = frozenset()
    large_bodies: frozenset[str] | None = None


def tune_memory() -> None:
    """Have memory managed for a process that serves for long.

    All threads take theirs from the same two arenas, where glibc gives it: it would make one for each of sixteen
    threads, and each keeps what a large request has let go of. After 24 reports of 10,000 details that was 103 MB, and
    is 37. And Python looks less often for circles of objects, which requests don't leave behind, and not at what was
    made at the start: a tenth of a report's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS_MAX)


def allow_open_files(limits: ServerLimits) -> int:
    """Raise how many files this process may open to what the connections can need, as far as it is allowed to.

    Returns the number. Many systems begin with 1,024, and when connections use them up, the database can't be reached.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A connection, and the temporary file of its body.
    wanted = 2 * limits.connections_max + OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        return allowed
    return soft


class Settings(Adjustments):
    """waitress' settings, with ours along for what it hands nothing else to. Raises ValueError for a bad address."""

    def __init__(
        self,
        host: str,
        port: int,
        limits: ServerLimits,
        trusted_proxies: TrustedProxies | None,
        paths: Paths | None = None,
    ) -> None:
        super().__init__(
            host=host,
            port=port,
            ident=None,  # no Server field, no Via
            threads=limits.threads,
            connection_limit=limits.connections_max,
            inbuf_overflow=BODY_IN_MEMORY_BYTES_MAX,
            outbuf_overflow=ANSWER_IN_MEMORY_BYTES_MAX,
            log_socket_errors=False,  # clients that leave are no news
            clear_untrusted_proxy_headers=False,  # AppTask does it, and answers a malformed field as a problem
        )
        self.socket_options = [*self.socket_options, (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)]
        self.limits = limits
        self.trusted_proxies = trusted_proxies
        self.oddities_noted: set[Oddity] = set()
        self.noting = threading.Lock()
        self.paths = paths or Paths()

    def body_bytes_max_at(self, path: str) -> int:
        """Return the largest body, decoded, that is received at a path."""
        if self.paths.large_bodies is None or path in self.paths.large_bodies:
            return self.limits.body_bytes_max
        return min(self.limits.small_body_bytes_max, self.limits.body_bytes_max)
