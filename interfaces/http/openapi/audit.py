"""The operations of the audit log."""

from __future__ import annotations

from interfaces.audit_export import EXPORT_FORMATS
from interfaces.http.answers.audit import AUDIT_PAGE
from interfaces.http.openapi.entry import PAGE, READ, Access, Entry, Success, page_of

_AUDIT = "/api/v1/accounts/{account_id}/audit"
_FILTERS = ("actor", "action", "resource", "from", "to")

AUDIT_OPERATIONS: tuple[Entry, ...] = (
    Entry(
        method="get",
        path=_AUDIT,
        name="listAudit",
        tag="Audit log",
        summary="List who did what, when, to what and from where",
        description=("For account admins, tenant admins and auditors; newest first. All filters together hold."),
        access=Access.SESSION,
        parameters=("account_id", *PAGE, *_FILTERS),
        success=page_of(AUDIT_PAGE),
        problems=READ,
    ),
    Entry(
        method="get",
        path=f"{_AUDIT}/export",
        name="exportAudit",
        tag="Audit log",
        summary="Get all that matches as a file",
        description=(
            "For account admins, tenant admins and auditors; oldest first, up to what was there when it began. It is"
            " chunked: an answer that ends before its last chunk is not whole. Few are sent at the same time; one more"
            " gets a 503. HTTP/1.0, where nobody could tell that the end is missing, gets a 501. JSON Lines has the"
            " items of the list, one a line. In CSV, a cell that a spreadsheet would take for a formula begins with a"
            " single quote."
        ),
        access=Access.SESSION,
        parameters=("account_id", "format", *_FILTERS),
        success=(
            Success(
                description="The file.",
                # In this order: see BINARY.
                media_types=tuple(sorted(chosen.media_type.partition(";")[0] for chosen in EXPORT_FORMATS.values())),
                headers=("Content-Disposition",),
            ),
        ),
        problems=(*READ, "not-implemented"),
    ),
)
