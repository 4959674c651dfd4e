"""The audit log, as the API answers with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from domain.member import Member
from domain.model import SYSTEM_ACTOR
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
    from collections.abc import Mapping

    from projections.audit_log import AuditRow


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


def actor_kind(row: AuditRow) -> str:
    """Return what did it: a user, a key, or the operator."""
    if row.actor == SYSTEM_ACTOR:
        return "system"
    # A key does nothing but what happens to itself.
    return "key" if row.kind == "api_key" and row.actor == str(row.resource_id) else "user"


def audit_item(row: AuditRow, names: Mapping[str, str]) -> AuditItem:
    """Return a row of the audit log. names: of people, by their ids."""
    kind = actor_kind(row)
    return {
        "position": row.position,
        "at": time_text(row.at),
        "actor": row.actor,
        "actor_name": names.get(row.actor) if kind == "user" else None,
        "actor_kind": kind,
        "action": row.action,
        "resource": {
            "kind": row.kind,
            "id": str(row.resource_id),
            "label": names.get(str(row.resource_id)) if row.kind == Member.TOPIC else _label(row),
        },
        "address": row.address,
        "request_id": row.request_id,
        "version": row.version,
        "changes": {name: _shown(name, value) for name, value in row.changes.items()},
    }


def _label(row: AuditRow) -> str | None:
    return row.name if row.prefix is None else f"{row.name} ({row.prefix})"


def _shown(name: str, value: Any) -> Any:  # noqa: ANN401 - of any event's fields
    return time_text(datetime.fromisoformat(value)) if name.endswith("_at") else value


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
