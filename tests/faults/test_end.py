"""The end of a service that has work: what it was given is answered, nothing more is taken, and it ends in time."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import orjson
import psycopg

from tests.support.api import REPORT
from tests.support.history import Attempt, History, broken_rules, outcome_of, read_log
from tests.support.service import STOP_SECONDS_MAX, Installation, Service, tell
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import Robot

IN_FLIGHT = 20
HELD_SECONDS = 1.0
ANSWER_SECONDS_MAX = 5.0
REFUSED_SECONDS_MAX = 1.0


def test_sigterm_with_20_requests_in_flight_answers_all_refuses_new_ones_and_exits_with_0(
    installation: Installation, service: Service
) -> None:
    robot = installation.desk().robot()
    history = History()
    with append_lock(installation) as lock, ExitStack() as stack:
        in_flight = [Request(robot, service, stack) for _ in range(IN_FLIGHT)]
        lock.wait_for_a_waiter()
        service.process.send_signal(signal.SIGTERM)
        asked_to_end = time.monotonic()
        wait_until(lambda: refuses(service), "new connections are refused", seconds_max=REFUSED_SECONDS_MAX)
        wait_until(lambda: time.monotonic() > asked_to_end + HELD_SECONDS, "the database was busy for a while")
        assert service.runs()
        lock.release()
        history.attempts += [request.answered() for request in in_flight]
        assert service.process.wait(STOP_SECONDS_MAX) == 0, service.said()[-3000:]
    tell(f"{history.summary()}; ended {time.monotonic() - asked_to_end:.1f} s after SIGTERM")
    assert [attempt.status for attempt in history.attempts] == [201] * IN_FLIGHT
    installation.running()
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []


def test_sigterm_while_the_database_is_stuck_answers_all_in_time_and_exits_with_0(
    installation: Installation, service: Service
) -> None:
    robot = installation.desk().robot()
    history = History()
    with append_lock(installation) as lock, ExitStack() as stack:
        in_flight = [Request(robot, service, stack) for _ in range(IN_FLIGHT)]
        lock.wait_for_a_waiter()
        service.process.send_signal(signal.SIGTERM)
        asked_to_end = time.monotonic()
        history.attempts += [request.answered() for request in in_flight]
        assert service.process.wait(max(0.1, STOP_SECONDS_MAX - (time.monotonic() - asked_to_end))) == 0
    tell(f"{history.summary()}; ended {time.monotonic() - asked_to_end:.1f} s after SIGTERM")
    assert [attempt.status for attempt in history.attempts] == [503] * IN_FLIGHT
    assert all(attempt.retry_after for attempt in history.attempts)
    assert max(attempt.seconds for attempt in history.attempts) < ANSWER_SECONDS_MAX
    installation.running()
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []


class Request:
    """A report that was sent, and whose answer is read later."""

    def __init__(self, robot: Robot, service: Service, stack: ExitStack) -> None:
        self._robot = robot
        self._operation = str(uuid4())
        self._connection = HTTPConnection(*service.ask.address, timeout=30)
        stack.callback(self._connection.close)
        headers = robot.headers | {"Content-Type": "application/json", "Idempotency-Key": self._operation}
        self._asked = time.monotonic()
        self._connection.request(
            "POST", REPORT, orjson.dumps(robot.report_body(external_id=self._operation)), headers=headers
        )

    def answered(self) -> Attempt:
        """Read the answer."""
        response = self._connection.getresponse()
        content = orjson.loads(response.read())
        job_id = UUID(content["job_id"]) if response.status == 201 else None
        return Attempt(
            self._operation,
            self._robot.key_id,
            self._asked,
            time.monotonic(),
            outcome_of(response.status),
            response.status,
            job_id,
            retry_after=response.getheader("Retry-After"),
            idempotent=True,
        )


class AppendLock:
    """The lock that every append takes first, held by a transaction of the test."""

    def __init__(self, conninfo: str) -> None:
        self._holder = psycopg.connect(conninfo)
        self._watcher = psycopg.connect(conninfo, autocommit=True)
        self._holder.execute("SELECT pg_advisory_xact_lock('rpawatch.events'::regclass::oid::bigint)")

    def wait_for_a_waiter(self) -> None:
        """Wait until an append waits for the lock."""
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: self._watcher.execute(waiting).fetchone() != (0,), "an append waits")

    def release(self) -> None:
        """Let the appends go on; leave the server, so that it can be stopped in order."""
        self._holder.close()
        self._watcher.close()


@contextmanager
def append_lock(installation: Installation) -> Iterator[AppendLock]:
    """Hold the lock within the block."""
    lock = AppendLock(installation.conninfo())
    try:
        yield lock
    finally:
        lock.release()


def refuses(service: Service) -> bool:
    """Whether the service takes no new connection."""
    try:
        with socket.create_connection(service.ask.address, timeout=1):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
