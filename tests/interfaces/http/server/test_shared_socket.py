"""Several servers on one listening socket: each connection is accepted by one of them."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from interfaces.http.server import Server, ServerLimits, listen
from tests.interfaces.http.server.wire import SECONDS_MAX, Application, connect, problem, read_answer, request, until

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

CONNECTIONS = 64


class Named(Application):
    """An application that says which one it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name.encode()

    def on_hello(self, _: str) -> Iterable[bytes]:
        return [self._name]


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """The socket, as the process has it that starts the others."""
    with listen("127.0.0.1", 0) as listening:
        yield listening


@contextmanager
def serving_on(listening: socket.socket, name: str) -> Iterator[Server]:
    """Serve on a copy of the socket, as another process would."""
    host, port = listening.getsockname()
    server = Server(Named(name), host, port, ServerLimits(threads=2), problem=problem, listening=listening.dup())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(SECONDS_MAX)
        assert not thread.is_alive()


def ask_over(listening: socket.socket, connections: int) -> Counter[bytes]:
    """Ask over so many connections that are open at the same time; return how often each server answered."""
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(listening.getsockname())) for _ in range(connections)]
        for connection in opened:
            connection.sendall(request("/hello"))
        return Counter(read_answer(connection).body for connection in opened)


def test_each_connection_is_answered_and_both_servers_answer(listening: socket.socket) -> None:
    with serving_on(listening, "one") as one, serving_on(listening, "other") as other:
        assert one.address == other.address == listening.getsockname()
        answered: Counter[bytes] = Counter()

        def both_have_answered() -> bool:
            more = ask_over(listening, CONNECTIONS)
            assert more.total() == CONNECTIONS
            answered.update(more)
            return set(answered) == {b"one", b"other"}

        until(both_have_answered)


def test_when_one_ends_the_other_goes_on(listening: socket.socket) -> None:
    with serving_on(listening, "other"):
        with serving_on(listening, "one"):
            ask_over(listening, CONNECTIONS)
        assert ask_over(listening, CONNECTIONS) == {b"other": CONNECTIONS}


def test_connections_are_refused_when_the_last_copy_of_the_socket_is_closed(listening: socket.socket) -> None:
    address = listening.getsockname()
    with serving_on(listening, "one"):
        pass
    connect(address).close()
    listening.close()
    with pytest.raises(ConnectionRefusedError):
        connect(address)


def test_an_address_that_is_taken_can_not_be_listened_on(listening: socket.socket) -> None:
    with pytest.raises(OSError, match="Address already in use"):
        listen(*listening.getsockname())


def test_what_is_no_address_can_not_be_listened_on() -> None:
    with pytest.raises(ValueError, match="Invalid host/port"):
        listen("no such host", 0)
