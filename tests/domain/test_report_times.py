"""Times on the wire: RFC 3339 with a zone, within a range that every reader can keep, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from domain.limits import TIME_MAX, TIME_MIN
from domain.report import Report
from tests.support.examples import MICROSECOND, a_report, report_body

AT_NINE = datetime(2026, 3, 10, 9, 30, 15, tzinfo=UTC)


def kind_of_refusal(**fields: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Report.model_validate_json(json.dumps(report_body(**fields)), strict=True)
    (error,) = refused.value.errors()
    return str(error["type"])


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-10T09:30:15Z", AT_NINE),
        ("2026-03-10T09:30:15z", AT_NINE),
        ("2026-03-10t09:30:15Z", AT_NINE),
        ("2026-03-10 09:30:15Z", AT_NINE),
        ("2026-03-10T09:30:15+00:00", AT_NINE),
        ("2026-03-10T09:30:15-00:00", AT_NINE),
        ("2026-03-10T10:30:15+01:00", AT_NINE),
        ("2026-03-10T15:15:15+05:45", AT_NINE),
        ("2026-03-10T09:30:15+0000", AT_NINE),  # `%z` of C and Python
        ("2026-03-10T15:15:15+0545", AT_NINE),
        ("2026-03-10T04:30:15-0500", AT_NINE),
        ("2026-03-09T09:31:15-23:59", AT_NINE),
        ("2026-03-11T09:29:15+23:59", AT_NINE),
        ("2026-03-10T09:30:15.1Z", AT_NINE + timedelta(milliseconds=100)),
        ("2026-03-10T09:30:15.123Z", AT_NINE + timedelta(milliseconds=123)),
        ("2026-03-10T09:30:15.000001Z", AT_NINE + MICROSECOND),
        ("2026-03-10T09:30:15.1234567Z", AT_NINE + timedelta(microseconds=123456)),  # .NET
        ("2026-03-10T09:30:15.123456789Z", AT_NINE + timedelta(microseconds=123456)),  # Go, Java
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", TIME_MIN),
        ("2199-12-31T23:59:59.999999Z", TIME_MAX - MICROSECOND),
    ],
)
def test_a_time_in_the_form_of_rfc_3339_is_taken(text: str, time: datetime) -> None:
    assert a_report(started_at=text).started_at == time


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "1773178431",
        "1773178431.5",
        "2026-03-10",
        "2026-03-10T09:30Z",
        "2026-03-10T09:30:15.Z",
        "2026-03-10T09:30:15,5Z",
        "2026-03-10T09:30:15.1234567890Z",
        "2026-03-10T09:30:15+01",
        "2026-03-10T09:30:15+010",
        "2026-03-10T09:30:15+01000",
        "2026-03-10T09:30:15+2400",
        "2026-03-10T09:30:15+0560",
        "2026-03-10T09:30:15 Z",
        "2026-03-10T09:30:15Z ",
        "2026-03-10T09:30:15Z\n",
        " 2026-03-10T09:30:15Z",
        "20260310T093015Z",
        "2026-W11-2T09:30:15Z",
        "2026-069T09:30:15Z",
        "26-03-10T09:30:15Z",
        "+2026-03-10T09:30:15Z",
        "2026-3-10T9:30:15Z",
        "2026-02-30T09:30:15Z",
        "2025-02-29T09:30:15Z",
        "2026-00-10T09:30:15Z",
        "2026-13-10T09:30:15Z",
        "0000-01-01T00:00:00Z",
        "2026-03-10T24:00:00Z",
        "2026-03-10T25:00:00Z",
        "2026-03-10T09:60:00Z",
        "2026-03-10T23:59:60Z",  # a leap second: no machine that runs a robot tells one
        "2026-03-10T09:30:15+24:00",
        "2026-03-10T09:30:15-99:00",
        "2026-03-10T09:30:15+05:60",
        "2026-03-10T09:30:15+00:99",
        "２０２６-03-10T09:30:15Z",
        "2026-03-10T09:30:15Z[Europe/Berlin]",
        "Tue, 10 Mar 2026 09:30:15 GMT",
        1773178431,
        1773178431.5,
        True,
        None,
        {},
        [],
    ],
    ids=repr,
)
def test_what_has_another_form_is_refused(value: object) -> None:
    assert kind_of_refusal(started_at=value) == "not_rfc_3339"


def test_a_time_without_a_zone_is_refused() -> None:
    assert kind_of_refusal(started_at="2026-03-10T09:30:15") == "timezone_aware"


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00+00:01",
        "2200-01-01T00:00:00Z",
        "2199-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_a_time_that_no_job_ran_at_is_refused(text: str) -> None:
    assert kind_of_refusal(started_at=text) == "time_out_of_range"


def test_a_time_of_any_zone_keeps_its_instant_and_is_in_utc_from_then_on() -> None:
    for minutes in range(-23 * 60 - 59, 24 * 60):
        text = AT_NINE.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
        report = a_report(started_at=text, finished_at=text)
        for time in (report.started_at, report.finished_at):
            assert time is not None
            assert (time, time.utcoffset()) == (AT_NINE, timedelta(0))


def test_a_job_may_end_at_the_instant_of_its_start_and_not_a_microsecond_before() -> None:
    start = "2026-03-10T09:30:15.000002Z"
    assert a_report(started_at=start, finished_at=start).finished_at is not None
    before = {"started_at": start, "finished_at": "2026-03-10T09:30:15.000001Z"}
    assert kind_of_refusal(**before) == "finished_before_started"


@pytest.mark.parametrize("fraction", [".000001", ".5", ".863", ".999999"])
@pytest.mark.parametrize("end", ["2026-03-10T09:30:15Z", "2026-03-10T09:30:15.000Z", "2026-03-10T10:30:15+01:00"])
def test_an_end_in_whole_seconds_is_not_before_a_start_of_its_second(fraction: str, end: str) -> None:
    report = a_report(started_at=f"2026-03-10T09:30:15{fraction}Z", finished_at=end)
    assert report.finished_at == AT_NINE, "it is kept as it was told"
    next_second = {"started_at": "2026-03-10T09:30:16Z", "finished_at": end}
    assert kind_of_refusal(**next_second) == "finished_before_started"


def test_the_order_of_start_and_end_is_that_of_the_instants_not_of_the_clocks_on_the_wall() -> None:
    a_report(started_at="2026-03-10T11:00:00+02:00", finished_at="2026-03-10T09:30:00Z")
    fields = {"started_at": "2026-03-10T09:30:00Z", "finished_at": "2026-03-10T11:00:00+02:00"}
    assert kind_of_refusal(**fields) == "finished_before_started"


def test_a_bad_start_is_told_once_also_when_there_is_an_end() -> None:
    assert kind_of_refusal(started_at="noon", finished_at="2026-03-10T09:30:00Z") == "not_rfc_3339"
