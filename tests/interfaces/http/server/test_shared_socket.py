"""Several servers on one listening socket: each connection is accepted by one of them."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from interfaces.http.server import Listener, Server, ServerLimits, SharedListening, listen, sharing
from tests.interfaces.http.server.wire import SECONDS_MAX, Application, connect, problem, read_answer, request, until
from tests.support.serving import running_in_a_thread

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CONNECTIONS = 64


class Named(Application):
    """An application that says which one it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name.encode()

    def on_hello(self, _: str) -> Iterable[bytes]:
        return [self._name]


class Shared:
    """The socket, as the process has it that starts the others, and what they share."""

    def __init__(self, sock: socket.socket, counts: Path) -> None:
        self.sock = sock
        self._counts = counts
        SharedListening.make(counts, 2)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.sock.getsockname()
        return host, port

    def at(self, place: int) -> SharedListening:
        """Return it as the process at that place has it."""
        return SharedListening([Listener(self.sock.dup())], self._counts, place)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Shared]:
    with listen("127.0.0.1", 0) as sock:
        yield Shared(sock, tmp_path / "counts")


@contextmanager
def serving_on(listening: Shared, name: str) -> Iterator[Server]:
    """Serve on a copy of the socket, as another process would."""
    place = ["one", "other"].index(name)
    server = Server(
        Named(name), *listening.address, ServerLimits(threads=2), problem=problem, listening=listening.at(place)
    )
    with running_in_a_thread(server, stop_seconds_max=SECONDS_MAX):
        yield server


def ask_over(listening: Shared, connections: int) -> Counter[bytes]:
    """Ask over so many connections that are open at the same time; return how often each server answered."""
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(listening.address)) for _ in range(connections)]
        for connection in opened:
            connection.sendall(request("/hello"))
        return Counter(read_answer(connection).body for connection in opened)


def test_each_connection_is_answered_and_both_servers_answer(listening: Shared) -> None:
    with serving_on(listening, "one") as one, serving_on(listening, "other") as other:
        assert one.address == other.address == listening.address
        answered: Counter[bytes] = Counter()

        def both_have_answered() -> bool:
            more = ask_over(listening, CONNECTIONS)
            assert more.total() == CONNECTIONS
            answered.update(more)
            return set(answered) == {b"one", b"other"}

        until(both_have_answered)


def test_when_one_ends_the_other_goes_on(listening: Shared) -> None:
    with serving_on(listening, "other"):
        with serving_on(listening, "one"):
            ask_over(listening, CONNECTIONS)
        assert ask_over(listening, CONNECTIONS) == {b"other": CONNECTIONS}


def test_connections_are_refused_when_the_last_copy_of_the_socket_is_closed(listening: Shared) -> None:
    address = listening.address
    with serving_on(listening, "one"):
        pass
    connect(address).close()
    listening.sock.close()
    with pytest.raises(ConnectionRefusedError):
        connect(address)


def test_an_address_that_is_taken_can_not_be_listened_on(listening: Shared) -> None:
    with pytest.raises(OSError, match="Address already in use"):
        listen(*listening.address)


def test_what_is_no_address_can_not_be_listened_on() -> None:
    with pytest.raises(ValueError, match="Invalid host/port"):
        listen("no such host", 0)


def test_one_that_has_more_leaves_a_connection_to_the_others_for_a_moment(
    listening: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    one, other = listening.at(0), listening.at(1)
    one.report(1)
    # Nobody is at the other place yet.
    assert not one.leaves_to_others()
    other.report(1)
    assert not one.leaves_to_others()
    one.report(2)
    assert not other.leaves_to_others()
    assert one.leaves_to_others()
    one.reconsider(lambda: pytest.fail("it is still left to the other"))
    assert one.is_leaving

    # Accepted by the other
    other.report(2)
    one.reconsider(lambda: pytest.fail("there is nothing more"))
    assert not one.is_leaving

    # The other has gone.
    one.report(3)
    other.close()
    assert not one.leaves_to_others()
    one.listeners[0].sock.close()
    other.listeners[0].sock.close()


@pytest.mark.parametrize("was_there", [False, True])
def test_what_the_others_do_not_accept_is_taken_and_for_a_second_nothing_more_is_left_to_them(
    listening: Shared, monkeypatch: pytest.MonkeyPatch, *, was_there: bool
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    one, other = listening.at(0), listening.at(1)
    one.report(1)
    other.report(0)
    assert one.leaves_to_others()
    now += sharing.LEFT_SECONDS
    one.reconsider(lambda: was_there)
    assert not one.is_leaving
    # What was accepted by the other and closed again is no reason.
    assert one.leaves_to_others() is not was_there
    now += sharing.NOT_LEFT_SECONDS
    assert one.leaves_to_others()
    one.listeners[0].sock.close()
    other.listeners[0].sock.close()


def test_a_server_takes_what_the_other_does_not(listening: Shared) -> None:
    silent = listening.at(1)
    silent.report(0)
    with serving_on(listening, "one"):
        assert ask_over(listening, CONNECTIONS) == {b"one": CONNECTIONS}
    silent.listeners[0].sock.close()


def test_a_server_that_has_left_a_connection_to_the_others_ends_in_order(
    listening: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "LEFT_SECONDS", 0.0)
    silent = listening.at(1)
    silent.report(0)
    one = listening.at(0)
    one.report(1)
    assert one.leaves_to_others()
    one.close()
    one.reconsider(lambda: pytest.fail("it does not listen any more"))
    assert not one.is_leaving
    # What it still answers is no reason to leave new ones to it.
    one.report(0)
    silent.report(3)
    assert not silent.leaves_to_others()
    silent.listeners[0].sock.close()
    one.listeners[0].sock.close()
