"""Clients that report jobs at the same time as something goes wrong, and write down what they were told."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.support.history import History, Outcome
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    from tests.support.history import Attempt
    from tests.support.world import Robot

_RETRY_SECONDS = 0.05
_PLAIN_PERCENT = 10
_REFUSED_PERCENT = 10


class Writers:
    """One thread for each robot, within the block. Each reports one job after the other.

    Most have an Idempotency-Key and are sent until the answer is known, as a good client does; some have none and are
    sent once; some are wrong. `pause_seconds` after each: so the log stays short enough to be looked through.
    """

    def __init__(
        self,
        robots: Sequence[Robot],
        chance: random.Random,
        *,
        pause_seconds: float = 0.01,
        history: History | None = None,
    ) -> None:
        self.history = history or History()
        self._robots = robots
        self._seeds = [chance.randrange(2**32) for _ in robots]
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(len(robots), thread_name_prefix="writer")
        self._running: list[Future[None]] = []

    def __enter__(self) -> Self:
        for robot, seed in zip(self._robots, self._seeds, strict=True):
            self._running.append(self._pool.submit(self._write, robot, random.Random(seed)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown()
        for future in self._running:
            future.result()

    def wait_for_more(self, jobs: int, *, after: float | None = None, seconds_max: float = 15.0) -> Attempt:
        """Wait until so many more jobs were acknowledged, of those asked for after a time if given; return the last."""
        known = self.history.count(Outcome.OK) if after is None else 0

        def acknowledged() -> list[Attempt]:
            self._check()
            attempts = self.history.since(after or 0.0)
            return [attempt for attempt in attempts if attempt.outcome is Outcome.OK][known:]

        wait_until(lambda: len(acknowledged()) >= jobs, f"{jobs} more jobs are acknowledged", seconds_max=seconds_max)
        return acknowledged()[jobs - 1]

    def _check(self) -> None:
        for future in self._running:
            if future.done():
                future.result()

    def _write(self, robot: Robot, chance: random.Random) -> None:
        while not self._stop.wait(self._pause_seconds):
            operation = str(uuid4())
            kind = chance.randrange(100)
            if kind < _PLAIN_PERCENT:
                self.history.report(robot, operation, idempotent=False)
            elif kind < _PLAIN_PERCENT + _REFUSED_PERCENT:
                self.history.report(robot, operation, flow_id=str(uuid4()))
            else:
                self._report_until_known(robot, operation)

    def _report_until_known(self, robot: Robot, operation: str) -> None:
        while True:
            attempt = self.history.report(robot, operation)
            if attempt.outcome is not Outcome.UNKNOWN and attempt.sent:
                return
            if self._stop.wait(_RETRY_SECONDS):
                return
