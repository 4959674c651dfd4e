"""Jobs, as people look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from application.access import visible_processes
from application.caller import AccountCaller
from domain.ids import process_id
from domain.permissions import Action
from domain.report import DetailStatus, JobStatus
from interfaces.http.answers.jobs import JOB_DETAIL_PAGE, JOB_PAGE, WHOLE_JOB, job_detail, job_head, whole_job
from interfaces.http.operation import ACCOUNT_PATH, AccountRequest, AdminOperations, Operation, page_of, shown
from interfaces.http.query import FROM, PAGE, TO, choice, choices, ids, words
from projections.jobs.listing import BY_TIME, JobFilter

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.http.answers.jobs import JobDetailPage, JobPage, WholeJob

OPERATIONS: list[Operation] = []
_JOBS = AdminOperations[AccountCaller](OPERATIONS, "Jobs", f"{ACCOUNT_PATH}/jobs")

STATUS = choices(
    "status", "Only those that ended so.", tuple(JobStatus), JobStatus.__name__, "job_status", any_case=True
)
FLOW_ID = ids("flow_id", "Only those of this process.", "of_flow_id")
KEY_ID = ids("key_id", "Only those that were reported with this key.", "of_key_id")
SEARCH = words(
    "q",
    "Whole words, all of which stand in the job: in its external_id, tags or result_summary, or in the record_id of"
    " a detail. Case and accents do not matter, nor does punctuation around a word; INV-2024/0042 is one word.",
    "job_q",
)
SORTS: Final = tuple(BY_TIME.orders)
SORT = choice("sort", f"By the time of receipt; `{SORTS[0]}` when it is left out.", SORTS, "JobSort", "job_sort")
DETAIL_STATUS = choices(
    "status", "Only those of this status.", tuple(DetailStatus), DetailStatus.__name__, "detail_status", any_case=True
)
_ASSIGNED = "Consultants and account users see the jobs of the processes that they are assigned."


@_JOBS.get(
    action=Action.READ_JOBS,
    query=(*PAGE, STATUS, FLOW_ID, KEY_ID, FROM, TO, SEARCH, SORT),
    success=page_of(JOB_PAGE),
    description=f"All filters together hold. {_ASSIGNED}",
)
def list_jobs(request: AccountRequest[None]) -> JobPage:
    """List jobs, those received last first."""
    page, account_id, flow_ids = request.page(SORT), request.caller.account_id, request[FLOW_ID]
    since, until = request.period()
    wanted = JobFilter(
        statuses=request[STATUS],
        process_ids=None if flow_ids is None else frozenset(process_id(account_id, one) for one in flow_ids),
        key_ids=request[KEY_ID],
        since=since,
        until=until,
        visible=_visible(request),
    )
    items, next_cursor = request.services.jobs.page(account_id, wanted, page, request[SEARCH])
    return {"items": [job_head(row) for row in items], "next_cursor": next_cursor}


@_JOBS.get(
    "/{job_id}",
    action=Action.READ_JOBS,
    success=shown(WHOLE_JOB, "The job."),
    description=f"Whole, but for its details. {_ASSIGNED}",
)
def read_job(request: AccountRequest[None], job_id: UUID) -> WholeJob:
    """Show a job."""
    return whole_job(request.services.jobs.one(request.caller.account_id, job_id, _visible(request)))


@_JOBS.get("/{job_id}/details", action=Action.READ_JOBS, query=(*PAGE, DETAIL_STATUS), success=page_of(JOB_DETAIL_PAGE))
def list_job_details(request: AccountRequest[None], job_id: UUID) -> JobDetailPage:
    """List the records that a job worked on.

    By sequence_no. With `status=failed` those that went wrong.
    """
    page, statuses = request.page(), request[DETAIL_STATUS]
    items, next_cursor = request.services.jobs.details(
        request.caller.account_id, job_id, page, statuses=statuses, visible=_visible(request)
    )
    return {"items": [job_detail(item) for item in items], "next_cursor": next_cursor}


def _visible(request: AccountRequest[None]) -> frozenset[UUID] | None:
    """Return the processes of which the caller may see jobs; None for all of them."""
    return visible_processes(request.services.event_sourcing, request.caller)
