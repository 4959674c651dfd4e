"""A job: one execution of a process, as a robot reported it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from pydantic import Field

from domain.errors import IdempotencyKeyReuseError
from domain.model import Aggregate, Cause, FirstEvent
from domain.report import Counts, JobStatus, Report, computed_status, duration_seconds
from domain.times import Instant

if TYPE_CHECKING:
    from datetime import datetime


class Job(Aggregate):
    """One execution of a process. What it holds is what its answer needs; the details stay in the event."""

    TOPIC: ClassVar[str] = "job"

    account_id: UUID
    flow_id: UUID
    status: JobStatus
    counts: Counts
    started_at: datetime
    finished_at: datetime
    received_at: datetime
    request_digest: str | None

    class Reported(FirstEvent):
        """A robot reported a whole job in one request; its timestamp is the time of receipt.

        details: each a Detail, as the report has it, which has checked them. To check them again here, and each time
        that they are read, took two thirds of the time of decoding a job of seven.

        data: the text of a JSON object, since floats don't keep the digits that were sent.

        staged: where the store has the event already, when it is large; this one then has neither details nor data.
        """

        TOPIC: ClassVar[str] = "job.reported"
        LABEL: ClassVar = ""
        account_id: UUID
        flow_id: UUID
        robot_id: str
        started_at: Instant
        finished_at: Instant
        status: JobStatus
        counts: Counts
        target: str | None = None
        source: str | None = None
        result_summary: str | None = None
        error_message: str | None = None
        external_id: str | None = None
        tags: list[str] | None = None
        data: str | None = None
        details: list[Any] | None = None
        request_digest: str | None = None
        staged: UUID | None = Field(default=None, exclude=True)

        def apply(self, aggregate: Job) -> None:
            aggregate.account_id = self.account_id
            aggregate.flow_id = self.flow_id
            aggregate.status = self.status
            aggregate.counts = self.counts
            aggregate.started_at = self.started_at
            aggregate.finished_at = self.finished_at
            aggregate.received_at = self.timestamp
            aggregate.request_digest = self.request_digest

    @classmethod
    def report(
        cls, cause: Cause, *, job_id: UUID, account_id: UUID, report: Report, request_digest: str | None = None
    ) -> Self:
        """Take in a report. `cause.at` is the time of receipt, `cause.actor` the id of the key; it has no address.

        The use of the key that is recorded with the job has the address, and once is enough.
        request_digest is the SHA-256 of the body, hexadecimal, when the report came with an Idempotency-Key.
        """
        counts = Counts.of(report.details or ())
        return cls._begin(
            cls.Reported(
                **cls._first(job_id, cause),
                account_id=account_id,
                flow_id=report.flow_id,
                robot_id=report.robot_id,
                started_at=report.started_at,
                # A robot whose clock is ahead may have started after the receipt; no job has a negative duration.
                finished_at=report.finished_at or max(cause.at, report.started_at),
                status=report.status or computed_status(counts, report.error_message),
                counts=counts,
                target=report.target,
                source=report.source,
                result_summary=report.result_summary,
                error_message=report.error_message,
                external_id=report.external_id,
                tags=report.tags,
                data=report.data,
                details=report.details,
                request_digest=request_digest,
            )
        )

    @classmethod
    def report_staged(cls, reported: Job.Reported) -> Self:
        """Take in a large report, whose event was made before the decision and is staged in the store."""
        if reported.staged is None:
            raise ValueError("the event has to be staged")
        return cls._begin(reported)

    @property
    def duration_seconds(self) -> float:
        """How long the job ran, in seconds; never negative."""
        return duration_seconds(self.started_at, self.finished_at)

    def check_same_request(self, request_digest: str | None) -> None:
        """Raise IdempotencyKeyReuseError when the job was reported with another body."""
        if request_digest != self.request_digest:
            raise IdempotencyKeyReuseError
