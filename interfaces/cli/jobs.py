"""`rpawatch jobs`."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import typer

from domain.errors import FieldError, InvalidInputError
from domain.ids import process_id
from domain.job import Job
from domain.limits import PAGE_ITEMS_DEFAULT, SEARCH_CHARS_MAX
from domain.report import JobStatus
from interfaces.cli.inputs import checked, checked_period
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.options import AccountOption, RowsMax, Since, Until, ids_option, uuid_of
from interfaces.cli.output import CommandResult, JsonText
from interfaces.cli.store_command import store_command
from interfaces.http.answers.jobs import job_detail, job_head
from projections.jobs.listing import JobFilter
from projections.paging import all_items, first_items
from projections.words import words_of

_COLUMNS: Final = {
    "received_at": "Received",
    "status": "Status",
    "robot_id": "Robot",
    "counts": "Records",
    "external_id": "External id",
    "result_summary": "Summary",
    "id": "Id",
}
_WHOLE: Final = {
    "id": "Id",
    "account_id": "Account",
    "flow_id": "Process",
    "key_id": "Key",
    "robot_id": "Robot",
    "status": "Status",
    "started_at": "Started",
    "finished_at": "Finished",
    "received_at": "Received",
    "duration_seconds": "Seconds",
    "counts": "Records",
    "target": "Target",
    "source": "Source",
    "external_id": "External id",
    "result_summary": "Summary",
    "error_message": "Error",
    "tags": "Tags",
    "data": "Data",
}
_DETAILS: Final = {
    "sequence_no": "No",
    "status": "Status",
    "record_id": "Record",
    "record_name": "Name",
    "result": "Result",
    "error_message": "Error",
}
_jobs = typer.Typer(no_args_is_help=True)


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.add_typer(_jobs, name=name, help=help_line)


@store_command(
    _jobs,
    "list",
    examples="""
        rpawatch jobs list --status failed --status cancelled
        rpawatch jobs list --account Finance --from 2026-03-01T00:00:00Z --limit 1000 --json
        rpawatch jobs list --search "INV-1002"
    """,
)
def list_jobs(  # noqa: PLR0913 - each is an option
    context: OperatorContext,
    *,
    account: AccountOption = None,
    status: Annotated[
        list[JobStatus] | None,
        typer.Option(help="Only those that ended so. May be given several times."),
    ] = None,
    process: Annotated[list[UUID] | None, ids_option("FLOW_ID", "Only those of this process.")] = None,
    key: Annotated[list[UUID] | None, ids_option("KEY_ID", "Only those reported with this key.")] = None,
    since: Since = None,
    until: Until = None,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Whole words of external id, tags, summary and record ids; all of them stand in the job.",
        ),
    ] = None,
    limit: RowsMax = PAGE_ITEMS_DEFAULT,
) -> CommandResult:
    """List the jobs of an account, those received last first."""
    account_id = context.account(account).id
    begins, ends = checked_period(since, until)
    wanted = JobFilter(
        statuses=frozenset(one.value for one in status or ()) or None,
        process_ids=frozenset(process_id(account_id, one) for one in process or ()) or None,
        key_ids=frozenset(key or ()) or None,
        since=begins,
        until=ends,
    )
    query = None if search is None else _query(search)
    context.wait_for_lists()
    rows, cursor = first_items(lambda page: context.services.jobs.page(account_id, wanted, page, query), limit)
    note = None if cursor is None else f"There are more than {len(rows)}. See them with a higher --limit."
    return CommandResult({"items": [job_head(row) for row in rows]}, _COLUMNS, note=note)


@store_command(
    _jobs,
    "show",
    examples="""
        rpawatch jobs show 3f2b8d1c-6a5e-4f7a-8b9c-0d1e2f3a4b5c
        rpawatch jobs show 3f2b8d1c-6a5e-4f7a-8b9c-0d1e2f3a4b5c --details --json
    """,
)
def show_job(
    context: OperatorContext,
    job_id: Annotated[
        UUID,
        typer.Argument(metavar="JOB_ID", parser=uuid_of, help="The id in the answer to its report."),
    ],
    *,
    details: Annotated[bool, typer.Option("--details", help="With the records that it worked on.")] = False,
) -> CommandResult:
    """Show a job."""
    account_id = context.get(Job, job_id).account_id
    context.wait_for_lists()
    jobs = context.services.jobs
    row = jobs.one(account_id, job_id)
    job: dict[str, object] = {**job_head(row), "data": None if row.data is None else JsonText(row.data)}
    if not details:
        return CommandResult(job, _WHOLE)
    found = all_items(lambda page: jobs.details(account_id, job_id, page))
    items = [job_detail(detail) for detail in found]
    return CommandResult({**job, "details": items}, _WHOLE, below=CommandResult({"items": items}, _DETAILS))


def _query(text: str) -> str:
    query: str = checked(str, text, "search")
    if len(query) > SEARCH_CHARS_MAX:
        raise InvalidInputError([FieldError("search", f"must have at most {SEARCH_CHARS_MAX} characters")])
    if not words_of(query):
        raise InvalidInputError([FieldError("search", "must not be blank")])
    return query
