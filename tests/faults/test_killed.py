"""The database, the service, or both are killed under load: what was acknowledged is there, once, and it goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import psutil
import psycopg

from tests.support.api import ACCOUNTS
from tests.support.effort import effort, in_time
from tests.support.history import Outcome, broken_rules, read_log
from tests.support.service import NO_ANSWER, Desk, Installation, Service, tell
from tests.support.waiting import wait_until
from tests.support.writers import Writers

if TYPE_CHECKING:
    import random

    from tests.support.world import Robot

SERVING_AGAIN_SECONDS_MAX = in_time(15.0)
CAUGHT_UP_SECONDS_MAX = in_time(10.0)
SECOND_START_SECONDS_MAX = in_time(15.0)
UNLIMITED = 10_000


def robots_of(desk: Desk) -> list[Robot]:
    """Four robots, one of which asks for more than it may."""
    return [desk.robot(limit=limit) for limit in (UNLIMITED, UNLIMITED, UNLIMITED, 30)]


def test_what_was_acknowledged_survives_a_killed_database_and_the_service_goes_on_without_a_restart(
    installation: Installation, service: Service, chance: random.Random
) -> None:
    robots = robots_of(installation.desk())
    process = service.process
    with Writers(robots, chance) as writers:
        for _ in range(effort(1, 5)):
            writers.wait_for_more(chance.randrange(20, 80))
            postmaster = installation.note_postmaster()
            assert postmaster is not None
            os.kill(postmaster, signal.SIGKILL)
            killed = time.monotonic()
            again = writers.wait_for_more(10, after=killed, seconds_max=SERVING_AGAIN_SECONDS_MAX)
            tell(f"serving again {again.answered - killed:.1f} s after the database was killed")
            assert installation.note_postmaster() not in {None, postmaster}
    assert service.process is process
    assert service.runs()
    tell(writers.history.summary())
    assert broken_rules(writers.history.attempts, read_log(installation.conninfo())) == []


def test_what_was_acknowledged_survives_a_killed_service_and_the_lists_catch_up(
    installation: Installation, service: Service, chance: random.Random
) -> None:
    desk = installation.desk()
    with Writers(robots_of(desk), chance) as writers, Registrar(desk) as registrar:
        for _ in range(effort(2, 20)):
            writers.wait_for_more(chance.randrange(20, 80))
            registrar.wait_for_more(1)
            service.kill()
            seconds = service.start()
            answered = time.monotonic()
            log_position = positions(installation)[1]
            wait_until(
                lambda: positions(installation)[0] >= log_position,  # noqa: B023 - asked before the next round
                "the lists show what is in the log",
                seconds_max=CAUGHT_UP_SECONDS_MAX,
            )
            caught_up = time.monotonic() - answered
            tell(f"started in {seconds:.1f} s; lists caught up {caught_up:.1f} s after the first answer")
            writers.wait_for_more(1, after=answered)
    # The last answer may have said that the lists are behind.
    wait_until(
        lambda: registrar.acknowledged <= registrar.listed(),
        "the lists show what was acknowledged",
        seconds_max=CAUGHT_UP_SECONDS_MAX,
    )
    tell(writers.history.summary())
    assert broken_rules(writers.history.attempts, read_log(installation.conninfo())) == []


def test_what_was_acknowledged_survives_both_being_killed_and_a_repeat_gets_the_same_job(
    installation: Installation, service: Service, chance: random.Random
) -> None:
    robots = [installation.desk().robot(limit=UNLIMITED) for _ in range(4)]
    with Writers(robots, chance) as writers:
        writers.wait_for_more(chance.randrange(40, 120))
        postmaster = installation.note_postmaster()
        assert postmaster is not None
        server = [psutil.Process(postmaster), *psutil.Process(postmaster).children(recursive=True)]
        service.process.kill()
        for process in server:
            process.kill()
        service.process.wait()
        killed = time.monotonic()
        service.start()
        writers.wait_for_more(1, after=killed)
    history = writers.history
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []
    of_key = {robot.key_id: robot for robot in robots}
    for attempt in [one for one in history.attempts if one.asked < killed and one.idempotent][-50:]:
        first = history.acknowledged().get(attempt.operation)
        again = history.report(of_key[attempt.key_id], attempt.operation)
        assert again.outcome is Outcome.OK
        assert first is None or (again.job_id == first and again.replayed)
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []


def test_the_second_start_is_quick(installation: Installation, service: Service) -> None:
    code, seconds = service.stop()
    assert code == 0
    wait_until(lambda: not installation.left_over(), "the last one out stopped the server")
    again = service.start()
    tell(f"ended in {seconds:.2f} s; second start to first answer: {again:.2f} s")
    assert again < SECOND_START_SECONDS_MAX
    wait_until(service.is_ready, "the service is ready")


def test_nothing_is_left_of_an_installation_that_was_killed_and_ended(
    installation: Installation, service: Service
) -> None:
    service.kill()
    orphan = installation.note_postmaster()
    assert orphan is not None
    service.start()
    assert installation.note_postmaster() == orphan
    installation.stop()
    wait_until(lambda: not installation.left_over(), "no process is left")
    assert not psutil.pid_exists(orphan)


class Registrar:
    """Registers processes, one after the other, within the block; each is asked for until it is acknowledged."""

    def __init__(self, desk: Desk) -> None:
        self.acknowledged: set[str] = set()
        self._desk = desk
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._running = self._pool.submit(self._register)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        self._running.result()

    def wait_for_more(self, count: int) -> None:
        known = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) >= known + count or self._running.done(), "a process is registered")

    def listed(self) -> set[str]:
        """The flow ids on all pages of the list."""
        found: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            path = f"{ACCOUNTS}/{self._desk.account_id}/processes?limit=200" + (f"&cursor={cursor}" if cursor else "")
            page: Any = self._desk.ask("GET", path, headers=self._desk.headers).json
            found |= {item["flow_id"] for item in page["items"]}
            cursor = page["next_cursor"]
        return found

    def _register(self) -> None:
        flow_id = str(uuid4())
        while not self._stop.wait(0.1):
            try:
                made = self._desk.post(
                    f"/{self._desk.account_id}/processes",
                    {"name": "Registered under load", "flow_id": flow_id},
                    {"Idempotency-Key": flow_id},
                )
            except NO_ANSWER:
                continue
            if made.status == 503:
                continue
            assert made.status == 201 or made.problem == "already-created", made.body
            self.acknowledged.add(flow_id)
            flow_id = str(uuid4())


def positions(installation: Installation) -> tuple[int, int]:
    """How far the lists are, and the log."""
    with psycopg.connect(installation.conninfo()) as connection:
        row = connection.execute(
            "SELECT (SELECT min(position) FROM rpawatch_lists.positions),"
            " (SELECT max(notification_id) FROM rpawatch.events)"
        ).fetchone()
    assert row is not None
    return row
