"""`rpawatch accounts`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid4

import typer

from application.accounts import (
    ChangeAccountSettings,
    OpenAccount,
    RenameAccount,
    ResumeAccount,
    SuspendAccount,
)
from domain.account import Account
from interfaces.cli.inputs import checked
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.options import AccountOption, Name, ReasonOption
from interfaces.cli.output import CommandResult
from interfaces.cli.store_command import store_command
from interfaces.http import body as wire
from interfaces.http.answers.accounts import account_resource

_COLUMNS = {"id": "Id", "name": "Name", "opened_at": "Opened", "suspended_at": "Suspended"}
_accounts = typer.Typer(no_args_is_help=True)


class OnOff(StrEnum):
    """A switch."""

    ON = "on"
    OFF = "off"


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.add_typer(_accounts, name=name, help=help_line)


@store_command(_accounts, "list", examples="rpawatch accounts list\nrpawatch accounts list --json")
def list_accounts(context: OperatorContext) -> CommandResult:
    """List all accounts by name."""
    return CommandResult({"items": [account_resource(row) for row in context.accounts()]}, _COLUMNS)


@store_command(_accounts, "create", examples='rpawatch accounts create "Finance"')
def create_account(context: OperatorContext, name: Name) -> CommandResult:
    """Create an account: an isolated workspace with processes, keys, members and jobs of its own."""
    command = OpenAccount(by=context.caller(), new_account_id=uuid4(), name=checked(wire.Name, name, "name"))
    return _account(context, context.execute(command))


@store_command(_accounts, "rename", examples='rpawatch accounts rename "Finance and Controlling" --account Finance')
def rename_account(context: OperatorContext, name: Name, account: AccountOption = None) -> CommandResult:
    """Give an account another name."""
    new_name = checked(wire.Name, name, "name")
    return _account(
        context, context.execute(RenameAccount(by=context.caller(context.account(account).id), name=new_name))
    )


@store_command(
    _accounts,
    "suspend",
    examples='rpawatch accounts suspend --account Finance --reason "The contract is under review"',
)
def suspend_account(
    context: OperatorContext, account: AccountOption = None, reason: ReasonOption = None
) -> CommandResult:
    """Keep the robots of an account out at once; what was reported stays. Again changes nothing."""
    why = None if reason is None else checked(wire.Reason, reason, "reason")
    return _account(
        context, context.execute(SuspendAccount(by=context.caller(context.account(account).id), reason=why))
    )


@store_command(_accounts, "resume", examples="rpawatch accounts resume --account Finance")
def resume_account(context: OperatorContext, account: AccountOption = None) -> CommandResult:
    """Let the robots of a suspended account in again."""
    return _account(context, context.execute(ResumeAccount(by=context.caller(context.account(account).id))))


@store_command(
    _accounts,
    "settings",
    examples="rpawatch accounts settings\nrpawatch accounts settings --account Finance --keep-addresses off",
)
def change_settings(
    context: OperatorContext,
    account: AccountOption = None,
    keep_addresses: Annotated[
        OnOff | None,
        typer.Option(help="Whether the log records the addresses of the account's robots and admins from now on."),
    ] = None,
) -> CommandResult:
    """Show the settings of an account, or change them."""
    account_id = context.account(account).id
    if keep_addresses is not None:
        context.execute(ChangeAccountSettings(by=context.caller(account_id), keep_addresses=keep_addresses is OnOff.ON))
    now = context.get(Account, account_id)
    document = account_resource(now) | {"keep_addresses": now.keep_addresses}
    return CommandResult(document, _COLUMNS | {"keep_addresses": "Keep addresses"})


def _account(context: OperatorContext, account_id: UUID) -> CommandResult:
    return CommandResult(account_resource(context.get(Account, account_id)), _COLUMNS)
