"""Requests that wait in the thread of the loop: others are served meanwhile, and each gets its own answer."""

from __future__ import annotations

import gzip
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from application.store.waiting import WAITING, bell
from interfaces.http.server import Paths
from interfaces.http.server.loop import QUICK_BYTES_MAX
from tests.interfaces.http.server.wire import (
    SECONDS_MAX,
    Application,
    answers,
    ask,
    connect,
    read_answer,
    read_to_end,
    request,
    serving,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from socket import socket

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from interfaces.http.server import Server

PATHS = Paths(quick=frozenset({"/wait", "/crash", "/exit", "/hello"}))
MANY = 40


class Waiting(Application):
    """Its /wait answers when the test says so, or when it has waited long enough, and says in which thread it ran."""

    def __init__(self, seconds_max: float = SECONDS_MAX) -> None:
        super().__init__()
        self.seconds_max = seconds_max
        self.done: list[Callable[[], None]] = []
        self.threads: set[str] = set()
        self.told_at_once = False
        self.ran_in_loop = False
        self.connections: list[socket] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.threads.add(threading.current_thread().name)
        self.ran_in_loop = WAITING.get() is not None
        if environ["PATH_INFO"] != "/wait" or not self.ran_in_loop:
            return super().__call__(environ, start_response)
        told = bell()
        if self.told_at_once:
            told.ring()
        else:
            self.done.append(told.ring)
        was_told = told.wait(self.seconds_max)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["QUERY_STRING"].encode() if was_told else b"given up"]

    def go_on(self) -> None:
        """Tell those that wait, in another thread, the last one first."""
        done, self.done = self.done, []
        thread = threading.Thread(target=lambda: [tell() for tell in reversed(done)])
        thread.start()
        thread.join()


@contextmanager
def waiting_on(server: Server, app: Waiting, number: int) -> Iterator[ExitStack]:
    """Have so many requests wait."""
    with ExitStack() as stack:
        app.connections = [stack.enter_context(connect(server.address)) for _ in range(number)]
        for place, connection in enumerate(app.connections):
            connection.sendall(request(f"/wait?{place}"))
        until(lambda: len(app.done) == number)
        yield stack


def test_many_wait_in_one_thread_while_another_request_is_answered_and_each_gets_its_own_answer() -> None:
    app = Waiting()
    with serving(app, threads=1, paths=PATHS) as server, waiting_on(server, app, MANY):
        assert len(app.threads) == 1
        assert ask(server.address, request("/other")).body == b"hello"
        app.go_on()
        bodies = [read_answer(connection).body for connection in app.connections]
        assert bodies == [str(place).encode() for place in range(MANY)]


def test_a_connection_goes_on_after_it_has_waited() -> None:
    app = Waiting()
    with serving(app, paths=PATHS) as server, connect(server.address) as connection:
        for number in range(3):
            connection.sendall(request(f"/wait?{number}"))
            until(lambda: app.done)
            app.go_on()
            assert read_answer(connection).body == str(number).encode()


def test_what_is_there_before_the_request_waits_for_it_is_not_missed() -> None:
    app = Waiting()
    app.told_at_once = True
    with serving(app, paths=PATHS) as server:
        assert ask(server.address, request("/wait?7")).body == b"7"


def test_who_has_waited_long_enough_gives_up_and_is_not_served_again_when_it_is_told_too_late() -> None:
    app = Waiting(seconds_max=0.2)
    with serving(app, paths=PATHS) as server:
        assert ask(server.address, request("/wait")).body == b"given up"
        app.go_on()
        assert ask(server.address, request("/hello")).body == b"hello"


def test_requests_that_are_sent_together_are_answered_in_their_order() -> None:
    app = Waiting()
    with serving(app, paths=PATHS) as server, connect(server.address) as connection:
        connection.sendall(
            request("/wait?1") + request("/hello") + request("/wait?2") + request("/other", Connection="close")
        )
        for _ in range(2):
            until(lambda: app.done)
            app.go_on()
        assert [answer.body for answer in answers(read_to_end(connection))] == [b"1", b"hello", b"2", b"hello"]


@pytest.mark.parametrize(
    ("sent", "in_loop"),
    [
        (request("/wait", "POST", b"x" * QUICK_BYTES_MAX), True),
        (request("/wait", "POST", b"x" * (QUICK_BYTES_MAX + 1)), False),
        (request("/wait", "POST", gzip.compress(b"x"), Content_Encoding="gzip"), False),
        (request("/other"), False),
    ],
    ids=["a small body", "a large body", "a compressed body", "another path"],
)
def test_only_what_takes_little_time_runs_in_the_loop(sent: bytes, in_loop: bool) -> None:
    app = Waiting()
    app.told_at_once = True
    with serving(app, paths=PATHS) as server:
        ask(server.address, sent)
    assert app.ran_in_loop == in_loop


@pytest.mark.parametrize("path", ["/crash", "/exit"])
def test_a_request_that_fails_in_the_loop_is_answered_and_ends_nothing_else(path: str) -> None:
    app = Waiting()
    with serving(app, paths=PATHS) as server, waiting_on(server, app, 2):
        assert ask(server.address, request(path)).status == 500
        app.go_on()
        assert [read_answer(connection).status for connection in app.connections] == [200, 200]


def test_a_client_that_leaves_while_it_waits_is_forgotten() -> None:
    app = Waiting()
    with serving(app, paths=PATHS) as server:
        with waiting_on(server, app, 3):
            pass
        app.go_on()
        until(lambda: server._loop.connections() == 0)  # noqa: SLF001 - what the test is about
        assert ask(server.address, request("/hello")).body == b"hello"


def test_more_than_may_wait_in_the_loop_are_served_by_threads() -> None:
    app = Waiting()
    with serving(app, paths=PATHS, queue_max=2, threads=2) as server, waiting_on(server, app, 2):
        assert ask(server.address, request("/wait")).body == b"hello"
        assert len(app.threads) == 2
        app.go_on()  # or the end of the server waits for those two


def test_those_that_wait_when_the_server_is_told_to_stop_are_answered() -> None:
    app = Waiting()
    with serving(app, paths=PATHS) as server, waiting_on(server, app, 3):
        server.stop()
        until(lambda: server._loop.draining)  # noqa: SLF001 - what the test is about
        app.go_on()
        found = [read_answer(connection) for connection in app.connections]
        assert [(answer.body, answer.headers["connection"]) for answer in found] == [
            (str(place).encode(), "close") for place in range(3)
        ]
