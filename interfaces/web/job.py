"""One job: what the robot reported of it, record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from domain import limits
from domain.api_key import ApiKey
from domain.permissions import Action
from domain.report import DetailStatus
from interfaces.http.admin import check_parameters
from interfaces.http.parameters import choice_parameter, only, parameter
from interfaces.http.requests import path_uuid
from interfaces.web.forms import drop_blank_parameters
from interfaces.web.page import Page
from interfaces.web.pretty_json import pretty
from projections.paging import PageRequest

if TYPE_CHECKING:
    import falcon

DATA_CHARS_SHOWN = 16 * 1024
"""Of `data`, which may be 64 KiB. All of it is in the API's answer."""
RESULT_CHARS_SHOWN = 250
"""Of what a robot says of one record: with 50 of the longest on it, a page would be a megabyte."""


class JobPage(Page):
    """`/accounts/{account_id}/jobs/{job_id}`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, job_id: str) -> None:
        """Show the job, with one page of its details."""
        visit = self._visit(req, account_id, Action.READ_JOBS)
        visible = self._visible_processes(visit)
        drop_blank_parameters(req)
        check_parameters(req, "cursor", "status")
        status = choice_parameter(req, "status", tuple(DetailStatus))
        page = PageRequest(limits.PAGE_ITEMS_DEFAULT, parameter(req, "cursor"))
        job = self._services.jobs.one(visit.account_id, path_uuid(job_id), visible)
        details, next_cursor = self._services.jobs.details(
            visit.account_id, path_uuid(job_id), page, statuses=only(status), visible=visible
        )
        data = None if job["data"] is None else orjson.dumps(job["data"]).decode()
        self._show(
            req,
            resp,
            visit,
            "job.html",
            tab="jobs",
            job=job,
            process_name=self._process_names(visit, [job]).get(job["flow_id"]),
            key=self._get(ApiKey, path_uuid(job["key_id"])) if visit.may(Action.READ_KEYS) else None,
            data=None if data is None else pretty(data, DATA_CHARS_SHOWN),
            details=details,
            only=status or "",
            statuses=[status.value for status in DetailStatus],
            next_cursor=next_cursor,
            is_first=page.cursor is None,
            result_chars_shown=RESULT_CHARS_SHOWN,
            is_cut=any(
                len(detail[name] or "") > RESULT_CHARS_SHOWN
                for detail in details
                for name in ("result", "error_message")
            ),
        )
