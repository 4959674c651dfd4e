"""`rpawatch accounts`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import uuid4

import typer

from application.accounts import ChangeAccountSettings, OpenAccount
from domain.account import Account
from interfaces.cli.desk import Desk, checked
from interfaces.cli.output import Answer
from interfaces.cli.store_command import AccountOption, Name, store_command
from interfaces.http import admin as wire
from interfaces.http.presenters import account_resource

_COLUMNS = {"id": "Id", "name": "Name", "opened_at": "Opened"}
_accounts = typer.Typer(no_args_is_help=True)


class OnOff(StrEnum):
    """A switch."""

    ON = "on"
    OFF = "off"


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    """Add the group."""
    app.add_typer(_accounts, name=name, help=help_line)


@store_command(_accounts, "list", examples="rpawatch accounts list\nrpawatch accounts list --json")
def list_accounts(desk: Desk) -> Answer:
    """List all accounts by name."""
    return Answer({"items": desk.accounts()}, _COLUMNS)


@store_command(_accounts, "create", examples='rpawatch accounts create "Finance"')
def create_account(desk: Desk, name: Name) -> Answer:
    """Create an account: an isolated workspace with processes, keys, members and jobs of its own."""
    command = OpenAccount(**desk.caller(), new_account_id=uuid4(), name=checked(wire.Name, name, "name"))
    return Answer(account_resource(desk.get(Account, desk.execute(command))), _COLUMNS)


@store_command(
    _accounts,
    "settings",
    examples="rpawatch accounts settings\nrpawatch accounts settings --account Finance --keep-addresses off",
)
def change_settings(
    desk: Desk,
    account: AccountOption = None,
    keep_addresses: Annotated[
        OnOff | None,
        typer.Option(help="Whether uses of the account's keys record the client's address from now on."),
    ] = None,
) -> Answer:
    """Show the settings of an account, or change them."""
    account_id = desk.account(account).id
    if keep_addresses is not None:
        desk.execute(ChangeAccountSettings(**desk.caller(account_id), keep_addresses=keep_addresses is OnOff.ON))
    now = desk.get(Account, account_id)
    document = account_resource(now) | {"keep_addresses": now.keep_addresses}
    return Answer(document, _COLUMNS | {"keep_addresses": "Keep addresses"})
