"""The jobs of the demo, as they are drawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from uuid import uuid4

import pytest

from domain.report import Counts, JobStatus, Report, computed_status
from interfaces.cli.demo.jobs import DemoJob, make_jobs
from interfaces.cli.demo.tenant import ADMINS, KEYS, OTHERS, PROCESSES

END = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)
BEGIN = END - timedelta(days=30)
SATURDAY = 5


def drawn(seed: int = 1, per_day: int = 200) -> list[DemoJob]:
    return make_jobs(Random(seed), begin=BEGIN, end=END, per_day=per_day)


@pytest.fixture(scope="module")
def jobs() -> list[DemoJob]:
    return drawn()


def test_the_same_seed_draws_the_same_jobs_and_another_one_others(jobs: list[DemoJob]) -> None:
    assert drawn() == jobs
    assert drawn(seed=2) != jobs


def test_there_are_some_thousand_by_default(jobs: list[DemoJob]) -> None:
    assert 3_000 <= len(jobs) <= 5_000


def test_every_job_is_a_report_that_the_service_takes(jobs: list[DemoJob]) -> None:
    for job in jobs:
        Report.model_validate({"flow_id": str(uuid4()), **job.body})


def test_they_are_received_in_order_after_they_ended_and_before_the_end(jobs: list[DemoJob]) -> None:
    assert all(before.received_at <= after.received_at for before, after in pairwise(jobs))
    for job in jobs:
        started, finished = (datetime.fromisoformat(job.body[name]) for name in ("started_at", "finished_at"))
        assert BEGIN <= started < finished < job.received_at < END


def test_robots_do_one_thing_at_a_time(jobs: list[DemoJob]) -> None:
    spans = defaultdict(list)
    for job in jobs:
        assert job.body["robot_id"] in job.process.robots
        spans[job.body["robot_id"]].append((job.body["started_at"], job.body["finished_at"]))
    for work in spans.values():
        assert all(first[1] <= second[0] for first, second in pairwise(sorted(work)))


def test_only_some_processes_run_at_weekends(jobs: list[DemoJob]) -> None:
    at_weekends = {
        job.process.name for job in jobs if datetime.fromisoformat(job.body["started_at"]).weekday() >= SATURDAY
    }
    assert at_weekends == {process.name for process in PROCESSES if process.weekends}


def test_most_jobs_succeed_and_some_do_not(jobs: list[DemoJob]) -> None:
    statuses = Counter(job.body.get("status") or computed_status(Counts.of(job.body["details"]), None) for job in jobs)
    assert statuses[JobStatus.SUCCESS] > 0.75 * len(jobs)
    assert all(statuses[status] > 0 for status in JobStatus)
    assert {job.body["error_message"] for job in jobs if job.body.get("status") == "failed"}


def test_names_in_the_tables_fit_together() -> None:
    processes = {process.name: process.account for process in PROCESSES}
    assert len(processes) == len(PROCESSES) == 10
    assert abs(sum(process.share for process in PROCESSES) - 1) < 0.001
    assert all(processes[name] for person in OTHERS for name in person.processes)
    assert all(key.process is None or processes[key.process] == key.account for key in KEYS)
    assert all(person.email.endswith("@example.com") for person in (*ADMINS.values(), *OTHERS))
