"""The audit log of an account: page by page, or all of it as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from application.access import turn_of
from application.caller import AccountCaller
from domain.errors import NotFoundError
from domain.model import SYSTEM_ACTOR
from domain.permissions import Action
from interfaces.audit_export import EXPORT_FORMAT_DEFAULT, EXPORT_FORMATS
from interfaces.http.answers.audit import AUDIT_PAGE, audit_item
from interfaces.http.answers.fields import ACTOR_PATTERN
from interfaces.http.operation import ACCOUNT_PATH, AccountRequest, AdminOperations, Operation, Success, page_of
from interfaces.http.parameters import parameter, refused, several
from interfaces.http.query import FROM, PAGE, TO, choice, choices, filter_of, ids
from interfaces.http.requests import path_uuid
from projections.audit.listing import ACTIONS, KINDS
from projections.audit.queries import AuditFilter

if TYPE_CHECKING:
    import falcon

    from interfaces.http.answers.audit import AuditPage


def actor_parameter(req: falcon.Request) -> str | None:
    """Return the parameter `actor`: who did it, or None when it is not there. Raises ProblemError."""
    text = parameter(req, "actor")
    return None if text is None else _actor(text)


def _actor(text: str) -> str:
    try:
        return SYSTEM_ACTOR if text == SYSTEM_ACTOR else str(path_uuid(text))
    except NotFoundError:
        raise refused(f"actor must be the id of a user or key, or {SYSTEM_ACTOR}") from None


OPERATIONS: list[Operation] = []
_AUDIT = AdminOperations[AccountCaller](OPERATIONS, "Audit log", f"{ACCOUNT_PATH}/audit")

ACTOR = filter_of(
    "actor",
    f"Only what this one did: the id of a user or key, or `{SYSTEM_ACTOR}` for the operator.",
    {"type": "string", "pattern": ACTOR_PATTERN},
    lambda req: frozenset(map(_actor, several(req, "actor"))) or None,
)
ACTION = choices("action", "Only this action, or all of one kind.", (*KINDS, *ACTIONS), "AuditActionFilter")
RESOURCE = ids(
    "resource",
    "Only what was done to this: the id of a key or account, the flow_id of a process, the user_id of a member.",
)
FORMAT = choice(
    "format", f"What the file is to be; `{EXPORT_FORMAT_DEFAULT}` when it is left out.", EXPORT_FORMATS, "ExportFormat"
)
_FILTERS: Final = (ACTOR, ACTION, RESOURCE, FROM, TO)


@_AUDIT.get(action=Action.READ_AUDIT, query=(*PAGE, *_FILTERS), success=page_of(AUDIT_PAGE))
def list_audit(request: AccountRequest[None]) -> AuditPage:
    """List who did what, when, to what and from where.

    For account admins, tenant admins and auditors; newest first. All filters together hold.
    """
    items, next_cursor = request.services.audit_log.page(request.caller.account_id, _filter(request), request.page())
    return {"items": [audit_item(entry) for entry in items], "next_cursor": next_cursor}


@_AUDIT.get(
    "/export",
    action=Action.READ_AUDIT,
    query=(FORMAT, *_FILTERS),
    success=Success[None](
        description="The file.",
        # In this order: see BINARY of the document.
        media_types=tuple(sorted(chosen.media_type.partition(";")[0] for chosen in EXPORT_FORMATS.values())),
        headers=("Content-Disposition",),
    ),
    problems=("not-implemented",),
)
def export_audit(request: AccountRequest[None]) -> None:
    """Get all that matches as a file.

    For account admins, tenant admins and auditors; oldest first, up to what was there when it began. It is chunked: an
    answer that ends before its last chunk is not whole. Few are sent at the same time; one more gets a 503. HTTP/1.0,
    where nobody could tell that the end is missing, gets a 501. JSON Lines has the items of the list, one a line. In
    CSV, a cell that a spreadsheet would take for a formula begins with a single quote.
    """
    services, caller = request.services, request.caller
    file_format = request[FORMAT] or EXPORT_FORMAT_DEFAULT
    chosen = EXPORT_FORMATS[file_format]
    pieces = chosen.pieces(services.audit_log.pages(caller.account_id, _filter(request)))
    request.resp.content_type = chosen.media_type
    name = f"audit-{caller.account_id}-{services.clock():%Y%m%dT%H%M%SZ}.{file_format}"
    turn = turn_of(services.event_sourcing, UUID(caller.actor), services.tenant_id, caller.account_id)
    services.downloads.send(request.req, request.resp, pieces, name, turn=turn)


def _filter(request: AccountRequest[None]) -> AuditFilter:
    since, before = request.period()
    return AuditFilter(
        actors=request[ACTOR],
        actions=request[ACTION],
        resource_ids=request[RESOURCE],
        since=since,
        before=before,
    )
