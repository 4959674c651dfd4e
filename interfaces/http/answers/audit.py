"""The audit log, as the API answers with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from domain.times import time_text
from interfaces.http.answers.fields import (
    KEY_ID,
    REQUEST_ID,
    USER_ID,
    Actor,
    ActorKind,
    ActorName,
    Address,
    Answer,
    Cursor,
    Id,
    Instant,
    Position,
    RequestId,
    named,
)

if TYPE_CHECKING:
    from interfaces.queries.audit_log import AuditEntry


class AuditResource(TypedDict):
    """What something was done to."""

    kind: Annotated[str, named("AuditKind")]
    id: Annotated[Id, Field(description="A key or account id, the flow_id of a process, the user_id of a member.")]
    label: Annotated[
        str | None,
        Field(
            description=(
                "What it was called then: its name, of a key with its public prefix. Of a member, what they are called"
                " now; null when personal data was erased."
            )
        ),
    ]


class AuditItem(TypedDict):
    """Something that was done."""

    position: Position
    at: Instant
    actor: Actor
    actor_name: ActorName
    actor_kind: ActorKind
    action: Annotated[str, named("AuditAction")]
    resource: AuditResource
    address: Address
    request_id: RequestId
    version: Annotated[int, Field(ge=1, description="Which event of the resource it is, from 1.")]
    changes: Annotated[dict[str, Any], named("AuditChanges")]


class AuditPage(TypedDict):
    """A page of the audit log, newest first."""

    items: list[AuditItem]
    next_cursor: Cursor


def audit_item(entry: AuditEntry) -> AuditItem:
    """Return an entry of the audit log."""
    row, by = entry.row, entry.by
    return {
        "position": row.position,
        "at": time_text(row.at),
        "actor": row.actor,
        "actor_name": by.name,
        "actor_kind": by.kind.value,
        "action": row.action,
        "resource": {"kind": row.kind, "id": str(row.resource_id), "label": entry.label},
        "address": row.address,
        "request_id": row.request_id,
        "version": row.version,
        "changes": {
            name: time_text(value) if isinstance(value, datetime) else value
            for name, value in row.typed_changes.items()
        },
    }


AUDIT_PAGE = Answer[AuditPage](
    AuditPage,
    {
        "items": [
            {
                "position": 4711,
                "at": "2026-03-11T08:30:00.000000Z",
                "actor": USER_ID,
                "actor_name": "Alice",
                "actor_kind": "user",
                "action": "api_key.deactivated",
                "resource": {"kind": "api_key", "id": KEY_ID, "label": "Invoices, nightly (ExampleE)"},
                "address": "192.0.2.7",
                "request_id": REQUEST_ID,
                "version": 1204,
                "changes": {"reason": "The robot was retired"},
            }
        ],
        "next_cursor": None,
    },
)
