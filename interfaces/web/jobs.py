"""The list of an account's jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from domain import limits
from domain.api_key import ApiKey
from domain.ids import process_id
from domain.permissions import Action
from domain.report import JobStatus
from interfaces.http.parameters import (
    check_order,
    choice_parameter,
    day_parameter,
    only,
    parameter,
    text_parameter,
    uuid_parameter,
)
from interfaces.web.page import ViewPage
from projections.jobs.listing import JobFilter
from projections.paging import PageRequest

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from interfaces.web.page import PageContext

_FILTERS = ("q", "status", "flow_id", "key_id", "from", "to")
_DAY = timedelta(days=1)
_ERROR_CHARS_SHOWN = 300
"""Most of an error, which may have 10,000. Two lines of it are seen, as of a summary, which is never so long."""


class JobsPage(ViewPage):
    """One page of those that the visitor may see, as the address says."""

    path = "/accounts/{account_id}/jobs"
    template, tab, action = "jobs.html", "jobs", Action.READ_JOBS
    parameters = (*_FILTERS, "cursor")

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        visible = self._visible_processes(context)
        query = text_parameter(req, "q", limits.SEARCH_CHARS_MAX)
        wanted = _filter(req, context.account_id, visible)
        page = PageRequest(cursor=parameter(req, "cursor"))
        jobs, next_cursor = self._services.jobs.page(context.account_id, wanted, page, query)
        return {
            "asked": {name: parameter(req, name) or "" for name in _FILTERS},
            "jobs": jobs,
            "next_cursor": next_cursor,
            "any_job": bool(jobs) or self._has_any(context, visible),
            "sees_all": visible is None,
            "statuses": {status.value: status.replace("_", " ").capitalize() for status in JobStatus},
            **self._choosable_processes(context, visible=visible),
            "process_names": self._process_names(context, (job.flow_id for job in jobs)),
            "error_chars_shown": _ERROR_CHARS_SHOWN,
            "key_name": self._key_name(context, wanted.key_ids),
        }

    def _has_any(self, context: PageContext, visible: frozenset[UUID] | None) -> bool:
        jobs, _ = self._services.jobs.page(context.account_id, JobFilter(visible=visible), PageRequest(1))
        return bool(jobs)

    def _key_name(self, context: PageContext, key_ids: frozenset[UUID] | None) -> str | None:
        """Return the name of the key that jobs are asked for by; None for who may not know it, or if there is none."""
        if key_ids is None or not context.may(Action.READ_KEYS):
            return None
        [key_id] = key_ids
        key = self._services.event_sourcing.find(ApiKey, key_id)
        return key.name if key is not None and key.account_id == context.account_id else None


def _filter(req: falcon.Request, account_id: UUID, visible: frozenset[UUID] | None) -> JobFilter:
    """Return what is asked for. Its days are days in UTC, the last one included."""
    status = choice_parameter(req, "status", tuple(JobStatus))
    flow_id, key_id = uuid_parameter(req, "flow_id"), uuid_parameter(req, "key_id")
    first_day, last_day = day_parameter(req, "from"), day_parameter(req, "to")
    check_order(first_day, last_day)
    return JobFilter(
        statuses=only(status),
        process_ids=only(flow_id and process_id(account_id, flow_id)),
        key_ids=only(key_id),
        since=first_day,
        until=None if last_day is None else last_day + _DAY,
        visible=visible,
    )
