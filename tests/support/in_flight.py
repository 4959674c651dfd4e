"""Requests that a service is working on: sent, held up at the append for as long as a test likes, and answered."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import orjson
import psycopg

from tests.support.api import REPORT
from tests.support.history import Attempt, outcome_of
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from tests.support.service import Installation, Service
    from tests.support.world import Robot


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

    def waiters(self) -> int:
        """Return how many appends wait for the lock."""
        row = self._watcher.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def wait_for_a_waiter(self) -> None:
        """Wait until an append waits for the lock."""
        wait_until(self.waiters, "an append waits")

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
