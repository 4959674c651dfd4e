"""How a time is told: one way, wherever it stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.times import time_text
from tests.support.clock import NOON


@pytest.mark.parametrize("minutes", [-23 * 60 - 59, -60, 0, 345, 23 * 60 + 59])
@pytest.mark.parametrize(
    ("microseconds", "fraction"),
    [(0, "000000"), (1, "000001"), (101_000, "101000"), (500_000, "500000"), (999_999, "999999")],
)
def test_a_time_is_told_in_utc_with_six_digits_whatever_zone_it_has(
    minutes: int, microseconds: int, fraction: str
) -> None:
    time = NOON + timedelta(microseconds=microseconds)
    assert time_text(time.astimezone(timezone(timedelta(minutes=minutes)))) == f"2026-03-10T12:00:00.{fraction}Z"


@pytest.mark.parametrize("year", [1970, 2199])
def test_it_is_as_long_in_every_year(year: int) -> None:
    assert time_text(datetime(year, 1, 2, 3, 4, 5, tzinfo=UTC)) == f"{year}-01-02T03:04:05.000000Z"


def test_no_time_is_none() -> None:
    assert time_text(None) is None
