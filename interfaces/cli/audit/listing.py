"""`rpawatch audit list` and `export`: who did what, when, to what and from where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.model import SYSTEM_ACTOR
from interfaces.audit_export import EXPORT_FORMATS
from interfaces.cli.audit.group import AUDIT
from interfaces.cli.inputs import as_uuid, check_one_place, checked_period
from interfaces.cli.operator_context import OperatorContext, open_context
from interfaces.cli.options import (
    AccountOption,
    AsJson,
    DatabaseUrl,
    DataDir,
    OutputFile,
    RowsMax,
    Since,
    Until,
    ids_option,
    one_of,
)
from interfaces.cli.output import CommandResult, WrongUsageError, notify, show, write_bytes
from interfaces.cli.private_file import private_file
from interfaces.cli.progress_line import ProgressLine, bytes_in_words
from interfaces.cli.store_command import command, store_command
from interfaces.http.answers.audit import AuditItem, audit_item
from interfaces.queries.audit_log import AuditEntry
from projections.audit.listing import ACTIONS, KINDS
from projections.audit.queries import AuditFilter
from projections.paging import first_items

_COLUMNS = {
    "done_at": "Time",
    "who": "Who",
    "action": "Action",
    "what": "To what",
    "changes": "What changed",
    "address": "From where",
}
_ROWS_DEFAULT = 50


InTenant = Annotated[bool, typer.Option("--tenant", help="What was done to roles that hold in the whole tenant.")]
Actor = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHO", help="Only by: a user's address or id, a key's id, or system. May be given several times."
    ),
]
OfAction = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ACTION",
        parser=one_of(*KINDS, *ACTIONS),
        help="Only this, as in api_key.rotated; or all of one kind, as in api_key. May be given several times.",
    ),
]
OfResource = Annotated[list[UUID] | None, ids_option("ID", "Only to this: a key, flow, user or account id.")]


@store_command(
    AUDIT,
    "list",
    examples="""
        rpawatch audit list
        rpawatch audit list --account Finance --action api_key --from 2026-03-01T00:00:00Z
        rpawatch audit list --tenant --actor ann@example.com --json
    """,
)
def list_audit(  # noqa: PLR0913 - each is an option
    context: OperatorContext,
    *,
    account: AccountOption = None,
    tenant: InTenant = False,
    actor: Actor = None,
    action: OfAction = None,
    resource: OfResource = None,
    since: Since = None,
    until: Until = None,
    limit: RowsMax = _ROWS_DEFAULT,
) -> CommandResult:
    """List what was done in an account, or to roles in the tenant, newest first."""
    scope_id = _scope(context, account, tenant=tenant)
    where = _filter(context, actor, action, resource, since, until)
    context.wait_for_lists()
    entries, cursor = first_items(lambda page: context.services.audit_log.page(scope_id, where, page), limit)
    items = [audit_item(entry) for entry in entries]
    note = None if cursor is None else f"There are more than {limit:,}. See them with --limit, --to, or `audit export`."
    return CommandResult({"items": items}, _COLUMNS, note=note, rows=[_for_people(item) for item in items])


@command(
    AUDIT,
    "export",
    examples="""
        rpawatch audit export --format csv --output audit.csv
        rpawatch audit export --format jsonl --account Finance --from 2026-03-01T00:00:00Z | gzip > march.jsonl.gz
    """,
)
def export_audit(  # noqa: PLR0913 - each is an option
    *,
    written_as: Annotated[
        str,
        typer.Option(
            "--format", metavar="|".join(EXPORT_FORMATS), parser=one_of(*EXPORT_FORMATS), help="What to write."
        ),
    ],
    output: OutputFile = None,
    account: AccountOption = None,
    tenant: InTenant = False,
    actor: Actor = None,
    action: OfAction = None,
    resource: OfResource = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write all that was done in an account, or to roles in the tenant, oldest first.

    FILE is there when it is whole, and as it was before when something fails. --json says what was written to it.
    """
    if as_json and output is None:
        raise WrongUsageError("--json says what was written to a file. Name it with --output, or leave --json out.")
    with open_context(data_dir, database_url) as context:
        scope_id = _scope(context, account, tenant=tenant)
        where = _filter(context, actor, action, resource, since, until)
        context.wait_for_lists()
        export = _Export(context, scope_id, where, written_as)
        if output is None:
            for piece in export.pieces():
                write_bytes(piece)
            notify(f"{export.rows:,} rows.")
            return
        with private_file(output) as file:
            for piece in export.pieces():
                file.write(piece)
        document = {"file": str(output), "format": written_as, "rows": export.rows, "bytes": export.size}
        columns = {"file": "File", "format": "Format", "rows": "Rows", "bytes": "Bytes"}
        show(CommandResult(document, columns), as_json=as_json)


class _Export:
    """Makes a file, and counts what is in it."""

    def __init__(self, context: OperatorContext, scope_id: UUID, where: AuditFilter, written_as: str) -> None:
        self._pages = context.services.audit_log.pages(scope_id, where)
        self._format = EXPORT_FORMATS[written_as]
        self.rows = 0
        self.size = 0

    def pieces(self) -> Iterator[bytes]:
        """Yield the file, piece by piece."""
        with ProgressLine("Exporting") as progress:
            for piece in self._format.pieces(self._counted()):
                self.size += len(piece)
                progress.show(lambda: f"Exported {self.rows:,} rows, {bytes_in_words(self.size)}", self.size)
                yield piece

    def _counted(self) -> Iterator[list[AuditEntry]]:
        for page in self._pages:
            self.rows += len(page)
            yield page


def _scope(context: OperatorContext, account: str | None, *, tenant: bool) -> UUID:
    check_one_place(account, tenant=tenant)
    return context.services.tenant_id if tenant else context.account(account).id


def _filter(  # noqa: PLR0913, PLR0917 - one for each option
    context: OperatorContext,
    actor: list[str] | None,
    action: list[str] | None,
    resource: list[UUID] | None,
    since: str | None,
    until: str | None,
) -> AuditFilter:
    begins, ends = checked_period(since, until)
    return AuditFilter(
        actors=frozenset(_actor(context, one) for one in actor or ()) or None,
        actions=frozenset(action or ()) or None,
        resource_ids=frozenset(resource or ()) or None,
        since=begins,
        before=ends,
    )


def _actor(context: OperatorContext, text: str) -> str:
    if text == SYSTEM_ACTOR:
        return text
    found = as_uuid(text)
    return str(context.user(text).user_id if found is None else found)


def _for_people(item: AuditItem) -> dict[str, Any]:
    resource = item["resource"]
    return {
        **item,
        "done_at": item["at"],
        "who": item["actor_name"] or item["actor"],
        "what": f"{resource['kind']} {resource['label'] or resource['id']}",
    }
