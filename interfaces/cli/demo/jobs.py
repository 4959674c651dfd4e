"""The jobs of `rpawatch demo`: drawn with a seed, in working hours, on robots that do one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from interfaces.cli.demo.tenant import OUTAGE, PROCESSES, SAP, DemoProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_DAY_WEIGHTS: Final = (1.15, 1.05, 1.0, 1.0, 0.85, 0.12, 0.04)
"""Monday to Sunday; the last two for processes that run at weekends."""
_FRIDAY: Final = 4
_MISHAPS: Final = 0.032
_MISHAPS_IN_OUTAGE: Final = 0.8
_CANCELLED: Final = 0.008
"""Parts of all jobs."""
_FAILED: Final = 0.022
_SKIPPED: Final = 0.013
"""Parts of all records."""
_MONTH_END_DAYS: Final = (1, 2, 29, 30, 31)
_OUTAGE_MESSAGE = "SAP is not available: connection refused by sap-app-02.example.com:3200"
_NAMES: Final = {
    "supplier": (
        "Müller & Söhne GmbH",
        "Nordic Paper AB",
        "Ferrero Logistica",
        "Bright Office Ltd",
        "Kowalski Sp. z o.o.",
    ),
    "customer": ("A. Hoffmann", "B. Novák", "C. O'Brien", "D. Šimić", "E. Martínez", "F. van Dijk"),
    "employee": ("G. Keller", "H. Nguyen", "I. Petrova", "J. Andersen", "K. Rossi", "L. Achterberg"),
}


@dataclass(frozen=True, slots=True)
class DemoJob:
    """A job as its robot will report it. body: without the flow id. number: from 1, in the order of beginning."""

    process: DemoProcess
    number: int
    received_at: datetime
    body: dict[str, Any]


def make_jobs(random: Random, *, begin: datetime, end: datetime, per_day: int) -> list[DemoJob]:
    """Return the jobs that are received before `end`, in that order. per_day: on an ordinary weekday."""
    free_at: dict[str, datetime] = {}
    jobs = []
    for number, (planned, process) in enumerate(sorted(_starts(random, begin, end, per_day), key=lambda s: s[0]), 1):
        robot = min(process.robots, key=lambda name: free_at.get(name, begin))
        started = max(planned, free_at.get(robot, begin) + timedelta(seconds=random.uniform(2, 9)))
        body, finished = _body(random, process, number, started, begin, end)
        free_at[robot] = finished
        received = finished + timedelta(milliseconds=random.randrange(80, 1900))
        if received < end:
            jobs.append(DemoJob(process, number, received, {"robot_id": robot, **body}))
    return sorted(jobs, key=lambda job: job.received_at)


def _starts(random: Random, begin: datetime, end: datetime, per_day: int) -> Iterator[tuple[datetime, DemoProcess]]:
    for day in range((end.date() - begin.date()).days + 1):
        date = begin.date() + timedelta(days=day)
        weight = _DAY_WEIGHTS[date.weekday()] * (1.3 if date.day in _MONTH_END_DAYS else 1.0)
        midnight = datetime.combine(date, time(), UTC)
        for process in PROCESSES:
            if date.weekday() > _FRIDAY and not process.weekends:
                continue
            many = int(per_day * process.share * weight * random.uniform(0.85, 1.15) + random.random())
            for _ in range(many):
                start = midnight + timedelta(hours=random.uniform(*process.hours))
                if begin <= start < end:
                    yield start, process


def _body(  # noqa: PLR0913, PLR0917 - what a job depends on
    random: Random, process: DemoProcess, number: int, started: datetime, begin: datetime, end: datetime
) -> tuple[dict[str, Any], datetime]:
    wanted = 1 + min(process.records * 2, int(random.expovariate(2.2 / process.records)))
    mishap = _mishap(random, process, started, begin, end)
    cancelled = mishap is None and random.random() < _CANCELLED
    done = random.randrange(wanted) if mishap or cancelled else wanted
    details = [_detail(random, process, number, place) for place in range(done)]
    seconds = random.uniform(14, 50) + done * process.seconds * random.uniform(0.7, 1.4) + (60 if mishap else 0)
    finished = started + timedelta(seconds=round(seconds, 3))
    good = sum(detail["status"] == "success" for detail in details)
    body: dict[str, Any] = {
        "started_at": started.isoformat(timespec="milliseconds"),
        "finished_at": finished.isoformat(timespec="milliseconds"),
        "source": process.source,
        "target": process.target,
        "external_id": f"RUN-{started:%Y}-{number:06}",
        "result_summary": f"{good} of {wanted} {process.does}",
        "tags": [*process.tags, *(["month-end"] if started.day in _MONTH_END_DAYS else [])],
        "data": {"bot_version": "4.2.1" if started < begin + (end - begin) / 2 else "4.3.0", "in_queue": wanted},
        "details": details,
    }
    if mishap:
        body |= {"status": "failed", "error_message": mishap}
    elif cancelled:
        body |= {"status": "cancelled", "result_summary": f"Stopped by the operator after {done} of {wanted}"}
    return body, finished


def _mishap(random: Random, process: DemoProcess, started: datetime, begin: datetime, end: datetime) -> str | None:
    at, days = OUTAGE
    # On a weekday, in the middle of the morning.
    outage = (begin + (end - begin) * at).replace(hour=9, minute=12)
    outage -= timedelta(days=max(0, outage.weekday() - _FRIDAY))
    if SAP in {process.source, process.target} and outage <= started < outage + timedelta(days=days):
        return _OUTAGE_MESSAGE if random.random() < _MISHAPS_IN_OUTAGE else None
    return random.choice(process.mishaps) if random.random() < _MISHAPS else None


def _detail(random: Random, process: DemoProcess, number: int, place: int) -> dict[str, Any]:
    chance = random.random()
    detail: dict[str, Any] = {
        "sequence_no": place,
        "status": "failed" if chance < _FAILED else "skipped" if chance < _FAILED + _SKIPPED else "success",
        "record_id": f"{process.prefix}-{number:05}-{place:02}",
        "record_name": random.choice(_NAMES[process.named_after]),
    }
    if detail["status"] == "success":
        detail["result"] = process.result.format(random.randrange(10_000, 99_999))
    else:
        detail["error_message"] = random.choice(process.snags)
    return detail
