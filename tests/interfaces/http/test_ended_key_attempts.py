"""What is counted of keys that have ended: bounded in memory and in the log, and nothing is lost at an orderly end."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from application.store.errors import StoreUnavailableError
from domain.limits import REFUSALS_NOTED_EVERY
from interfaces.http import ended_key_attempts
from interfaces.http.ended_key_attempts import EndedKeyAttempts
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.keys import CountRefusals


class FakeQueue:
    """Remembers the commands that it is given, or is shut."""

    def __init__(self) -> None:
        self.commands: list[CountRefusals] = []
        self.is_shut = False

    def submit(self, command: CountRefusals, settled: Callable[[], object]) -> None:
        if self.is_shut:
            raise StoreUnavailableError("away")
        self.commands.append(command)
        settled()

    def execute(self, command: CountRefusals) -> None:
        self.submit(command, lambda: None)

    def written(self) -> Counter[UUID]:
        counts: Counter[UUID] = Counter()
        for command in self.commands:
            counts[command.key_id] += command.attempts
        return counts


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def keys(queue: Any, clock: FakeClock) -> EndedKeyAttempts:
    return EndedKeyAttempts(queue, clock)


def test_the_first_attempt_is_written_down_at_once_and_the_others_together_an_hour_later(
    keys: EndedKeyAttempts, queue: FakeQueue, clock: FakeClock
) -> None:
    key = uuid4()
    for _ in range(100):
        keys.record(key, "192.0.2.7")
    assert [command.attempts for command in queue.commands] == [1]
    clock.advance(REFUSALS_NOTED_EVERY - timedelta(microseconds=1))
    keys.record(key, "192.0.2.8")
    assert len(queue.commands) == 1
    clock.advance(timedelta(microseconds=1))
    keys.record(key, "192.0.2.9")
    last = queue.commands[-1]
    assert (last.attempts, last.last_attempt_at, last.address) == (101, clock.now, "192.0.2.9")


def test_after_the_clock_was_set_back_attempts_are_written_down_as_before(
    keys: EndedKeyAttempts, queue: FakeQueue, clock: FakeClock
) -> None:
    key = uuid4()
    clock.advance(timedelta(days=1))
    keys.record(key, "192.0.2.7")
    clock.advance(timedelta(days=-1))
    for _ in range(10):
        keys.record(key, "192.0.2.7")
    assert [command.attempts for command in queue.commands] == [1, 1]


def test_each_key_is_counted_by_itself(keys: EndedKeyAttempts, queue: FakeQueue) -> None:
    one, other = uuid4(), uuid4()
    for key in (one, other, other):
        keys.record(key, "192.0.2.7")
    keys.close()
    assert queue.written() == {one: 1, other: 2}


def test_what_was_not_written_yet_is_at_the_end_once(keys: EndedKeyAttempts, queue: FakeQueue) -> None:
    key = uuid4()
    for _ in range(5):
        keys.record(key, "192.0.2.7")
    keys.close()
    keys.close()
    assert [command.attempts for command in queue.commands] == [1, 4]


def test_when_too_many_keys_are_counted_the_one_that_is_silent_longest_is_written_down_and_forgotten(
    keys: EndedKeyAttempts, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_key_attempts, "_REMEMBERED_MAX", 3)
    some = [uuid4() for _ in range(10)]
    for key in some:
        keys.record(key, "192.0.2.7")
        keys.record(key, "192.0.2.7")
    assert queue.written() == {key: 2 if number < 7 else 1 for number, key in enumerate(some)}
    keys.close()
    assert queue.written() == dict.fromkeys(some, 2)


def test_while_the_store_is_away_nobody_waits_and_what_was_counted_is_written_down_afterwards(
    keys: EndedKeyAttempts, queue: FakeQueue
) -> None:
    key = uuid4()
    queue.is_shut = True
    for _ in range(3):
        keys.record(key, "192.0.2.7")
    assert queue.commands == []
    queue.is_shut = False
    keys.record(key, "192.0.2.7")
    assert queue.written() == {key: 4}
    queue.is_shut = True
    keys.record(key, "192.0.2.7")
    keys.close()
    assert queue.written() == {key: 4}


def test_the_end_does_not_wait_long_for_what_is_left(
    keys: EndedKeyAttempts, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in (uuid4(), uuid4()):
        keys.record(key, "192.0.2.7")
        keys.record(key, "192.0.2.7")
    monkeypatch.setattr(ended_key_attempts, "CLOSE_SECONDS_MAX", 0.0)
    keys.close()
    assert len(queue.commands) == 2
