"""The operation of the audit log."""

from __future__ import annotations

from interfaces.audit_export import EXPORT_FORMATS
from interfaces.http.openapi import responses as answers
from interfaces.http.openapi.entry import JSON, READ, Access, Entry, Success

AUDIT_OPERATIONS: tuple[Entry, ...] = (
    Entry(
        method="get",
        path="/api/v1/accounts/{account_id}/audit",
        name="listAudit",
        tag="Audit log",
        summary="List who did what, when, to what and from where",
        description=(
            "For account admins, tenant admins and auditors; newest first. With `format`, all that matches is sent as a"
            " file, oldest first, up to what was there when it began; `limit` and `cursor` are then refused. It is"
            " chunked: an answer that ends before its last chunk is not whole. Few are sent at the same time; one more"
            " gets a 503. In CSV, a cell that a spreadsheet would take for a formula begins with a single quote."
        ),
        access=Access.SESSION,
        parameters=("account_id", "limit", "cursor", "actor", "action", "resource", "from", "to", "format"),
        success=(
            Success(
                description="A page, or a file.",
                model=answers.AuditPage,
                media_types=(JSON, *(chosen.media_type.partition(";")[0] for chosen in EXPORT_FORMATS.values())),
                headers=("Link", "Content-Disposition"),
            ),
        ),
        problems=READ,
    ),
)
