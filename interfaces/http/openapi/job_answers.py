"""What the API answers with of jobs, for its document. `interfaces/jobs.py` makes these."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from domain.limits import SEQUENCE_NO_MAX
from domain.report import Counts, DetailStatus, JobStatus
from interfaces.http.openapi.named import named
from interfaces.http.openapi.responses import AccountId, Answer, Cursor, Instant


class Job(Answer):
    """One execution of a process, as a robot reported it."""

    id: UUID
    account_id: AccountId
    flow_id: Annotated[UUID, Field(description="The process.")]
    key_id: Annotated[UUID, Field(description="The key that it was reported with.")]
    robot_id: str
    status: JobStatus
    started_at: Instant
    finished_at: Instant
    received_at: Instant
    duration_seconds: Annotated[float, Field(ge=0, description="From started_at to finished_at.")]
    counts: Counts
    target: str | None
    source: str | None
    external_id: Annotated[str | None, Field(description="The job's id in the RPA tool.")]
    result_summary: str | None
    error_message: str | None
    tags: list[str]


class WholeJob(Job):
    """A job with the reporter's own fields. Its details have an address of their own."""

    data: Annotated[dict[str, Any] | None, Field(description="As it was sent.", json_schema_extra=named("ReportData"))]


class JobDetail(Answer):
    """One record that the job worked on."""

    sequence_no: Annotated[int, Field(ge=0, le=SEQUENCE_NO_MAX)]
    status: DetailStatus
    record_id: str | None
    record_name: str | None
    result: str | None
    error_message: str | None


class JobPage(Answer):
    """A page of jobs, by the time of receipt."""

    items: list[Job]
    next_cursor: Cursor


class JobDetailPage(Answer):
    """A page of details, by sequence_no."""

    items: list[JobDetail]
    next_cursor: Cursor


_JOB = {
    "id": "3f2b8d1c-6a5e-4f7a-8b9c-0d1e2f3a4b5c",
    "account_id": "0b1f6f0e-4a53-4c55-9d43-2f6d3a0c9a11",
    "flow_id": "4de713a3-1a07-4282-8885-dfbaa7869a31",
    "key_id": "c9f0f895-fb98-5b91-9b2d-7e6a5c4b3d21",
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
_DETAIL = {
    "sequence_no": 2,
    "status": "failed",
    "record_id": "INV-1002",
    "record_name": None,
    "result": None,
    "error_message": "no such supplier",
}
JOB_ANSWERS: dict[type[BaseModel], dict[str, Any]] = {
    WholeJob: _JOB | {"data": {"queue": "invoices-in"}},
    JobPage: {"items": [_JOB], "next_cursor": None},
    JobDetailPage: {"items": [_DETAIL], "next_cursor": None},
}
"""Examples, of which a test holds each against its schema."""
