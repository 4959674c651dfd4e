"""Jobs, as people look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.access import visible_processes
from domain.ids import process_id
from domain.limits import SEARCH_CHARS_MAX
from domain.permissions import Action
from domain.report import DetailStatus, JobStatus
from interfaces.http.admin import AdminResource, check_parameters, page_parameters, send, send_page
from interfaces.http.parameters import (
    choice_parameter,
    choices_parameter,
    period_parameters,
    text_parameter,
    uuids_parameter,
)
from interfaces.http.requests import path_uuid
from projections.job_list import BY_TIME, JobFilter
from projections.paging import PageRequest

if TYPE_CHECKING:
    from uuid import UUID

    import falcon


class _JobsResource(AdminResource):
    def _reader(self, req: falcon.Request, account_id: str) -> tuple[UUID, frozenset[UUID] | None]:
        """Return the account, and the processes of which the caller may see jobs; None for all of them."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_JOBS)
        return caller.account_id, visible_processes(self._services.event_sourcing, caller)


class JobsResource(_JobsResource):
    """`/api/v1/accounts/{account_id}/jobs`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """List the jobs that the caller may see."""
        account, visible = self._reader(req, account_id)
        size, cursor = page_parameters(req, "status", "flow_id", "key_id", "from", "to", "q", "sort")
        flow_ids = uuids_parameter(req, "flow_id")
        since, until = period_parameters(req)
        wanted = JobFilter(
            statuses=choices_parameter(req, "status", tuple(JobStatus), any_case=True),
            process_ids=None if flow_ids is None else frozenset(process_id(account, one) for one in flow_ids),
            key_ids=uuids_parameter(req, "key_id"),
            since=since,
            until=until,
            visible=visible,
        )
        query = text_parameter(req, "q", SEARCH_CHARS_MAX)
        page = PageRequest(size, cursor, choice_parameter(req, "sort", tuple(BY_TIME.orders)))
        send_page(req, resp, *self._services.jobs.page(account, wanted, page, query))


class JobResource(_JobsResource):
    """`/api/v1/accounts/{account_id}/jobs/{job_id}`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, job_id: str) -> None:
        """Show a job whole, but for its details."""
        account, visible = self._reader(req, account_id)
        check_parameters(req)
        send(resp, self._services.jobs.one(account, path_uuid(job_id), visible))


class JobDetailsResource(_JobsResource):
    """`/api/v1/accounts/{account_id}/jobs/{job_id}/details`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, job_id: str) -> None:
        """List the records that a job worked on."""
        account, visible = self._reader(req, account_id)
        size, cursor = page_parameters(req, "status")
        statuses = choices_parameter(req, "status", tuple(DetailStatus), any_case=True)
        page = PageRequest(size, cursor)
        found = self._services.jobs.details(account, path_uuid(job_id), page, statuses=statuses, visible=visible)
        send_page(req, resp, *found)
