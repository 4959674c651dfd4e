"""How a server ends: what it was given is answered, and nothing more is taken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from socket import socket  # noqa: TC003

import pytest

from interfaces.http.server import Server, ServerLimits
from tests.interfaces.http.server.wire import (
    Address,
    Answer,
    Application,
    answers,
    connect,
    is_closed,
    problem,
    read_answer,
    read_to_end,
    request,
    serving,
    until,
)
from tests.support.effort import in_time

IN_FLIGHT = 20
SERVE = """
import signal, sys, threading
from interfaces.http.server import Server, ServerLimits
from tests.interfaces.http.server.wire import problem

gate = threading.Event()

def app(environ, start_response):
    sys.stderr.write("in\\n")
    gate.wait(10)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" * 300_000]

server = Server(app, "127.0.0.1", 0, ServerLimits(threads=8), problem=problem)
signal.signal(signal.SIGTERM, lambda *_: server.stop())
threading.Thread(target=lambda: sys.stdin.readline() and gate.set(), daemon=True).start()
print(server.address[1], flush=True)
server.run()
print("the end", flush=True)
"""


def test_sigterm_with_20_requests_in_flight_answers_all_refuses_new_ones_and_exits_0() -> None:
    root = Path(__file__).parents[4]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVE],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    with process, ExitStack() as stack:
        stack.callback(process.kill)
        port = next(line for line in process.stdout if line.strip().isdecimal())
        address = ("127.0.0.1", int(port))
        connections = [stack.enter_context(connect(address)) for _ in range(IN_FLIGHT)]
        for connection in connections:
            connection.sendall(request("/"))
        assert process.stderr.readline() == "in\n"
        process.send_signal(signal.SIGTERM)
        until(lambda: _is_refused(address))
        process.stdin.write("answer them\n")
        process.stdin.flush()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            found = list(pool.map(_only_answer, connections))
        assert [(answer.status, len(answer.body)) for answer in found] == [(200, 300_000)] * IN_FLIGHT
        assert process.wait(in_time(10)) == 0
        assert "the end" in process.stdout.read()
        assert "Traceback" not in process.stderr.read()


def test_answers_during_the_drain_say_close() -> None:
    app = Application()
    with serving(app) as server, connect(server.address) as connection:
        connection.sendall(request("/gate"))
        assert app.entered.acquire(timeout=10)
        server.stop()
        until(lambda: _is_refused(server.address))
        app.gate.set()
        (answer,) = answers(read_to_end(connection))
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_pipelined_requests_that_were_received_are_all_answered() -> None:
    app = Application()
    with serving(app) as server, connect(server.address) as connection:
        connection.sendall(request("/gate") + request("/hello") + request("/echo", "POST", b"last"))
        assert app.entered.acquire(timeout=10)
        server.stop()
        until(lambda: _is_refused(server.address))
        app.gate.set()
        found = answers(read_to_end(connection))
    assert [answer.body for answer in found] == [b"through the gate", b"hello", b"last"]
    assert ["connection" in answer.headers for answer in found] == [False, False, True]


def test_idle_connections_are_closed_at_once() -> None:
    with serving(Application(), drain_seconds_max=60) as server, connect(server.address) as idle:
        idle.sendall(request("/hello"))
        read_answer(idle)
        server.stop()
        assert read_to_end(idle) == b""
        until(lambda: _is_refused(server.address))


def test_a_request_that_is_half_received_may_be_finished() -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhe")
        until(lambda: server._loop.connections() == 1)  # noqa: SLF001 - nothing else tells
        server.stop()
        until(lambda: _is_refused(server.address))
        connection.sendall(b"llo")
        (answer,) = answers(read_to_end(connection))
    assert (answer.body, answer.headers["connection"]) == (b"5", "close")


def test_connections_that_wait_to_be_accepted_are_served() -> None:
    server = Server(Application(), "127.0.0.1", 0, ServerLimits(), problem=problem)
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(server.address)) for _ in range(50)]
        for connection in connections:
            connection.sendall(request("/hello"))
        server.stop()
        thread = threading.Thread(target=server.run)
        thread.start()
        assert [_only_answer(connection).status for connection in connections] == [200] * 50
        thread.join(10)
        assert not thread.is_alive()


def test_a_request_that_never_ends_is_not_waited_for_longer_than_the_limit() -> None:
    app = Application()
    limits = ServerLimits(drain_seconds_max=1.0)
    server = Server(app, "127.0.0.1", 0, limits, problem=problem)
    thread = threading.Thread(target=server.run)
    thread.start()
    with connect(server.address) as stuck, connect(server.address) as half:
        stuck.sendall(request("/gate"))
        half.sendall(b"GET / HTTP/1.1\r\n")
        assert app.entered.acquire(timeout=10)
        until(lambda: server._loop.connections() == 2)  # noqa: SLF001 - nothing else tells
        begun = time.monotonic()
        server.stop()
        thread.join(in_time(5))
        assert not thread.is_alive()
        assert 1.0 <= time.monotonic() - begun < in_time(2.0)
        assert is_closed(stuck)
        assert is_closed(half)
    # The thread that was left behind must find what it writes to.
    threads = threading.active_count()
    app.gate.set()
    until(lambda: threading.active_count() < threads)
    server._loop.close_wake_up()  # noqa: SLF001 - left open for that thread


def test_stopping_from_several_threads_at_once_never_touches_what_was_closed() -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            server = Server(Application(), "127.0.0.1", 0, ServerLimits(threads=1), problem=problem)
            running = pool.submit(server.run)
            for stopping in [pool.submit(server.stop) for _ in range(5)]:
                stopping.result()
            running.result()


def test_a_request_whose_client_has_left_is_carried_out() -> None:
    app = Application()
    done = threading.Event()

    def slow(_: str) -> list[bytes]:
        app.entered.release()
        app.gate.wait(10)
        done.set()
        return [b""]

    app.on_slow = slow  # type: ignore[attr-defined]
    with serving(app) as server:
        with connect(server.address) as connection:
            connection.sendall(request("/slow"))
            assert app.entered.acquire(timeout=10)
        server.stop()
        until(lambda: _is_refused(server.address))
        app.gate.set()
    assert done.is_set()


@pytest.mark.parametrize("clients", [40])
def test_under_load_every_answer_is_whole_or_the_connection_was_refused(clients: int) -> None:
    counts = {"answered": 0, "refused": 0}
    lock = threading.Lock()

    def keep_asking(address: Address) -> None:
        while True:
            try:
                connection = connect(address)
            except ConnectionRefusedError:
                with lock:
                    counts["refused"] += 1
                return
            connection.sendall(request("/big/50000", Connection="close"))
            assert _only_answer(connection).body == b"x" * 50_000
            with lock:
                counts["answered"] += 1

    with serving(Application()) as server, ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(keep_asking, server.address) for _ in range(clients)]
        until(lambda: counts["answered"] > 200)
        server.stop()
        for one in asking:
            one.result()
    assert counts["refused"] == clients


def _only_answer(connection: socket) -> Answer:
    with connection:
        (answer,) = answers(read_to_end(connection))
    return answer


def _is_refused(address: Address) -> bool:
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # It was waiting to be accepted when the listening socket was closed.
        pass
    return False
