"""One server on several listeners, of IPv4 and IPv6: all are served and closed, and the application knows which."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from interfaces.http.server import ENTRANCE, ListenError, Listening, Server, ServerLimits, open_listeners
from tests.interfaces.http.server.wire import SECONDS_MAX, Application, ask, problem, read_answer, request
from tests.support.service import free_port
from tests.support.serving import running_in_a_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from interfaces.http.server import Listener


@contextmanager
def serving_at(listeners: Sequence[Listener], app: Application) -> Iterator[Server]:
    server = Server(
        app, *listeners[0].address, ServerLimits(threads=2), problem=problem, listening=Listening(listeners)
    )
    with running_in_a_thread(server, stop_seconds_max=SECONDS_MAX):
        yield server


def hello(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), timeout=SECONDS_MAX) as connection:
        connection.sendall(request("/hello"))
        return read_answer(connection).body


def test_each_address_is_served_and_the_application_knows_which_it_was() -> None:
    app = Application()
    listeners = [
        *open_listeners([("127.0.0.1", 0), ("::1", 0), ("127.0.0.2", 0)]),
        *open_listeners([("127.0.0.1", 0)], "side"),
    ]
    addresses = [listener.address for listener in listeners]
    assert len({port for _, port in addresses}) == 4
    with serving_at(listeners, app) as server:
        assert server.address == addresses[0]
        for _ in range(3):
            assert [hello(*address) for address in addresses] == [b"hello"] * 4
    assert [environ[ENTRANCE] for environ in app.seen] == ["", "", "", "side"] * 3
    assert [int(environ["SERVER_PORT"]) for environ in app.seen] == [port for _, port in addresses] * 3
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            hello(*address)


def test_what_waits_at_any_of_them_is_answered_when_the_server_is_stopped() -> None:
    app = Application()
    listeners = open_listeners([("127.0.0.1", 0), ("::1", 0)])
    with serving_at(listeners, app) as server:
        opened = [socket.create_connection(listener.address, timeout=SECONDS_MAX) for listener in listeners]
        server.stop()
        for connection in opened:
            with connection:
                connection.sendall(request("/hello"))
                assert read_answer(connection).body == b"hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_all_of_ipv6_is_all_of_ipv4_too(host: str) -> None:
    app = Application()
    listeners = open_listeners([("::", 0)])
    port = listeners[0].address[1]
    with serving_at(listeners, app):
        assert hello(host, port) == b"hello"
    assert app.seen[0]["REMOTE_ADDR"] == host, "and a client of IPv4 is known by its own address"


@pytest.mark.parametrize("ipv4", ["0.0.0.0", "127.0.0.1", "localhost"])  # noqa: S104 - for a moment
def test_beside_an_address_of_ipv4_with_its_port_it_is_ipv6_alone(ipv4: str) -> None:
    port = free_port()
    for order in ([(ipv4, port), ("::", port)], [("::", port), (ipv4, port)]):
        with serving_at(open_listeners(order), Application()):
            assert hello("127.0.0.1", port) == hello("::1", port) == b"hello"


def test_an_address_that_can_not_be_had_is_named_and_the_others_are_let_go() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
        with pytest.raises(ListenError, match="Address already in use") as refused:
            open_listeners([("127.0.0.1", port), ("::1", port), address])
    assert refused.value.address == f"127.0.0.1:{address[1]}"
    for listener in open_listeners([("127.0.0.1", port), ("::1", port)]):
        listener.sock.close()


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", "2001:db8::7"])
def test_what_is_no_address_of_this_machine_is_named(host: str) -> None:
    with pytest.raises(ListenError) as refused:
        open_listeners([(host, 8000)])
    assert refused.value.address == (f"[{host}]:8000" if ":" in host else f"{host}:8000")
    assert str(refused.value)


def test_one_address_needs_nothing_more() -> None:
    (listener,) = open_listeners([("127.0.0.1", 0)])
    address = listener.address
    with serving_at([listener], Application()):
        assert ask(address, request("/hello")).body == b"hello"
