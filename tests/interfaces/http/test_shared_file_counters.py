"""Refused keys by address, counted by several processes together; each has an object of its own on the one file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.errors import InvalidApiKeyError
from domain.limits import BAD_KEYS_PER_MINUTE_MAX
from interfaces.http.problems import ProblemError
from interfaces.http.refused_key_throttle import InProcessCounters, RefusedKeyThrottle
from interfaces.http.shared_file_counters import SharedFileCounters

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock

ADDRESS = "192.0.2.66"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file, made."""
    SharedFileCounters(tmp_path / "bad-keys").make()
    return tmp_path / "bad-keys"


def counting(path: Path, clock: FakeClock) -> RefusedKeyThrottle:
    """What one process counts with."""
    return RefusedKeyThrottle(clock, SharedFileCounters(path))


def is_told_to_wait(refusal: Exception) -> bool:
    assert isinstance(refusal, InvalidApiKeyError | ProblemError)
    return isinstance(refusal, ProblemError)


def test_thirty_a_minute_of_an_address_are_counted_whoever_refuses_them(path: Path, clock: FakeClock) -> None:
    processes = [counting(path, clock) for _ in range(3)]
    for number in range(BAD_KEYS_PER_MINUTE_MAX):
        assert not is_told_to_wait(processes[number % 3].refuse(ADDRESS))
        clock.advance(timedelta(seconds=1))
    for process in processes:
        refusal = process.refuse(ADDRESS)
        assert isinstance(refusal, ProblemError)
        assert (refusal.slug, refusal.headers["Retry-After"]) == ("rate-limited", "30")
        assert not is_told_to_wait(process.refuse("192.0.2.67"))
    clock.advance(timedelta(seconds=30))
    # The first one has become a minute old, and makes room for one.
    assert [is_told_to_wait(process.refuse(ADDRESS)) for process in processes] == [False, True, True]


def test_refusals_at_the_same_time_are_all_counted(path: Path, clock: FakeClock) -> None:
    processes = [counting(path, clock) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda number: is_told_to_wait(processes[number % 8].refuse(ADDRESS)), range(400)))
    assert told.count(False) == BAD_KEYS_PER_MINUTE_MAX


def test_of_more_addresses_than_there_is_room_for_the_first_are_forgotten_and_the_file_does_not_grow(
    path: Path, clock: FakeClock
) -> None:
    process, size = counting(path, clock), path.stat().st_size
    for number in range(20_000):
        clock.advance(timedelta(milliseconds=1))
        process.refuse(f"2001:db8:0:{number:x}::1")
    assert path.stat().st_size == size
    for number, known in ((19_999, 1), (0, 0)):
        with SharedFileCounters(path).of(f"2001:db8:0:{number:x}::/64") as times:
            assert len(times) == known


def test_an_address_that_comes_again_and_again_is_remembered_among_many_others(path: Path, clock: FakeClock) -> None:
    process = counting(path, clock)
    for number in range(3_000):
        clock.advance(timedelta(milliseconds=1))
        process.refuse(f"2001:db8:0:{number:x}::1")
        if number % 100 == 0:
            process.refuse(ADDRESS)
    assert is_told_to_wait(process.refuse(ADDRESS))


@pytest.mark.parametrize("shared", [True, False], ids=["over all processes", "alone"])
def test_all_addresses_of_one_subscriber_are_counted_as_one(path: Path, clock: FakeClock, shared: bool) -> None:
    process = counting(path, clock) if shared else RefusedKeyThrottle(clock, InProcessCounters())
    addresses = [f"2001:db8:1:2:{number:x}::{number:x}" for number in range(BAD_KEYS_PER_MINUTE_MAX)]
    assert not any(is_told_to_wait(process.refuse(address)) for address in addresses)
    assert is_told_to_wait(process.refuse("2001:db8:1:2:ffff::1"))
    assert not is_told_to_wait(process.refuse("2001:db8:1:3::1"))
    told = [is_told_to_wait(process.refuse(f"::ffff:{ADDRESS}")) for _ in range(BAD_KEYS_PER_MINUTE_MAX)]
    assert not any(told)
    assert is_told_to_wait(process.refuse(ADDRESS)), "the same address, however it is written"
