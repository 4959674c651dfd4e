"""The audit log, as the API answers with it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

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
