"""One job: what the robot reported of it, record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.api_key import ApiKey
from domain.permissions import Action
from domain.report import DetailStatus
from interfaces.http.parameters import choice_parameter, only, parameter
from interfaces.http.requests import path_uuid
from interfaces.web.page import ViewPage
from interfaces.web.pretty_json import pretty
from projections.paging import PageRequest

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import PageContext

DATA_CHARS_SHOWN = 16 * 1024
"""Most of `data`, which may be 64 KiB. All of it is in the API's answer."""
RESULT_CHARS_SHOWN = 250
"""Most of what a robot says of one record: with 50 of the longest on it, a page would be a megabyte."""


class JobPage(ViewPage):
    """The job, with one page of its details."""

    path = "/accounts/{account_id}/jobs/{job_id}"
    template, tab, action = "job.html", "jobs", Action.READ_JOBS
    parameters = ("status", "cursor")

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        visible, job_id = self._visible_processes(context), path_uuid(ids["job_id"])
        status = choice_parameter(req, "status", tuple(DetailStatus))
        page = PageRequest(cursor=parameter(req, "cursor"))
        job = self._services.jobs.one(context.account_id, job_id, visible)
        details, next_cursor = self._services.jobs.details(
            context.account_id, job_id, page, statuses=only(status), visible=visible
        )
        return {
            "job": job,
            "process_name": self._process_names(context, [job.flow_id]).get(job.flow_id),
            "key": self._get(ApiKey, job.key_id) if context.may(Action.READ_KEYS) else None,
            "data": None if job.data is None else pretty(job.data, DATA_CHARS_SHOWN),
            "details": details,
            "only": status or "",
            "statuses": [status.value for status in DetailStatus],
            "next_cursor": next_cursor,
            "result_chars_shown": RESULT_CHARS_SHOWN,
            "is_cut": any(
                text and len(text) > RESULT_CHARS_SHOWN
                for detail in details
                for text in (detail.get("result"), detail.get("error_message"))
            ),
        }
