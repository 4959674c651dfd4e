"""`rpawatch keys`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from application.keys import ChangeKey, CreateKey, DeactivateKey, RotateKey
from domain import key_secret
from domain.api_key import ApiKey
from domain.limits import (
    RATE_LIMIT_DEFAULT,
    RATE_LIMIT_MAX,
    RATE_LIMIT_MIN,
    ROTATION_OVERLAP_DEFAULT,
    ROTATION_OVERLAP_MAX,
)
from domain.report import Time
from domain.times import time_text
from interfaces.cli.inputs import checked
from interfaces.cli.keys import find as key_find
from interfaces.cli.keys import hygiene as key_hygiene
from interfaces.cli.keys import listing as key_list
from interfaces.cli.keys.group import KEYS
from interfaces.cli.keys.leaked import deactivate_leaked
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.options import KEY_ID, AccountOption, KeyId, Name, ReasonOption, uuid_of
from interfaces.cli.output import CommandResult, WrongUsageError
from interfaces.cli.store_command import store_command
from interfaces.http import body as wire
from interfaces.http.answers.keys import Key, key_resource

if TYPE_CHECKING:
    from domain.key_secret import KeySecret

_TITLES = {
    "flow_id": "Process",
    "limit": "Uses per minute",
    "deactivation_reason": "Reason",
    "refusals": "Refused since its end",
    "refused_at": "Last refused",
    "refused_address": "Refused from",
}
"""Of what people call otherwise than the answer does."""
_FIRST = (
    "id", "account_id", "name", "prefix", "flow_id", "limit", "status", "created_at", "created_by", "expires_at",
)  # fmt: skip
"""What people look for first. The rest of the answer is behind it; `status` says what `active` does."""


def _title(name: str) -> str:
    return name.removesuffix("_id").removesuffix("_at").replace("_", " ").capitalize()


_COLUMNS = {
    name: _TITLES.get(name, _title(name)) for name in dict.fromkeys((*_FIRST, *Key.__annotations__)) if name != "active"
}
_BLANKS = {"flow_id": "(all of the account)", "expires_at": "(never)"}
COMMANDS: Final = (key_list, key_find, key_hygiene)
"""The other modules of the group, each of which adds its commands when it is imported."""


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.add_typer(KEYS, name=name, help=help_line)


@store_command(
    KEYS,
    "create",
    examples="""
        rpawatch keys create "Nightly run"
        rpawatch keys create "Invoices" --account Finance --process 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11
        rpawatch keys create "Contractor" --expires-at 2027-01-31T18:00:00Z --limit 10
        export RPAWATCH_API_KEY="$(rpawatch keys create "Nightly run" --json | jq -r .key)"
    """,
)
def create_key(  # noqa: PLR0913 - each is an option
    context: OperatorContext,
    name: Name,
    *,
    account: AccountOption = None,
    process: Annotated[
        UUID | None,
        typer.Option(metavar="FLOW_ID", parser=uuid_of, help="Let it report this process only."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=RATE_LIMIT_MIN, max=RATE_LIMIT_MAX, help="Uses in any 60 seconds.")
    ] = RATE_LIMIT_DEFAULT,
    expires_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it ends by itself, as in 2027-01-31T18:00:00Z."),
    ] = None,
) -> CommandResult:
    """Create a key. It is shown this once: only its SHA-256 is kept."""
    secret = key_secret.generate()
    command = CreateKey(
        by=context.caller(context.account(account).id),
        secret=secret,
        name=checked(wire.Name, name, "name"),
        flow_id=process,
        expires_at=checked(Time, expires_at, "expires_at") if expires_at is not None else None,
        limit=limit,
    )
    return _shown_once(context, context.execute(command), secret)


@store_command(KEYS, "show", examples="rpawatch keys show 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd --json")
def show_key(context: OperatorContext, key_id: KeyId) -> CommandResult:
    """Show a key, never its secret."""
    return _key(context, key_id)


@store_command(
    KEYS,
    "change",
    examples="""
        rpawatch keys change 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd --name "Nightly run, old"
        rpawatch keys change 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd --limit 10 --expires-at 2027-01-31T18:00:00Z
    """,
)
def change_key(
    context: OperatorContext,
    key_id: KeyId,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Another name.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=RATE_LIMIT_MIN, max=RATE_LIMIT_MAX, help="Uses in any 60 seconds, from the next one on."
        ),
    ] = None,
    expires_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it ends by itself: only sooner than it does."),
    ] = None,
) -> CommandResult:
    """Rename a key, change its limit, let it expire sooner."""
    command = ChangeKey(
        by=context.caller(context.get(ApiKey, key_id).account_id),
        key_id=key_id,
        name=checked(wire.Name, name, "name") if name is not None else None,
        limit=limit,
        expires_at=checked(Time, expires_at, "expires_at") if expires_at is not None else None,
    )
    return _key(context, context.execute(command))


@store_command(
    KEYS,
    "rotate",
    examples="""
        rpawatch keys rotate 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd
        rpawatch keys rotate 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd --overlap 0
    """,
)
def rotate_key(
    context: OperatorContext,
    key_id: KeyId,
    *,
    overlap: Annotated[
        int,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=int(ROTATION_OVERLAP_MAX.total_seconds()),
            help="How long the old key still works.",
        ),
    ] = int(ROTATION_OVERLAP_DEFAULT.total_seconds()),
    expires_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the new key ends; else it lives as long as the old one was made for."),
    ] = None,
) -> CommandResult:
    """Let a new key take the place of one. The new one is shown this once."""
    secret = key_secret.generate()
    command = RotateKey(
        by=context.caller(context.get(ApiKey, key_id).account_id),
        key_id=key_id,
        secret=secret,
        overlap=timedelta(seconds=overlap),
        expires_at=checked(Time, expires_at, "expires_at") if expires_at is not None else None,
    )
    new_id = context.execute(command)
    ends_at = context.get(ApiKey, key_id).expires_at if overlap else None
    until = "no longer works" if ends_at is None else f"works until {time_text(ends_at)}"
    return _shown_once(context, new_id, secret, f" The old key {until}.")


@store_command(
    KEYS,
    "deactivate",
    examples="""
        rpawatch keys deactivate 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd --reason "Laptop was lost"
        rpawatch keys deactivate --leaked paste.txt
    """,
)
def deactivate_key(
    context: OperatorContext,
    key_id: Annotated[UUID | None, KEY_ID] = None,
    reason: ReasonOption = None,
    leaked: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="End every key that stands in this file, whole, in whatever text; - for standard input.",
        ),
    ] = None,
) -> CommandResult:
    """End a key for good, at once, or all keys that a file names; again changes nothing."""
    why = None if reason is None else checked(wire.Reason, reason, "reason")
    if key_id is not None and leaked is None:
        return _ended(context, key_id, why)
    if key_id is None and leaked is not None:
        return deactivate_leaked(context, leaked, why)
    raise WrongUsageError("Say which key: KEY_ID, or --leaked FILE for all that a file names, and not both.")


def _ended(context: OperatorContext, key_id: UUID, why: str | None) -> CommandResult:
    account_id = context.get(ApiKey, key_id).account_id
    return _key(context, context.execute(DeactivateKey(by=context.caller(account_id), key_id=key_id, reason=why)))


def _key(context: OperatorContext, key_id: UUID) -> CommandResult:
    return CommandResult(key_resource(context.get(ApiKey, key_id), context.services.clock()), _COLUMNS, blanks=_BLANKS)


def _shown_once(context: OperatorContext, key_id: UUID, secret: KeySecret, more: str = "") -> CommandResult:
    return CommandResult(
        {**_key(context, key_id).document, "key": secret.text},
        {"id": "Id", "name": "Name", "flow_id": "Process", "expires_at": "Expires", "key": "Key"},
        note="Copy the key now: it is not shown again. A lost key can't be found, only deactivated and replaced."
        + more,
        blanks=_BLANKS,
    )
