"""The jobs that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import NotFoundError
from domain.ids import process_id
from domain.job import Job
from interfaces.queries.waiting import wait_for_lists
from projections.jobs.details import list_details
from projections.jobs.listing import find_job, list_jobs
from projections.jobs.search import search_jobs

if TYPE_CHECKING:
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.store.database import Database
    from domain.report import Detail
    from projections.jobs.listing import JobFilter, JobHead, JobRow
    from projections.paging import Page, PageRequest


class JobNotShownError(Exception):
    """A job that is on disk, and that the read models don't show yet."""


class Jobs:
    """Reads the jobs of an account. `visible` are the process streams that the caller may see, None for all of them."""

    def __init__(self, database: Database, event_sourcing: EventSourcing) -> None:
        self._database = database
        self._event_sourcing = event_sourcing

    def page(self, account_id: UUID, wanted: JobFilter, page: PageRequest, query: str | None = None) -> Page[JobHead]:
        """Return jobs by the time of receipt; with `query` those that hold every word of it.

        Raises BadCursorError, and ValueError for a query without a word.
        """
        if query is None:
            return list_jobs(self._database, account_id=account_id, wanted=wanted, page=page)
        return search_jobs(self._database, account_id=account_id, query=query, wanted=wanted, page=page)

    def one(self, account_id: UUID, job_id: UUID, visible: frozenset[UUID] | None = None) -> JobRow:
        """Return a job whole, but for its details. Raises NotFoundError, JobNotShownError."""
        row = find_job(self._database, account_id=account_id, job_id=job_id)
        if row is None:
            self._wait_for_report(account_id, job_id, visible)
            row = find_job(self._database, account_id=account_id, job_id=job_id)
        if row is None or not _is_seen(row.process_id, visible):
            raise NotFoundError
        return row

    def details(
        self,
        account_id: UUID,
        job_id: UUID,
        page: PageRequest,
        *,
        statuses: frozenset[str] | None = None,
        visible: frozenset[UUID] | None = None,
    ) -> Page[Detail]:
        """Return details of a job by number; with `statuses` those of one of them.

        Raises BadCursorError, NotFoundError, JobNotShownError.
        """
        position = self.one(account_id, job_id, visible).position
        return list_details(self._database, account_id=account_id, position=position, page=page, statuses=statuses)

    def _wait_for_report(self, account_id: UUID, job_id: UUID, visible: frozenset[UUID] | None) -> None:
        """Wait until a job of the account that was just reported is shown: its address was in the answer to that.

        Raises NotFoundError for what is no such job.
        """
        job = self._event_sourcing.find(Job, job_id)
        if job is None or job.account_id != account_id or not _is_seen(process_id(account_id, job.flow_id), visible):
            raise NotFoundError
        if not wait_for_lists(self._database, self._event_sourcing.recorder.last_position()):
            raise JobNotShownError


def _is_seen(process: UUID, visible: frozenset[UUID] | None) -> bool:
    return visible is None or process in visible
