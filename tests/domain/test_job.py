"""A job as a report tells it: what its answer is made of."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IdempotencyKeyReuseError
from domain.job import Job
from domain.limits import TIME_MAX, TIME_MIN
from domain.report import JobStatus
from tests.support.clock import NOON
from tests.support.examples import ACCOUNT, DIGEST, FLOW, JOB, a_job

TIMES = st.datetimes(TIME_MIN.replace(tzinfo=None), TIME_MAX.replace(tzinfo=None) - timedelta(microseconds=1)).map(
    lambda time: time.replace(tzinfo=NOON.tzinfo)
)


def test_a_reported_job_keeps_all_that_was_reported_in_one_event() -> None:
    job = a_job(
        robot_id="robot-9",
        finished_at="2026-03-10T11:59:00Z",
        target="SAP",
        source="mailbox",
        result_summary="0 of 1",
        error_message="line 1",
        external_id="INV-1",
        tags=["x"],
        data={"a": None},
        details=[{"sequence_no": 1, "status": "FAILED", "error_message": "no size"}],
    )
    (event,) = job.pending_events
    assert isinstance(event, Job.Reported)
    assert (event.originator_id, event.timestamp, event.account_id, event.flow_id) == (JOB, NOON, ACCOUNT, FLOW)
    assert (event.robot_id, event.target, event.source, event.external_id) == ("robot-9", "SAP", "mailbox", "INV-1")
    assert (event.result_summary, event.error_message) == ("0 of 1", "line 1")
    assert (event.tags, event.data) == (["x"], '{"a":null}')
    assert event.details == [{"sequence_no": 1, "status": "failed", "error_message": "no size"}]
    assert (job.account_id, job.flow_id) == (ACCOUNT, FLOW)
    assert (job.status, job.counts.failed, job.received_at) == (JobStatus.FAILED, 1, NOON)
    assert job.duration_seconds == 240.0


def test_a_large_report_is_taken_in_as_its_event_was_staged_and_no_other() -> None:
    (event,) = a_job().pending_events
    assert isinstance(event, Job.Reported)
    with pytest.raises(ValueError, match="staged"):
        Job.report_staged(event)
    staged = event.model_copy(update={"staged": uuid4()})
    job = Job.report_staged(staged)
    assert (job.id, job.pending_events) == (JOB, [staged])


@pytest.mark.parametrize("status", list(JobStatus))
def test_a_status_that_was_given_is_kept_whatever_the_records_say(status: JobStatus) -> None:
    assert a_job(status=status, details=[{"sequence_no": 1, "status": "failed"}]).status == status


def test_without_a_status_it_is_computed_from_the_records() -> None:
    details = [{"sequence_no": 1, "status": "failed"}, {"sequence_no": 2, "status": "success"}]
    assert a_job(details=details).status == JobStatus.PARTIAL_SUCCESS
    assert a_job(error_message="no disk").status == JobStatus.FAILED
    assert a_job().status == JobStatus.SUCCESS


def test_without_an_end_the_job_ended_when_its_report_came_in() -> None:
    job = a_job(started_at="2026-03-10T11:55:00Z")
    assert (job.finished_at, job.duration_seconds) == (NOON, 300.0)


def test_a_robot_whose_clock_is_ahead_has_no_negative_duration() -> None:
    job = a_job(started_at="2026-03-11T12:00:00Z")
    assert (job.finished_at, job.duration_seconds) == (job.started_at, 0.0)


def test_an_end_in_whole_seconds_is_kept_and_makes_no_negative_duration() -> None:
    job = a_job(started_at="2026-03-10T11:55:00.863Z", finished_at="2026-03-10T11:55:00Z")
    assert (job.started_at - job.finished_at, job.duration_seconds) == (timedelta(milliseconds=863), 0.0)


@given(
    started_at=TIMES,
    ran=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
    received_at=TIMES,
    whole_seconds=st.booleans(),
)
def test_no_job_has_a_negative_duration(
    started_at: object, ran: timedelta | None, received_at: object, *, whole_seconds: bool
) -> None:
    assert isinstance(started_at, type(NOON))
    assert isinstance(received_at, type(NOON))
    finished_at = None if ran is None else min(started_at + ran, TIME_MAX - timedelta(microseconds=1))
    if whole_seconds and finished_at is not None:
        finished_at = finished_at.replace(microsecond=0)
    assert a_job(at=received_at, started_at=started_at, finished_at=finished_at).duration_seconds >= 0.0


def test_the_same_request_is_known_by_its_digest() -> None:
    a_job(request_digest=DIGEST).check_same_request(DIGEST)


@pytest.mark.parametrize("digest", ["", DIGEST[:-1], DIGEST.upper(), None])
def test_another_request_with_the_same_key_is_refused(digest: str | None) -> None:
    with pytest.raises(IdempotencyKeyReuseError):
        a_job(request_digest=DIGEST).check_same_request(digest)
