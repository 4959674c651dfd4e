"""Accounts and their processes, as the API answers with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from typing_extensions import TypedDict

from domain.report import JobStatus
from domain.times import time_text
from interfaces.http.answers.fields import (
    ACCOUNT_ID,
    FLOW_ID,
    AccountId,
    Answer,
    Cursor,
    Id,
    Instant,
    named,
)

if TYPE_CHECKING:
    from domain.account import Account as AccountAggregate
    from domain.process import ProcessState
    from projections.accounts import AccountRow
    from projections.processes.jobs import ProcessJobsRow


class Account(TypedDict):
    """An isolated workspace: processes, jobs and keys belong to exactly one."""

    id: Id
    name: str
    opened_at: Instant
    suspended_at: Annotated[Instant | None, Field(description="Since when it takes no reports; null when it does.")]


class AccountPage(TypedDict):
    """A page of accounts, by name."""

    items: list[Account]
    next_cursor: Cursor


class LastJob(TypedDict):
    """The job of a process that was reported last."""

    id: Id
    status: Annotated[str, named(JobStatus.__name__)]
    received_at: Instant


class Process(TypedDict):
    """An automated process, which robots run and report jobs of."""

    flow_id: Annotated[Id, Field(description="What reports name it by; unique in its account.")]
    account_id: AccountId
    name: str
    registered_at: Instant
    retired_at: Annotated[Instant | None, Field(description="Since when it takes no jobs; null when it does.")]
    last_job: Annotated[LastJob | None, Field(description="As the lists know it; null when there was none.")]


class ProcessPage(TypedDict):
    """A page of processes, by name."""

    items: list[Process]
    next_cursor: Cursor


def account_resource(account: AccountAggregate | AccountRow) -> Account:
    """Return the account resource."""
    return {
        "id": str(account.id),
        "name": account.name,
        "opened_at": time_text(account.opened_at),
        "suspended_at": time_text(account.suspended_at),
    }


def process_resource(process: ProcessState, jobs: ProcessJobsRow | None) -> Process:
    """Return the process resource. jobs: what lists know of its jobs, None where there were none."""
    return {
        "flow_id": str(process.flow_id),
        "account_id": str(process.account_id),
        "name": process.name,
        "registered_at": time_text(process.registered_at),
        "retired_at": time_text(process.retired_at),
        "last_job": None
        if jobs is None
        else {
            "id": str(jobs.last_job_id),
            "status": jobs.last_job_status,
            "received_at": time_text(jobs.last_job_at),
        },
    }


ACCOUNT = Answer[Account](
    Account,
    {"id": ACCOUNT_ID, "name": "Finance", "opened_at": "2026-03-01T08:00:00.000000Z", "suspended_at": None},
)
ACCOUNT_PAGE = Answer[AccountPage](AccountPage, {"items": [ACCOUNT.example], "next_cursor": None})
PROCESS = Answer[Process](
    Process,
    {
        "flow_id": FLOW_ID,
        "account_id": ACCOUNT_ID,
        "name": "Invoices",
        "registered_at": "2026-03-01T08:05:00.000000Z",
        "retired_at": None,
        "last_job": {
            "id": "7b0f2c1e-6a0e-4f8e-9a57-3f0b6a5d8e21",
            "status": "partial_success",
            "received_at": "2026-03-10T21:48:52.101000Z",
        },
    },
)
PROCESS_PAGE = Answer[ProcessPage](ProcessPage, {"items": [PROCESS.example], "next_cursor": None})
