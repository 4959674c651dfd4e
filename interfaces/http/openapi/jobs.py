"""The operations of the admin API on jobs."""

from __future__ import annotations

from functools import partial

from interfaces.http.answers.jobs import JOB_DETAIL_PAGE, JOB_PAGE, WHOLE_JOB
from interfaces.http.openapi.entry import READ, Access, Entry, Success

_JOBS = "/api/v1/accounts/{account_id}/jobs"
_ASSIGNED = "Consultants and account users see the jobs of the processes that they are assigned."

_Entry = partial(Entry, method="get", access=Access.SESSION, tag="Jobs", problems=READ)

JOB_OPERATIONS: tuple[Entry, ...] = (
    _Entry(
        path=_JOBS,
        name="listJobs",
        summary="List jobs, those received last first",
        description=f"All filters together hold. {_ASSIGNED}",
        parameters=(
            "account_id",
            "limit",
            "cursor",
            "job_status",
            "of_flow_id",
            "of_key_id",
            "from",
            "to",
            "job_q",
            "job_sort",
        ),
        success=(Success(description="A page.", answer=JOB_PAGE, headers=("Link",)),),
    ),
    _Entry(
        path=f"{_JOBS}/{{job_id}}",
        name="readJob",
        summary="Show a job",
        description=f"Whole, but for its details. {_ASSIGNED}",
        parameters=("account_id", "job_id"),
        success=(Success(description="The job.", answer=WHOLE_JOB),),
    ),
    _Entry(
        path=f"{_JOBS}/{{job_id}}/details",
        name="listJobDetails",
        summary="List the records that a job worked on",
        description="By sequence_no. With `status=failed` those that went wrong.",
        parameters=("account_id", "job_id", "limit", "cursor", "detail_status"),
        success=(Success(description="A page.", answer=JOB_DETAIL_PAGE, headers=("Link",)),),
    ),
)
