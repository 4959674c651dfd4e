"""How long somebody has to wait after failures, from when these were."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.limits import SIGN_IN_FAILURES_FAMILIAR_MAX, SIGN_IN_PAUSE_MAX, SIGN_IN_WINDOW
from domain.sign_in import familiar_wait, stranger_wait
from tests.support.clock import NOON

if TYPE_CHECKING:
    from datetime import datetime

SECOND = timedelta(seconds=1)


def failures(count: int, last: datetime = NOON) -> list[datetime]:
    return [last - number * SECOND for number in range(count)]


@pytest.mark.parametrize("most", [10, 50, 100])
def test_a_stranger_waits_until_the_first_of_too_many_is_past(most: int) -> None:
    assert stranger_wait(most, failures(most - 1), NOON) == timedelta()
    assert stranger_wait(most, failures(most), NOON) == SIGN_IN_WINDOW - (most - 1) * SECOND
    assert stranger_wait(most, failures(most + 1), NOON) == SIGN_IN_WINDOW - (most - 1) * SECOND


def test_who_was_here_before_waits_ever_longer_and_never_longer_than_a_minute() -> None:
    waits = [familiar_wait(failures(SIGN_IN_FAILURES_FAMILIAR_MAX + more), NOON) for more in range(-10, 800)]
    assert waits[:10] == [timedelta()] * 10
    assert waits[10:17] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 32 * SECOND, SIGN_IN_PAUSE_MAX]
    assert set(waits[17:]) == {SIGN_IN_PAUSE_MAX}


def test_waiting_counts_from_the_last_failure() -> None:
    many = failures(SIGN_IN_FAILURES_FAMILIAR_MAX + 3)
    assert familiar_wait(many, NOON + 7 * SECOND) == SECOND
    assert familiar_wait(many, NOON + 8 * SECOND) == timedelta()
    assert familiar_wait(many, NOON + 9 * SECOND) == timedelta()


@pytest.mark.parametrize("ahead", [SECOND, timedelta(days=1), timedelta(days=4_000)])
def test_a_clock_that_was_ahead_makes_nobody_wait_longer(ahead: timedelta) -> None:
    assert stranger_wait(10, failures(10, NOON + ahead + SIGN_IN_WINDOW), NOON) <= SIGN_IN_WINDOW
    assert timedelta() < familiar_wait(failures(100, NOON + ahead), NOON) <= SIGN_IN_PAUSE_MAX
