"""Every request has an owner and a deadline: however it is refused or served, and whatever came before it.

Each is answered or its connection is closed, and afterwards everything is as it was: connections, files, threads, and
requests that wait.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from application.store.waiting import WAITING, bell
from interfaces.http.server import Paths
from tests.interfaces.http.server.wire import (
    Application,
    ask,
    connect,
    request,
    serving,
    until,
)
from tests.support.effort import effort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from interfaces.http.server import Server

OPEN_FILES = Path("/proc/self/fd")
PATHS = Paths(quick=frozenset({"/quick", "/wait", "/crash-quick", "/exit-quick", "/late"}))
BODY_BYTES_MAX = 20_000
HEADER_BYTES_MAX = 2_000

WAYS: dict[str, bytes] = {
    "no request line": b"\r\n\r\nnonsense\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a bad version": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a bad target": b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "a bare CR": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "a bare LF": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a bad field": b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "too many bytes of header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * HEADER_BYTES_MAX + b"\r\n\r\n",
    "too many fields": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: x\r\n" * 101 + b"\r\n",
    "too large a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20001\r\n\r\n",
    "a bad length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "two framings": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a bad chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "too large chunks": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + b"x" * 100,
    "a bad trailer": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na b\r\n\r\n",
    "a large body after 100": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20001\r\nExpect: 100-continue\r\n\r\n",
    "HTTP/1.0": b"GET /quick HTTP/1.0\r\n\r\n",
    "close": request("/quick", Connection="close"),
    "quick": request("/quick"),
    "quick with a body": request("/quick", "POST", b"x" * 5_000),
    "by a thread": request("/thread"),
    "by a thread with a body": request("/thread", "POST", b"x" * BODY_BYTES_MAX),
    "in chunks": b"POST /quick HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "parked": request("/wait"),
    "parked until it is given up": request("/late"),
    "a crash in the loop": request("/crash-quick"),
    "an exit in the loop": request("/exit-quick"),
    "a crash in a thread": request("/crash"),
    "an exit in a thread": request("/exit"),
    "a large answer": request("/big/300000"),
    "an answer without end": request("/break"),
    "the beginning of a header": b"GET / HTTP/1.1\r\nHo",
    "the beginning of a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx",
    "100 asked for": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
    "the beginning of a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx",
}

BEFORE: dict[str, bytes] = {
    "first": b"",
    "behind one that is quick": request("/quick"),
    "behind two that are quick": request("/quick") * 2,
    "behind one that is parked": request("/wait"),
    "behind two that are parked": request("/wait") * 2,
    "behind one that a thread answers": request("/thread"),
    "behind a large answer": request("/big/300000"),
    "behind empty lines": b"\r\n\r\n",
}


class Served(Application):
    """Its /wait is parked and goes on in another thread's time, its /late never is told; the rest as it says."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        in_loop = WAITING.get() is not None
        if environ["PATH_INFO"] == "/wait" and in_loop:
            told = bell()
            threading.Timer(0.005, told.ring).start()
            told.wait(10)
        elif environ["PATH_INFO"] == "/late" and in_loop:
            bell().wait(0.2)
        return super().__call__(environ, start_response)

    def __getattr__(self, name: str) -> Callable[[str], Iterable[bytes]]:
        ending = {"on_crash-quick": self.on_crash, "on_exit-quick": self.on_exit}
        if name in ending:
            return ending[name]
        raise AttributeError(name)


def stays(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)


def says_its_end(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    connection.shutdown(socket.SHUT_WR)


def goes_at_once(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    connection.close()


def breaks_off(connection: socket.socket, sent: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    goes_at_once(connection, sent)


def sends_single_bytes_and_goes(connection: socket.socket, sent: bytes) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(min(len(sent), 150)):
        connection.sendall(sent[at : at + 1])
    goes_at_once(connection, sent[150:])


CLIENTS = [stays, says_its_end, goes_at_once, breaks_off, sends_single_bytes_and_goes]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # The tracebacks of the crashes are long.
    with (
        capture_logs(),
        serving(
            Served(),
            paths=PATHS,
            body_bytes_max=BODY_BYTES_MAX,
            header_bytes_max=HEADER_BYTES_MAX,
            receive_seconds_max=0.5,
            idle_seconds_max=0.5,
            linger_seconds_max=0.2,
        ) as running,
    ):
        yield running


def at_rest(server: Server) -> bool:
    loop = server._loop  # noqa: SLF001 - what it holds is what the test is about
    return not (loop.connections() or loop._turns or loop._changed or len(loop.scheduler) or loop.dispatcher.queue)  # noqa: SLF001


def all_threads_are_there(server: Server) -> bool:
    started = sum(thread.name.startswith("waitress-") for thread in threading.enumerate())
    return started == server._limits.threads  # noqa: SLF001 - as above


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_whatever_is_sent_has_an_owner_and_an_end(
    client: Callable[[socket.socket, bytes], None], server: Server
) -> None:
    until(lambda: at_rest(server) and all_threads_are_there(server))
    files, threads = len(list(OPEN_FILES.iterdir())), threading.active_count()
    for _ in range(effort(1, 20)):
        sent = {(before, way): BEFORE[before] + WAYS[way] for before in BEFORE for way in WAYS}
        with ExitStack() as stack:
            connections = {name: stack.enter_context(connect(server.address)) for name in sent}
            for name, connection in connections.items():
                with suppress(ConnectionError):
                    client(connection, sent[name])
            assert ask(server.address, request("/thread")).status == 200
            for name, connection in connections.items():
                if client is stays:
                    assert b"HTTP/1." in received_from(connection), name
        until(lambda: at_rest(server))
    until(lambda: len(list(OPEN_FILES.iterdir())) <= files)
    until(lambda: threading.active_count() <= threads)


def received_from(connection: socket.socket) -> bytes:
    """Return all that comes to the end, which may be a reset: the server has closed while something was under way."""
    received = b""
    with suppress(ConnectionResetError):
        while data := connection.recv(2**16):
            received += data
    return received


def test_a_thousand_refused_requests_behind_parked_ones_leave_nothing_behind(server: Server) -> None:
    """Each kept its connection for good: 1,000 of them, and nobody was let in until a restart."""
    until(lambda: at_rest(server))
    for _ in range(effort(4, 40)):
        with ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(connect(server.address)).sendall(request("/wait") + WAYS["no host"])
    assert ask(server.address, request("/quick")).status == 200
    until(lambda: at_rest(server))
