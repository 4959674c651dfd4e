"""What runs in the thread of the loop waits for the store there, and others are served meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from application.store.database import Database, deadline
from application.store.errors import StoreUnavailableError
from application.store.waiting import WAITING, pause
from interfaces.http.server import Paths
from tests.interfaces.http.server.wire import Application, ask, connect, read_answer, request, serving, until
from tests.support.effort import in_time
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from interfaces.http.server import Server

PATHS = Paths(quick=frozenset({"/ask", "/hello"}))
AT_ONCE_SECONDS = in_time(1.0)


class Asking(Application):
    """Its /ask asks the database, in the loop, for as long as the query says."""

    def __init__(self, database: Database, seconds_max: float = 10.0) -> None:
        super().__init__()
        self._database = database
        self._seconds_max = seconds_max
        self.asked = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/ask":
            return super().__call__(environ, start_response)
        assert WAITING.get() is not None
        self.asked += 1
        try:
            with deadline(self._seconds_max), self._database.one_transaction(), self._database.get_connection() as same:
                row = same.execute("SELECT pg_sleep(%s), 42 AS answer", (float(environ["QUERY_STRING"]),)).fetchone()
                said = str(row["answer"] if row else None)
        except StoreUnavailableError:
            said = "unavailable"
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [said.encode()]


@pytest.fixture
def small(database_url: str) -> Iterator[Database]:
    """A pool of one connection."""
    database = Database(database_url, connections_max=1)
    database.open()
    database.ping()
    yield database
    database.close()


def is_answered_at_once(server: Server) -> bool:
    began = time.monotonic()
    return ask(server.address, request("/hello")).body == b"hello" and time.monotonic() - began < AT_ONCE_SECONDS


def test_others_are_served_while_one_waits_for_the_store(small: Database) -> None:
    app = Asking(small)
    with serving(app, paths=PATHS) as server, connect(server.address) as asking:
        asking.sendall(request("/ask?2"))
        until(lambda: app.asked)
        assert is_answered_at_once(server)
        assert read_answer(asking).body == b"42"


def test_others_are_served_while_one_waits_for_a_connection_to_the_store(small: Database) -> None:
    app = Asking(small)
    with serving(app, paths=PATHS) as server, connect(server.address) as first, connect(server.address) as second:
        first.sendall(request("/ask?1"))
        until(lambda: app.asked == 1)
        second.sendall(request("/ask?0"))
        until(lambda: app.asked == 2)
        assert is_answered_at_once(server)
        assert [read_answer(connection).body for connection in (first, second)] == [b"42", b"42"]


def test_who_waits_for_a_silent_store_gives_up_in_time_and_others_are_served(database_url: str) -> None:
    with Proxy(database_url) as proxy:
        database = Database(proxy.url, connections_max=1)
        database.open()
        database.ping()
        app = Asking(database, seconds_max=1.0)
        with serving(app, paths=PATHS) as server, connect(server.address) as asking:
            proxy.be_silent()
            asking.sendall(request("/ask?0"))
            until(lambda: app.asked)
            assert is_answered_at_once(server)
            assert read_answer(asking).body == b"unavailable"
        database.close()


def test_a_connection_that_breaks_while_it_is_waited_for_is_told_of(database_url: str) -> None:
    with Proxy(database_url) as proxy:
        database = Database(proxy.url, connections_max=1)
        database.open()
        database.ping()
        app = Asking(database)
        with serving(app, paths=PATHS) as server, connect(server.address) as asking:
            asking.sendall(request("/ask?30"))
            until(lambda: app.asked)
            proxy.be_away()
            assert read_answer(asking).body == b"unavailable"
            assert is_answered_at_once(server)
        database.close()


def test_what_others_want_to_run_in_the_loop_runs_there_and_the_end_waits_for_it(small: Database) -> None:
    in_loop: list[bool] = []
    begun = threading.Event()

    def work() -> None:
        begun.set()
        with small.get_connection() as connection:
            connection.execute("SELECT pg_sleep(0.3)")
        in_loop.append(WAITING.get() is not None)

    with serving(Asking(small), paths=PATHS) as server, ThreadPoolExecutor(1) as thread:
        until(lambda: ask(server.address, request("/hello")).body)
        thread.submit(server.run_in_loop, work).result()
        assert begun.wait(5)
    assert in_loop == [True]
    server.run_in_loop(work)
    until(lambda: in_loop == [True, False])


def test_what_has_much_to_do_lets_others_be_served_in_between(small: Database) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            time.sleep(0.005)
            pause(0)

    with serving(Asking(small), paths=PATHS) as server:
        until(lambda: ask(server.address, request("/hello")).body)
        server.run_in_loop(work)
        try:
            assert is_answered_at_once(server)
        finally:
            stop.set()
