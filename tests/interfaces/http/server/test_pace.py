"""Large bodies are read at a pace, and nobody else waits for that."""

from __future__ import annotations

import time

from interfaces.http.server.pace import Pace
from tests.interfaces.http.server.wire import Application, ask, connect, read_answer, request, serving, until

MIB = 2**20


def test_what_comes_alone_is_not_slowed_and_what_comes_after_waits_for_its_time() -> None:
    pace = Pace(100.0, bytes_per_second=10.0, burst_bytes=50)
    assert pace.seconds_left(100.0) == 0.0
    pace.spend(50, 100.0)
    assert pace.seconds_left(100.0) == 0.0
    pace.spend(30, 100.0)
    assert pace.seconds_left(100.0) == 3.0
    assert pace.seconds_left(102.0) == 1.0
    assert pace.seconds_left(103.0) == 0.0


def test_what_was_saved_up_is_no_more_than_a_burst() -> None:
    pace = Pace(100.0, bytes_per_second=10.0, burst_bytes=50)
    pace.spend(51, 1_000.0)
    assert 0.0 < pace.seconds_left(1_000.0) < 0.2


def test_a_large_body_waits_while_small_ones_do_not_and_goes_on_when_it_may() -> None:
    with serving(Application()) as server, connect(server.address) as large:
        loop = server._loop  # noqa: SLF001 - the pace of the server would take megabytes to be met
        loop.pace = Pace(time.monotonic(), bytes_per_second=0.001, burst_bytes=0)
        sent = request("/size", method="POST", body=b"x" * MIB)
        large.sendall(sent[: MIB // 2])
        until(lambda: loop.slowed)
        assert ask(server.address, request("/size", method="POST", body=b"small")).body == b"5"
        assert loop.slowed
        loop.pace = Pace(time.monotonic())
        loop.wake_up()
        large.sendall(sent[MIB // 2 :])
        assert read_answer(large).body == str(MIB).encode()


def test_one_that_is_slowed_and_leaves_is_forgotten() -> None:
    with serving(Application()) as server:
        loop = server._loop  # noqa: SLF001 - see above
        loop.pace = Pace(time.monotonic(), bytes_per_second=0.001, burst_bytes=0)
        with connect(server.address) as large:
            large.sendall(request("/size", method="POST", body=b"x" * MIB)[: MIB // 2])
            until(lambda: loop.slowed)
        loop.pace = Pace(time.monotonic())
        loop.wake_up()
        until(lambda: not loop.slowed and not loop.connections())
