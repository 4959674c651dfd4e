"""The jobs that people read, as they look on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from domain.errors import NotFoundError
from domain.ids import process_id
from domain.job import Job as JobAggregate
from interfaces.http.answers.jobs import job_detail, job_head
from projections.job_details import list_details
from projections.job_list import JobFilter, JobRow, find_job, list_jobs
from projections.job_search import search_jobs
from projections.paging import Page

if TYPE_CHECKING:
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.store.database import Database
    from interfaces.http.answers.jobs import Job, JobDetail, WholeJob
    from interfaces.lists import Lists
    from projections.paging import PageRequest


class JobNotShownError(Exception):
    """A job that is on disk, and that the read models don't show yet."""


class Jobs:
    """Reads the jobs of an account. `visible` are the process streams that the caller may see, None for all of them."""

    def __init__(self, database: Database, event_sourcing: EventSourcing, lists: Lists) -> None:
        self._database = database
        self._event_sourcing = event_sourcing
        self._lists = lists

    def page(self, account_id: UUID, wanted: JobFilter, page: PageRequest, query: str | None = None) -> Page[Job]:
        """Return jobs by the time of receipt; with `query` those that hold every word of it.

        Raises BadCursorError, and ValueError for a query without a word.
        """
        found = (
            list_jobs(self._database, account_id=account_id, wanted=wanted, page=page)
            if query is None
            else search_jobs(self._database, account_id=account_id, query=query, wanted=wanted, page=page)
        )
        return Page(tuple(map(job_head, found.items)), found.next_cursor)

    def one(self, account_id: UUID, job_id: UUID, visible: frozenset[UUID] | None = None) -> WholeJob:
        """Return a job whole, but for its details. Raises NotFoundError, JobNotShownError."""
        row = self._row(account_id, job_id, visible)
        # As it is kept: numbers that were read would lose digits.
        data: Any = None if row.data is None else orjson.Fragment(row.data)
        return {**job_head(row), "data": data}

    def details(
        self,
        account_id: UUID,
        job_id: UUID,
        page: PageRequest,
        *,
        statuses: frozenset[str] | None = None,
        visible: frozenset[UUID] | None = None,
    ) -> Page[JobDetail]:
        """Return details of a job by number; with `statuses` those of one of them.

        Raises BadCursorError, NotFoundError, JobNotShownError.
        """
        row = self._row(account_id, job_id, visible)
        items, cursor = list_details(
            self._database, account_id=account_id, position=row.position, page=page, statuses=statuses
        )
        return Page(tuple(map(job_detail, items)), cursor)

    def _row(self, account_id: UUID, job_id: UUID, visible: frozenset[UUID] | None) -> JobRow:
        row = find_job(self._database, account_id=account_id, job_id=job_id)
        if row is None:
            self._wait_for_report(account_id, job_id, visible)
            row = find_job(self._database, account_id=account_id, job_id=job_id)
        if row is None or not _is_seen(row.process_id, visible):
            raise NotFoundError
        return row

    def _wait_for_report(self, account_id: UUID, job_id: UUID, visible: frozenset[UUID] | None) -> None:
        """Wait until a job of the account that was just reported is shown: its address was in the answer to that.

        Raises NotFoundError for what is no such job.
        """
        job = self._event_sourcing.find(JobAggregate, job_id)
        if job is None or job.account_id != account_id or not _is_seen(process_id(account_id, job.flow_id), visible):
            raise NotFoundError
        if not self._lists.wait_for(self._event_sourcing.recorder.last_position()):
            raise JobNotShownError


def _is_seen(process: UUID, visible: frozenset[UUID] | None) -> bool:
    return visible is None or process in visible
