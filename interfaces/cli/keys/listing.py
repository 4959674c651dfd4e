"""`rpawatch keys list`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from domain.limits import PAGE_ITEMS_MAX, UNUSED_DAYS_MAX
from domain.times import time_text
from interfaces.cli.keys.group import KEYS
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.options import AccountOption, ids_option
from interfaces.cli.output import CommandResult, WrongUsageError
from interfaces.cli.store_command import store_command
from interfaces.http.answers.keys import key_resource
from interfaces.queries.batches import batched
from projections.keys.queries import KEY_SORTS, KeyFilter
from projections.keys.uses import UseRow
from projections.paging import all_items

_COLUMNS = {
    "id": "Id",
    "name": "Name",
    "prefix": "Prefix",
    "flow_id": "Process",
    "status": "Status",
    "created_at": "Created",
    "last_used_at": "Last used",
    "uses_of_a_day": "Uses in 24 h",
    "expires_at": "Expires",
}
_BLANKS = {"flow_id": "(all of the account)", "expires_at": "(never)", "last_used_at": "(never)"}


@store_command(
    KEYS,
    "list",
    examples="""
        rpawatch keys list
        rpawatch keys list --account Finance --search "invoice sap" --sort=-last_used_at
        rpawatch keys list --inactive --json | jq -r '.items[].id'
    """,
)
def list_keys(  # noqa: PLR0913 - each is an option
    context: OperatorContext,
    *,
    account: AccountOption = None,
    inactive: Annotated[bool, typer.Option("--inactive", help="Those that have ended, and no others.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Beginnings of words of the name, or of the prefix."),
    ] = None,
    process: Annotated[list[UUID] | None, ids_option("FLOW_ID", "Made for this process only.")] = None,
    unused_for: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=0, max=UNUSED_DAYS_MAX, help="Not used for so long."),
    ] = None,
    sort: Annotated[str, typer.Option(metavar="FIELD", help=f"One of {', '.join(KEY_SORTS)}.")] = KEY_SORTS[0],
) -> CommandResult:
    """List the keys of an account, with their uses in the last 24 hours by the hour."""
    if sort not in KEY_SORTS:
        raise WrongUsageError(f"--sort must be one of {', '.join(KEY_SORTS)}.")
    account_id, now = context.account(account).id, context.services.clock()
    context.wait_for_lists()
    only = KeyFilter(
        active=None if everything else not inactive,
        search=search,
        flow_ids=frozenset(process or ()) or None,
        unused_since=None if unused_for is None else now - timedelta(days=unused_for),
    )
    items = []
    keys = list(all_items(lambda page: context.services.keys.page(account_id, page, now, only), sort))
    for some in batched(keys, PAGE_ITEMS_MAX):
        uses = context.services.keys.uses_of_a_day(account_id, [key.id for key in some], now)
        for key in some:
            by_hour = uses[key.id]
            of_a_day = sum(hour.accepted + hour.replayed for hour in by_hour)
            items.append(
                {**key_resource(key, now), "uses_by_hour": list(map(_hour, by_hour)), "uses_of_a_day": of_a_day}
            )
    return CommandResult({"items": items}, _COLUMNS, blanks=_BLANKS)


def _hour(row: UseRow) -> dict[str, object]:
    """Return how often a key was used in an hour, by what came of it."""
    return {
        "hour": time_text(row.hour),
        "accepted": row.accepted,
        "replayed": row.replayed,
        "rejected": row.rejected,
        "throttled": row.throttled,
    }
