"""Turns are fair: whoever sends many requests in one piece, or junk, does not hold up the others."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from interfaces.http.server import Paths
from interfaces.http.server.loop import ANSWERING_SECONDS_MAX
from interfaces.http.server.turns import Priority, Turns
from tests.interfaces.http.server.wire import ask, connect, request, serving, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FLOODING = 20
PIPELINED = 2_000
"""Requests on each flooding connection."""


def order(waiting: dict[Priority, int]) -> list[Priority]:
    """Return the priorities in the order in which those that have them get their turn."""
    turns = Turns()
    for priority, number in waiting.items():
        for _ in range(number):
            turns.add(priority, priority)  # type: ignore[arg-type] # anything may wait
    found = []
    while turns:
        found.append(turns.next())
    return found  # type: ignore[return-value] # what was put in


def test_health_is_asked_within_six_turns_however_many_wait() -> None:
    found = order({Priority.ORDINARY: 100, Priority.REFUSED: 100, Priority.HEALTH: 1})
    assert found.index(Priority.HEALTH) < 6


def test_of_six_turns_the_refused_have_one_while_others_wait() -> None:
    found = order({Priority.ORDINARY: 100, Priority.REFUSED: 100})
    assert found[:50].count(Priority.REFUSED) <= 10
    assert found[:50].count(Priority.REFUSED) >= 5


def test_turns_that_nobody_needs_are_left_to_the_others() -> None:
    assert order({Priority.REFUSED: 10}) == [Priority.REFUSED] * 10


def test_nobody_is_next_when_nobody_waits() -> None:
    with pytest.raises(IndexError):
        Turns().next()


class Counting:
    """Takes a millisecond of work for each request, refuses /junk, and counts what it has answered."""

    def __init__(self) -> None:
        self.answered = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        until_then = time.perf_counter() + 0.001
        while path != "/health" and time.perf_counter() < until_then:
            pass
        self.answered += 1
        start_response("401 Unauthorized" if path == "/junk" else "200 OK", [("Content-Length", "0")])
        return []


@pytest.mark.parametrize(
    ("flood", "probe", "turns_max"),
    [("/quick", "/quick", 3.0), ("/quick", "/health", 3.0), ("/junk", "/quick", 3.0), ("/junk", "/thread", 4.0)],
)
def test_a_pipelined_flood_does_not_hold_up_a_new_client(flood: str, probe: str, turns_max: float) -> None:
    """Counted in requests of the flood that are answered meanwhile: of 40,000 that wait, some for each connection."""
    app = Counting()
    paths = Paths(quick=frozenset({"/quick", "/junk"}), health=frozenset({"/health"}))
    with serving(app, paths=paths) as server, ExitStack() as stack:
        connections = [stack.enter_context(connect(server.address)) for _ in range(FLOODING)]
        for connection in connections:
            connection.settimeout(0)
            flooded(connection, flood)
        until(lambda: app.answered > 3 * FLOODING)
        meanwhile = []
        for _ in range(20):
            before = app.answered
            assert ask(server.address, request(probe)).status == 200
            meanwhile.append(app.answered - before)
    # A busy machine only adds to each count, by keeping the client from its turn: the least of them shows the server's
    # part, which is what one turn answers, once for each step on the way: the connection, the request, the answer.
    assert min(meanwhile) <= turns_max * max(FLOODING, ANSWERING_SECONDS_MAX / 0.001) * 2, meanwhile
    assert max(meanwhile) < PIPELINED * FLOODING / 4, meanwhile


def flooded(connection: object, path: str) -> None:
    sent = memoryview(request(path) * PIPELINED)
    send: Callable[[memoryview], int] = connection.send  # type: ignore[attr-defined] # a socket
    while sent:
        try:
            sent = sent[send(sent) :]
        except BlockingIOError:
            return


def test_each_of_many_pipelined_requests_gets_its_own_answer_in_order() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["QUERY_STRING"].encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    with serving(app, paths=Paths(quick=frozenset({"/quick"}))) as server, connect(server.address) as connection:
        sent = [f"/{'quick' if number % 3 else 'thread'}?{number}" for number in range(300)]
        connection.sendall(b"".join(map(request, sent)))
        file = connection.makefile("rb")
        for path in sent:
            length = 0
            while line := file.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            assert file.read(length) == path.partition("?")[2].encode()


def test_a_request_that_is_never_answered_has_its_connection_closed() -> None:
    """Whatever it waits for: no connection is kept for good."""
    with serving(NeverAnswering(), answer_seconds_max=0.2) as server, connect(server.address) as connection:
        connection.sendall(request("/"))
        assert connection.recv(1) == b""
        until(lambda: not server._loop.connections())  # noqa: SLF001 - what is left is what it is about


class NeverAnswering:
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        client_gone: Callable[[], bool] = environ["waitress.client_disconnected"]
        until(client_gone)
        start_response("200 OK", [("Content-Length", "0")])
        return []
