"""`rpawatch keys`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from application.keys import CreateKey, DeactivateKey
from domain import key_secret
from domain.api_key import ApiKey
from domain.limits import RATE_LIMIT_DEFAULT, RATE_LIMIT_MAX, RATE_LIMIT_MIN
from domain.report import Time
from interfaces.cli.desk import Desk, checked
from interfaces.cli.output import Answer
from interfaces.cli.store_command import AccountOption, Name, store_command, uuid_of
from interfaces.http import admin as wire
from interfaces.http.presenters import key_resource

_COLUMNS = {
    "id": "Id",
    "account_id": "Account",
    "name": "Name",
    "prefix": "Prefix",
    "flow_id": "Process",
    "limit": "Uses per minute",
    "status": "Status",
    "created_at": "Created",
    "created_by": "Created by",
    "expires_at": "Expires",
    "last_used_at": "Last used",
    "uses": "Uses",
    "deactivated_at": "Deactivated",
    "deactivated_by": "Deactivated by",
    "deactivation_reason": "Reason",
}
_BLANKS = {"flow_id": "(all of the account)", "expires_at": "(never)"}
_keys = typer.Typer(no_args_is_help=True)

KeyId = Annotated[
    UUID,
    typer.Argument(
        metavar="KEY_ID",
        parser=uuid_of,
        help="The id that `keys create` showed, never the key itself.",
        show_default=False,
    ),
]


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    """Add the group."""
    app.add_typer(_keys, name=name, help=help_line)


@store_command(
    _keys,
    "create",
    examples="""
        rpawatch keys create "Nightly run"
        rpawatch keys create "Invoices" --account Finance --process 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11
        rpawatch keys create "Contractor" --expires-at 2027-01-31T18:00:00Z --limit 10
        export RPAWATCH_API_KEY="$(rpawatch keys create "Nightly run" --json | jq -r .key)"
    """,
)
def create_key(  # noqa: PLR0913 - each is an option
    desk: Desk,
    name: Name,
    *,
    account: AccountOption = None,
    process: Annotated[
        UUID | None,
        typer.Option(metavar="FLOW_ID", parser=uuid_of, help="Let it report this process only.", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=RATE_LIMIT_MIN, max=RATE_LIMIT_MAX, help="Uses in any 60 seconds.")
    ] = RATE_LIMIT_DEFAULT,
    expires_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it ends by itself, as in 2027-01-31T18:00:00Z.", show_default=False),
    ] = None,
) -> Answer:
    """Create a key. It is shown this once: only its SHA-256 is kept."""
    secret = key_secret.generate()
    command = CreateKey(
        **desk.caller(desk.account(account).id),
        secret=secret,
        name=checked(wire.Name, name, "name"),
        flow_id=process,
        expires_at=checked(Time, expires_at, "expires_at") if expires_at is not None else None,
        limit=limit,
    )
    shown = _key(desk, desk.execute(command))
    return Answer(
        {**shown.document, "key": secret.text},
        {"id": "Id", "name": "Name", "flow_id": "Process", "expires_at": "Expires", "key": "Key"},
        note="Copy the key now: it is not shown again. A lost key can't be found, only deactivated and replaced.",
        blanks=_BLANKS,
    )


@store_command(_keys, "show", examples="rpawatch keys show 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd --json")
def show_key(desk: Desk, key_id: KeyId) -> Answer:
    """Show a key, never its secret."""
    return _key(desk, key_id)


@store_command(
    _keys,
    "deactivate",
    examples='rpawatch keys deactivate 8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd --reason "Laptop was lost"',
)
def deactivate_key(
    desk: Desk,
    key_id: KeyId,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; it stays in the log for ever.", show_default=False)
    ] = None,
) -> Answer:
    """End a key for good, at once; again changes nothing."""
    account_id = desk.get(ApiKey, key_id).account_id
    why = None if reason is None else checked(wire.Reason, reason, "reason")
    return _key(desk, desk.execute(DeactivateKey(**desk.caller(account_id), key_id=key_id, reason=why)))


def _key(desk: Desk, key_id: UUID) -> Answer:
    return Answer(key_resource(desk.get(ApiKey, key_id), desk.services.clock()), _COLUMNS, blanks=_BLANKS)
