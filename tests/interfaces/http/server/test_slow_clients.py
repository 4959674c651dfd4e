"""Clients that take their time get a bounded amount of it, and nobody else waits for them."""

from __future__ import annotations

import resource
import selectors
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from interfaces.http.server import ServerLimits, allow_open_files
from tests.interfaces.http.server.wire import (
    Address,
    Application,
    answers,
    ask,
    connect,
    exchange,
    is_closed,
    read_answer,
    read_to_end,
    request,
    serving,
    until,
)
from tests.support.effort import effort, in_time

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

CLIENTS = 300
SECONDS = effort(2, 60)
SECONDS_OF_PRESSURE = effort(1, 30)
PROBE_SECONDS_MAX = in_time(1.0)
MIB = 2**20
HEADER = b"POST /size HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"


class SlowClients(threading.Thread):
    """Clients in one thread. Each does its small thing every `pause_seconds`, and comes again when it is closed."""

    def __init__(
        self, address: Address, count: int, first: bytes, then: Callable[[socket.socket], None], pause_seconds: float
    ) -> None:
        super().__init__()
        self._address = address
        self._count = count
        self._first = first
        self._then = then
        self._pause_seconds = pause_seconds
        self._over = threading.Event()
        self.came = 0

    def run(self) -> None:
        clients: list[socket.socket] = []
        due = 0.0
        while not self._over.wait(0.01):
            while len(clients) < self._count:
                clients.append(self._new())
            if time.monotonic() >= due:
                clients = [client for client in clients if self._still_there(client)]
                due = time.monotonic() + self._pause_seconds
        for client in clients:
            client.close()

    def end(self) -> None:
        self._over.set()
        self.join()

    def _new(self) -> socket.socket:
        client = connect(self._address, receive_buffer_bytes=4096)
        client.sendall(self._first)
        self.came += 1
        return client

    def _still_there(self, client: socket.socket) -> bool:
        try:
            self._then(client)
        except OSError:
            client.close()
            return False
        return True


@contextmanager
def slow_clients(
    address: Address, first: bytes, then: Callable[[socket.socket], None], *, count: int = CLIENTS, pause: float = 1.0
) -> Iterator[SlowClients]:
    clients = SlowClients(address, count, first, then, pause)
    clients.start()
    try:
        until(lambda: clients.came >= count)
        yield clients
    finally:
        clients.end()


def trickle_field(client: socket.socket) -> None:
    client.sendall(b"X-A: a\r\n")


def trickle_byte(client: socket.socket) -> None:
    client.sendall(b"x")


def trickle_empty_line(client: socket.socket) -> None:
    client.sendall(b"\r\n\r\n")


def take_a_little(client: socket.socket) -> None:
    if not client.recv(100):
        raise ConnectionResetError


def take_nothing(_: socket.socket) -> None:
    pass


def probe_for(address: Address, seconds: float) -> None:
    """Ask once a second. Fails when an answer takes longer than the guarantee says."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        assert ask(address, request("/hello")).status == 200
        took = time.monotonic() - begun
        assert took < PROBE_SECONDS_MAX
        threading.Event().wait(max(0.0, 1 - took))


SLOW = {
    "headers": (b"GET / HTTP/1.1\r\nHost: test\r\n", trickle_field),
    "bodies": (HEADER, trickle_byte),
    "readers": (request("/big/400000"), take_a_little),
    "readers of nothing": (request("/big/400000"), take_nothing),
    "silence": (b"", take_nothing),
}


@pytest.mark.parametrize("name", ["headers", "bodies", "readers", "readers of nothing"])
def test_a_probe_each_second_is_answered_within_one_beside_300_slow(name: str) -> None:
    first, then = SLOW[name]
    with serving(Application(), drain_seconds_max=1) as server, slow_clients(server.address, first, then):
        probe_for(server.address, SECONDS)


def test_a_probe_is_answered_beside_300_slow_ones_of_each_kind() -> None:
    with serving(Application(), drain_seconds_max=1) as server, ExitStack() as stack:
        for first, then in [SLOW["headers"], SLOW["bodies"], SLOW["readers"]]:
            stack.enter_context(slow_clients(server.address, first, then))
        probe_for(server.address, SECONDS)


@pytest.mark.parametrize("name", ["headers", "bodies", "readers of nothing", "silence"])
def test_slow_clients_that_take_all_connections_make_room_for_others(name: str) -> None:
    first, then = SLOW[name]
    with (
        serving(Application(), connections_max=60, threads=4, queue_max=8, drain_seconds_max=1) as server,
        slow_clients(server.address, first, then, count=100, pause=0.5),
    ):
        # All of them ask at once at first, which is more than may wait.
        until(lambda: ask(server.address, request("/hello")).status == 200)
        probe_for(server.address, SECONDS_OF_PRESSURE)
        assert server._loop.connections() <= 60  # noqa: SLF001 - nothing else tells


def test_streams_to_slow_readers_leave_threads_to_others() -> None:
    """Above 16 MiB of unsent answer the application waits for the reader, in its thread."""
    with (
        serving(Application(), threads=4, drain_seconds_max=1) as server,
        slow_clients(server.address, request("/stream/60"), take_nothing, count=8, pause=10),
    ):
        probe_for(server.address, SECONDS_OF_PRESSURE)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"GET / HTTP/1.1\r\nHost: test\r\n", trickle_field),
        (HEADER, trickle_byte),
        (b"", trickle_empty_line),
        (request("/hello") + b"GET / HTTP/1.1\r\n", trickle_field),
    ],
)
def test_a_request_that_takes_too_long_is_told_so_and_closed(
    first: bytes, then: Callable[[socket.socket], None]
) -> None:
    with serving(Application(), receive_seconds_max=0.5) as server, connect(server.address) as connection:
        begun = time.monotonic()
        connection.sendall(first)
        received = _trickle_to_end(connection, then)
        took = time.monotonic() - begun
    answer = answers(received)[-1]
    assert (answer.status, answer.json["type"]) == (408, "/problems/request-timeout")
    assert 0.5 < took < in_time(2.5)


def test_a_connection_that_says_nothing_is_closed() -> None:
    with serving(Application(), receive_seconds_max=0.2) as server, connect(server.address) as connection:
        assert read_to_end(connection) == b""


def test_a_kept_connection_is_closed_when_it_has_been_idle() -> None:
    with serving(Application(), idle_seconds_max=0.2) as server, connect(server.address) as connection:
        connection.sendall(request("/hello"))
        assert read_answer(connection).status == 200
        assert read_to_end(connection) == b""


def test_the_time_of_a_second_request_begins_with_its_first_byte() -> None:
    with serving(Application(), receive_seconds_max=1) as server, connect(server.address) as connection:
        connection.sendall(request("/hello"))
        read_answer(connection)
        threading.Event().wait(1.2)
        connection.sendall(HEADER)
        threading.Event().wait(0.3)
        connection.sendall(b"x" * 1_000_000)
        assert read_answer(connection).body == b"1000000"


def test_the_time_that_an_answer_takes_is_not_the_next_request_s() -> None:
    app = Application()
    with serving(app, receive_seconds_max=0.5) as server, connect(server.address) as connection:
        connection.sendall(request("/gate") + b"GET /hello HTTP/1.1\r\n")
        assert app.entered.acquire(timeout=10)
        threading.Event().wait(1.6)
        app.gate.set()
        assert read_answer(connection).status == 200
        connection.sendall(b"Host: test\r\n\r\n")
        assert read_answer(connection).body == b"hello"


def test_a_reader_who_takes_nothing_is_dropped_and_one_who_takes_enough_is_not() -> None:
    with (
        serving(Application(), send_seconds_max=1, send_bytes_min=64 * 1024) as server,
        connect(server.address, 8 * 1024) as still,
        connect(server.address, 64 * 1024) as steady,
    ):
        for connection in (still, steady):
            connection.sendall(request("/big/1000000", Connection="close"))
        received = b""
        while data := steady.recv(16 * 1024):  # at most 800 KB/s
            received += data
            threading.Event().wait(0.02)
        assert answers(received)[0].body == b"x" * 1_000_000
        until(lambda: not server._loop.connections())  # noqa: SLF001 - nothing else tells
        with pytest.raises((AssertionError, ConnectionResetError)):
            answers(read_to_end(still))


def test_the_largest_half_received_body_is_dropped_when_they_are_too_much_together() -> None:
    with (
        structlog.testing.capture_logs() as logged,
        serving(Application(), unread_bytes_max=4 * MIB) as server,
        connect(server.address) as large,
        connect(server.address) as small,
    ):
        large.sendall(HEADER.replace(b"1000000", b"8000000") + b"x" * 5 * MIB)
        small.sendall(HEADER.replace(b"1000000", b"1000") + b"x" * 999)
        until(lambda: is_closed(large))
        small.sendall(b"x")
        assert read_answer(small).body == b"1000"
    assert [line["held_most"] for line in logged if "held_most" in line] == [1]


def test_the_largest_unsent_answer_is_dropped_when_they_are_too_much_together() -> None:
    with (
        structlog.testing.capture_logs() as logged,
        serving(Application(), unsent_bytes_max=12 * MIB) as server,
        connect(server.address, 4096) as large,
        connect(server.address, 4096) as small,
    ):
        small.sendall(request(f"/big/{4 * MIB}"))
        until(lambda: server._loop.connections() == 2)  # noqa: SLF001 - nothing else tells
        large.sendall(request(f"/big/{16 * MIB}"))
        until(lambda: server._loop.connections() == 1)  # noqa: SLF001 - nothing else tells
        assert read_answer(small).body == b"x" * 4 * MIB
    assert [line["held_most"] for line in logged if "held_most" in line] == [1]


def test_connections_at_the_limit_are_served_and_one_more_takes_the_place_of_the_longest_waiting() -> None:
    with serving(Application(), connections_max=50, threads=4, queue_max=8) as server, ExitStack() as stack:
        waiting = [stack.enter_context(connect(server.address)) for _ in range(25)]
        kept = [stack.enter_context(connect(server.address)) for _ in range(25)]
        for connection in kept:
            connection.sendall(request("/hello"))
            assert read_answer(connection).status == 200
        assert not any(is_closed(connection) for connection in waiting)
        assert exchange(server.address, request("/hello", Connection="close"))[0].status == 200
        until(lambda: is_closed(waiting[0]))
        assert not any(is_closed(connection) for connection in (*waiting[1:], *kept))


def test_a_request_in_work_is_never_dropped_for_a_new_connection() -> None:
    app = Application()
    with serving(app, connections_max=20, threads=4, queue_max=12) as server, ExitStack() as stack:
        working = [stack.enter_context(connect(server.address)) for _ in range(12)]
        for connection in working:
            connection.sendall(request("/gate"))
        for _ in range(4):
            assert app.entered.acquire(timeout=10)
        crowd = [stack.enter_context(connect(server.address)) for _ in range(60)]
        until(lambda: sum(is_closed(connection) for connection in crowd) >= 50)
        app.gate.set()
        assert [read_answer(connection).status for connection in working] == [200] * 12


FEW_FILES = """
import resource
from tests.interfaces.http.server.wire import Application, Server, ServerLimits, problem

server = Server(Application(), "127.0.0.1", 0, ServerLimits(threads=4), problem=problem)
resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
print(server.address[1], flush=True)
server.run()
"""


def test_when_the_process_may_open_no_more_files_it_makes_room_and_goes_on() -> None:
    root = Path(__file__).parents[4]
    command = [sys.executable, "-c", FEW_FILES]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process, ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout
        address = ("127.0.0.1", int(process.stdout.readline()))
        for _ in range(200):
            stack.enter_context(connect(address)).sendall(b"GET / HTTP/1.1\r\n")
        probe_for(address, SECONDS_OF_PRESSURE)
        assert process.poll() is None


def test_a_process_may_open_the_files_that_its_connections_need() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        assert allow_open_files(ServerLimits(connections_max=700)) == min(1656, limits[1])
        assert allow_open_files(ServerLimits(connections_max=600)) == min(1656, limits[1])
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(1656, limits[1]), limits[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _trickle_to_end(connection: socket.socket, then: Callable[[socket.socket], None]) -> bytes:
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while True:
            if selector.select(0.05):
                data = connection.recv(2**16)
                received += data
                if not data:
                    return received
            elif b" 408 " not in received:
                then(connection)
