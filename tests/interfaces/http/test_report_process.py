"""The process that takes large reports apart: what comes out, and what becomes of it when something goes wrong."""

from __future__ import annotations

import gzip
import json
import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import psutil
import pytest

from application.store.errors import StoreUnavailableError
from application.store.mapper import EventMapper
from domain.job import Job
from domain.model import Cause
from domain.report import Report
from interfaces.http import json_body
from interfaces.http.problems import ProblemError
from interfaces.http.report_process import Question, ReportProcess, TakenApart
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES_MAX = 10 * 1024 * 1024
FIELDS: dict[str, Any] = {
    "flow_id": "4de713a3-1a07-4282-8885-dfbaa7869a31",
    "robot_id": "robot 7",
    "started_at": "2026-03-10T21:43:51.863+01:00",
    "tags": ["month-end"],
    "data": {"queue": "invoices", "numbers": [1, 2.5, None]},
}


def body_of(details: int, **fields: Any) -> bytes:
    rows = [
        {"sequence_no": number, "status": "failed" if number % 3 else "SUCCESS", "result": f"booked, über {number}"}
        for number in range(details)
    ]
    return json.dumps(FIELDS | {"details": rows} | fields).encode()


def question(**fields: Any) -> Question:
    given: dict[str, Any] = {
        "encoding": None,
        "bytes_max": BYTES_MAX,
        "job_id": uuid4(),
        "account_id": uuid4(),
        "at": datetime(2026, 3, 10, 21, 50, 1, 123_456, tzinfo=UTC),
        "actor": str(uuid4()),
        "request_id": "request-1",
        "command_id": uuid4(),
        "keeps_digest": False,
    }
    return Question(**given | fields)


@pytest.fixture(scope="module")
def process() -> Iterator[ReportProcess]:
    process = ReportProcess()
    yield process
    process.close()


def taken_apart(process: ReportProcess, asked: Question, body: bytes | BinaryIO) -> tuple[TakenApart, bytes]:
    with process.take_apart(asked, body) as apart:
        state = b"".join(apart.state)
        assert len(state) == apart.state_bytes
        return apart, state


def pids() -> set[int]:
    return {
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "interfaces.http.report_process" in child.cmdline()
    }


@pytest.mark.parametrize("how", ["bytes", "file", "gzip", "gzip in a file"])
@pytest.mark.parametrize("keeps_digest", [False, True])
def test_the_event_has_the_bytes_that_it_would_have_had_in_the_web_process(
    process: ReportProcess, how: str, *, keeps_digest: bool
) -> None:
    plain = body_of(3_000)
    sent = gzip.compress(plain) if "gzip" in how else plain
    asked = question(encoding="gzip" if "gzip" in how else None, keeps_digest=keeps_digest)
    if "file" in how:
        with tempfile.TemporaryFile() as file:
            file.write(sent)
            file.flush()
            apart, state = taken_apart(process, asked, file)
    else:
        apart, state = taken_apart(process, asked, sent)
    job = Job.report(
        Cause(asked.at, asked.actor, asked.request_id, asked.command_id),
        job_id=asked.job_id,
        account_id=asked.account_id,
        report=json_body.parse(plain, Report, slug="invalid-report"),
        request_digest=apart.event.request_digest,
    )
    [expected] = job.pending_events
    assert state == EventMapper().to_stored_event(expected).state
    assert (apart.event.request_digest is not None) == keeps_digest
    assert isinstance(expected, Job.Reported)
    assert apart.event == expected.model_copy(update={"details": None, "data": None})


@pytest.mark.parametrize(
    "body",
    [
        body_of(3_000)[:-1],
        body_of(3_000, robot_id=7, surprise=True),
        body_of(50_001),
        body_of(2_000).replace(b'"sequence_no": 17,', b'"sequence_no": 16,'),
        body_of(2_000, error_message="\ud800"),
        b"[" * 300_000,
        b"\xff" * 300_000,
    ],
    ids=["cut off", "wrong fields", "too many details", "repeated number", "surrogate", "deep", "not UTF-8"],
)
def test_a_report_is_refused_as_it_would_be_in_the_web_process(process: ReportProcess, body: bytes) -> None:
    with pytest.raises(ProblemError) as expected:
        json_body.parse(body, Report, slug="invalid-report")
    with pytest.raises(ProblemError) as found, process.take_apart(question(), body):
        pass
    assert found.value.slug == expected.value.slug
    assert found.value.detail == expected.value.detail
    assert list(found.value.errors) == list(expected.value.errors)


def test_what_inflates_to_more_than_is_taken_is_refused(process: ReportProcess) -> None:
    with (
        pytest.raises(ProblemError) as found,
        process.take_apart(question(encoding="gzip"), gzip.compress(b" " * (BYTES_MAX + 1))),
    ):
        pass
    assert found.value.slug == "too-large"


def test_an_answer_that_was_not_taken_is_not_mistaken_for_the_next_one(process: ReportProcess) -> None:
    with suppress(ZeroDivisionError), process.take_apart(question(), body_of(3_000)) as apart:
        next(apart.state)
        raise ZeroDivisionError
    asked = question(request_id="the next one")
    apart, state = taken_apart(process, asked, body_of(10))
    assert apart.event.request_id == "the next one"
    assert json.loads(state)["request_id"] == "the next one"


def test_when_the_process_was_killed_the_next_question_is_answered_by_another(process: ReportProcess) -> None:
    taken_apart(process, question(), body_of(1))
    [pid] = pids()
    psutil.Process(pid).kill()
    wait_until(lambda: not pids(), "it is gone")
    taken_apart(process, question(), body_of(1))
    assert pids() - {pid}


def test_when_the_process_dies_over_a_report_the_store_counts_as_away(process: ReportProcess) -> None:
    with pytest.raises(StoreUnavailableError), process.take_apart(question(), body_of(40_000)) as apart:  # noqa: PT012 - it dies in between
        [pid] = pids()
        psutil.Process(pid).kill()
        b"".join(apart.state)
    taken_apart(process, question(), body_of(1))


def test_who_waits_for_an_answer_when_the_service_ends_does_not_keep_it_from_ending() -> None:
    before = pids()
    other = ReportProcess()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(taken_apart, other, question(), body_of(50_000))
        wait_until(lambda: pids() - before, "it is asked")
        [asked] = pids() - before
        os.kill(asked, signal.SIGSTOP)  # else it may have answered by now, on a machine with much to do
        other.close()
        assert isinstance(waiting.exception(), StoreUnavailableError)
    with pytest.raises(StoreUnavailableError), other.take_apart(question(), body_of(1)):
        pass
    assert pids() == before


def test_the_process_ends_with_its_web_process_and_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", "postgresql:///?password=secret")
    before = pids()
    other = ReportProcess()
    taken_apart(other, question(), body_of(1))
    [pid] = pids() - before
    started = psutil.Process(pid)
    assert not [name for name in started.environ() if name.startswith("RPAWATCH_")]
    assert started.nice() > psutil.Process(os.getpid()).nice()
    connection = other._connection  # noqa: SLF001 - as if this process had been killed
    assert connection is not None
    connection.close()
    wait_until(lambda: pid not in pids(), "it ended by itself")
    other.close()
