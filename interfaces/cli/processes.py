"""`rpawatch processes`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

import typer

from application.accounts import ChangeProcess, RegisterProcess
from domain.process import Process
from interfaces.cli.inputs import checked
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.options import AccountOption, Name, uuid_of
from interfaces.cli.output import CommandResult
from interfaces.cli.store_command import store_command
from interfaces.http import body as wire
from interfaces.http.answers.accounts import process_resource
from projections.paging import all_items

_COLUMNS = {
    "flow_id": "Flow id",
    "name": "Name",
    "registered_at": "Registered",
    "retired_at": "Retired",
    "last_job": "Last job",
}
_processes = typer.Typer(no_args_is_help=True)

FlowId = Annotated[
    UUID,
    typer.Argument(metavar="FLOW_ID", parser=uuid_of, help="The id that robots report it by."),
]


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.add_typer(_processes, name=name, help=help_line)


@store_command(_processes, "list", examples="rpawatch processes list\nrpawatch processes list --account Finance --json")
def list_processes(context: OperatorContext, account: AccountOption = None) -> CommandResult:
    """List the processes of an account by name."""
    account_id = context.account(account).id
    context.wait_for_lists()
    processes = context.services.processes
    found = list(all_items(lambda page: processes.page(account_id, page)))
    jobs = processes.jobs(account_id, found)
    return CommandResult({"items": [process_resource(row, jobs.get(row.process_id)) for row in found]}, _COLUMNS)


@store_command(
    _processes,
    "register",
    examples="""
        rpawatch processes register "Invoice entry"
        rpawatch processes register "Invoice entry" --flow-id 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --account Finance
    """,
)
def register_process(
    context: OperatorContext,
    name: Name,
    flow_id: Annotated[
        UUID | None,
        typer.Option(metavar="UUID", parser=uuid_of, help="When the RPA tool has one for it; else one is made."),
    ] = None,
    account: AccountOption = None,
) -> CommandResult:
    """Register a process, so that robots can report jobs of it."""
    command = RegisterProcess(
        by=context.caller(context.account(account).id),
        flow_id=flow_id or uuid4(),
        name=checked(wire.Name, name, "name"),
    )
    return _process(context, context.execute(command))


@store_command(
    _processes,
    "rename",
    examples='rpawatch processes rename 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 "Invoice entry, SAP"',
)
def rename_process(
    context: OperatorContext, flow_id: FlowId, name: Name, account: AccountOption = None
) -> CommandResult:
    """Give a process another name."""
    return _change(context, account, flow_id, name=checked(wire.Name, name, "name"))


@store_command(_processes, "retire", examples="rpawatch processes retire 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11")
def retire_process(context: OperatorContext, flow_id: FlowId, account: AccountOption = None) -> CommandResult:
    """Let a process take no more jobs; what was reported stays."""
    return _change(context, account, flow_id, retired=True)


@store_command(_processes, "restore", examples="rpawatch processes restore 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11")
def restore_process(context: OperatorContext, flow_id: FlowId, account: AccountOption = None) -> CommandResult:
    """Let a retired process take jobs again."""
    return _change(context, account, flow_id, retired=False)


def _change(
    context: OperatorContext,
    account: str | None,
    flow_id: UUID,
    *,
    name: str | None = None,
    retired: bool | None = None,
) -> CommandResult:
    caller = context.caller(context.account(account).id)
    return _process(context, context.execute(ChangeProcess(by=caller, flow_id=flow_id, name=name, retired=retired)))


def _process(context: OperatorContext, stream: UUID) -> CommandResult:
    process = context.get(Process, stream)
    context.wait_for_lists()
    return CommandResult(process_resource(process, context.services.processes.jobs_of(process)), _COLUMNS)
