"""A small memory of the edge: keys that have ended and are still presented, so that a forgotten bot can be found.

A refusal must be cheap and must not make the log grow with every attempt, so attempts are counted here, and written
down with the key at the first one and then at most once in an hour.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from application.keys import CountRefusals
from application.store.errors import StoreUnavailableError
from domain.limits import REFUSALS_NOTED_EVERY

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from application.command_queue import CommandQueue
    from domain.clock import Clock

CLOSE_SECONDS_MAX: Final = 1.0
"""The end of a process must not wait longer for what is only a count."""
_REMEMBERED_MAX: Final = 10_000
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Attempts:
    """Since they were last written down. next_at: from when on they may be again."""

    count: int
    last_at: datetime
    address: str
    next_at: datetime


class EndedKeyAttempts:
    """Counts refusals of keys that have ended, by key. Any thread may call it."""

    def __init__(self, command_queue: CommandQueue, clock: Clock) -> None:
        self._command_queue = command_queue
        self._clock = clock
        self._lock = threading.Lock()
        self._attempts: OrderedDict[UUID, _Attempts] = OrderedDict()

    def record(self, key_id: UUID, address: str) -> None:
        """Count a refusal, and have what was counted written down when it is time. Does not wait for that."""
        now = self._clock()
        due: list[CountRefusals] = []
        with self._lock:
            attempts = self._attempts.get(key_id)
            if attempts is None:
                attempts = self._attempts[key_id] = _Attempts(0, now, address, now)
                if len(self._attempts) > _REMEMBERED_MAX:
                    due += _written(*self._attempts.popitem(last=False))
            self._attempts.move_to_end(key_id)
            attempts.count += 1
            attempts.last_at, attempts.address = now, address
            # Further away than ever after a clock was set back.
            if now >= attempts.next_at or attempts.next_at - now > REFUSALS_NOTED_EVERY:
                due += _written(key_id, attempts)
                attempts.count, attempts.next_at = 0, now + REFUSALS_NOTED_EVERY
        for command in due:
            try:
                self._command_queue.submit(command, _forget)
            except StoreUnavailableError:
                self._take_back(command)

    def _take_back(self, command: CountRefusals) -> None:
        """Count again what could not be written down, to be tried at the next attempt."""
        with self._lock:
            attempts = self._attempts.get(command.key_id)
            if attempts is not None:
                attempts.count += command.attempts
                attempts.next_at = command.last_attempt_at

    def close(self) -> None:
        """Write down what is left, as far as the store can be reached and CLOSE_SECONDS_MAX allow."""
        with self._lock:
            due = [command for item in self._attempts.items() for command in _written(*item)]
            self._attempts.clear()
        until = time.monotonic() + CLOSE_SECONDS_MAX
        while due and time.monotonic() < until:
            try:
                self._command_queue.execute(due[-1])
            except StoreUnavailableError:
                break
            due.pop()
        if due:
            _log.warning("refusals_not_written_down", keys=len(due))


def _written(key_id: UUID, attempts: _Attempts) -> list[CountRefusals]:
    if not attempts.count:
        return []
    return [
        CountRefusals(
            key_id=key_id, attempts=attempts.count, last_attempt_at=attempts.last_at, address=attempts.address
        )
    ]


def _forget() -> None:
    """Stand for what is to be done when it is written: nothing."""
