"""Jobs and their details, as the API answers with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import orjson
from pydantic import Field
from typing_extensions import TypedDict

from domain.limits import SEQUENCE_NO_MAX
from domain.report import DetailStatus, JobStatus
from domain.times import time_text
from interfaces.http.answers.fields import (
    ACCOUNT_ID,
    FLOW_ID,
    JOB_ID,
    KEY_ID,
    AccountId,
    Answer,
    Cursor,
    Id,
    Instant,
    named,
)

if TYPE_CHECKING:
    from domain.job import Job as JobAggregate
    from domain.report import Detail
    from projections.jobs.listing import JobHead, JobRow

Duration = Annotated[float, Field(ge=0, description="From started_at to finished_at.")]


class Counts(TypedDict):
    """How many records, by status."""

    total: Annotated[int, Field(description="All of them.")]
    success: Annotated[int, Field(description="Those that succeeded.")]
    failed: Annotated[int, Field(description="Those that failed.")]
    skipped: Annotated[int, Field(description="Those that were skipped.")]


class JobReceipt(TypedDict):
    """A job that is on disk. Whatever was answered with 201 survives any crash."""

    job_id: UUID
    account_id: Annotated[UUID, Field(description="The account.")]
    flow_id: UUID
    status: Annotated[JobStatus, Field(description="As it was sent, or computed from the details.")]
    counts: Counts
    duration_seconds: Duration
    received_at: Instant


class Job(TypedDict):
    """One execution of a process, as a robot reported it."""

    id: Id
    account_id: AccountId
    flow_id: Annotated[Id, Field(description="The process.")]
    key_id: Annotated[Id, Field(description="The key that it was reported with.")]
    robot_id: str
    status: Annotated[str, named(JobStatus.__name__)]
    started_at: Instant
    finished_at: Instant
    received_at: Instant
    duration_seconds: Duration
    counts: Counts
    target: str | None
    source: str | None
    external_id: Annotated[str | None, Field(description="The job's id in the RPA tool.")]
    result_summary: str | None
    error_message: str | None
    tags: list[str]


class JobPage(TypedDict):
    """A page of jobs, by the time of receipt."""

    items: list[Job]
    next_cursor: Cursor


class WholeJob(Job):
    """A job with the reporter's own fields. Its details have an address of their own."""

    data: Annotated[dict[str, Any] | None, named("ReportData", "As it was sent.")]


class JobDetail(TypedDict):
    """One record that the job worked on."""

    sequence_no: Annotated[int, Field(ge=0, le=SEQUENCE_NO_MAX)]
    status: Annotated[str, named(DetailStatus.__name__)]
    record_id: str | None
    record_name: str | None
    result: str | None
    error_message: str | None


class JobDetailPage(TypedDict):
    """A page of details, by sequence_no."""

    items: list[JobDetail]
    next_cursor: Cursor


def job_receipt(job: JobAggregate) -> JobReceipt:
    """Return what a bot is told of a job that it reported; orjson writes its ids and its status as text."""
    return {
        "job_id": job.id,
        "account_id": job.account_id,
        "flow_id": job.flow_id,
        "status": job.status,
        "counts": vars(job.counts),  # type: ignore[typeddict-item] # the same fields
        "duration_seconds": job.duration_seconds,
        "received_at": time_text(job.received_at),
    }


def job_head(row: JobHead) -> Job:
    """Return a job as lists have it."""
    return {
        "id": str(row.job_id),
        "account_id": str(row.account_id),
        "flow_id": str(row.flow_id),
        "key_id": str(row.key_id),
        "robot_id": row.robot_id,
        "status": row.status,
        "started_at": time_text(row.started_at),
        "finished_at": time_text(row.finished_at),
        "received_at": time_text(row.received_at),
        "duration_seconds": row.duration_seconds,
        "counts": {"total": row.total, "success": row.success, "failed": row.failed, "skipped": row.skipped},
        "target": row.target,
        "source": row.source,
        "external_id": row.external_id,
        "result_summary": row.result_summary,
        "error_message": row.error_message,
        "tags": row.tags or [],
    }


def whole_job(row: JobRow) -> WholeJob:
    """Return a job whole, but for its details."""
    # As it is kept: numbers that were read would lose digits.
    data: Any = None if row.data is None else orjson.Fragment(row.data)
    return {**job_head(row), "data": data}


def job_detail(detail: Detail) -> JobDetail:
    """Return a detail with all its fields, null where the report had none."""
    return {
        "sequence_no": detail["sequence_no"],
        "status": detail["status"],
        "record_id": detail.get("record_id"),
        "record_name": detail.get("record_name"),
        "result": detail.get("result"),
        "error_message": detail.get("error_message"),
    }


JOB_RECEIPT = Answer[JobReceipt](
    JobReceipt,
    {
        "job_id": UUID(JOB_ID),
        "account_id": UUID(ACCOUNT_ID),
        "flow_id": UUID(FLOW_ID),
        "status": JobStatus.PARTIAL_SUCCESS,
        "counts": {"total": 3, "success": 1, "failed": 2, "skipped": 0},
        "duration_seconds": 300.0,
        "received_at": "2026-03-10T21:48:52.101000Z",
    },
)
_JOB: Job = {
    "id": JOB_ID,
    "account_id": ACCOUNT_ID,
    "flow_id": FLOW_ID,
    "key_id": KEY_ID,
    "robot_id": "robot-7",
    "status": "partial_success",
    "started_at": "2026-03-10T21:43:51.000000Z",
    "finished_at": "2026-03-10T21:48:51.000000Z",
    "received_at": "2026-03-10T21:48:52.101000Z",
    "duration_seconds": 300.0,
    "counts": {"total": 3, "success": 1, "failed": 2, "skipped": 0},
    "target": "SAP",
    "source": None,
    "external_id": "UIP-2026-000417",
    "result_summary": "1 of 3 invoices was booked",
    "error_message": None,
    "tags": ["month-end"],
}
JOB_PAGE = Answer[JobPage](JobPage, {"items": [_JOB], "next_cursor": None})
WHOLE_JOB = Answer[WholeJob](WholeJob, {**_JOB, "data": {"queue": "invoices-in"}})
JOB_DETAIL_PAGE = Answer[JobDetailPage](
    JobDetailPage,
    {
        "items": [
            {
                "sequence_no": 2,
                "status": "failed",
                "record_id": "INV-1002",
                "record_name": None,
                "result": None,
                "error_message": "no such supplier",
            }
        ],
        "next_cursor": None,
    },
)
