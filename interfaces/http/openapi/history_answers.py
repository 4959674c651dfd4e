"""What the API answers with about keys as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from interfaces.http.openapi.named import named
from interfaces.http.openapi.responses import Actor, Answer, Cursor, Instant, Key, Position

if TYPE_CHECKING:
    from pydantic import BaseModel


class AsOf(Answer):
    """Which moment of the key this is."""

    version: Annotated[int, Field(ge=1, description="How many events had happened to it.")]
    at: Instant


class KeyAsOf(Key):
    """A key as it is, or as it was: then `as_of` says when, and `active` and `status` are those of that moment."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema["required"].remove("as_of"))

    as_of: Annotated[AsOf, Field(description="With `as_of` or `version` only.")]


class HistoryItem(Answer):
    """One thing that happened to a key."""

    version: Annotated[int, Field(ge=1, description="Which event of the key it is, from 1.")]
    at: Instant
    actor: Actor
    actor_name: Annotated[str | None, Field(description="Of a user, as they are called now; null when erased.")]
    actor_kind: Annotated[str, Field(json_schema_extra=named("ActorKind"))]
    action: Annotated[str, Field(json_schema_extra=named("HistoryAction"))]
    changes: Annotated[dict[str, Any], Field(json_schema_extra=named("KeyChanges"))]
    outcome: Annotated[str | None, Field(description="Null but of a use.", json_schema_extra=named("UseOutcome"))]
    problem: Annotated[str | None, Field(description="Of a use that was rejected: the problem.")]
    job_id: Annotated[UUID | None, Field(description="Of a use: the job that it was about.")]
    address: Annotated[str | None, Field(description="Where the request came from; null where that is not kept.")]
    request_id: Annotated[str, Field(description="Of the request, whose log line has it too.")]
    position: Position


class HistoryPage(Answer):
    """A page of what happened to a key, in order."""

    items: list[HistoryItem]
    next_cursor: Cursor


_ITEM = {
    "version": 3,
    "at": "2026-03-11T08:30:00.000000Z",
    "actor": "8f14e45f-ceea-467f-a1d6-5f2b3c4d5e6f",
    "actor_name": "Alice",
    "actor_kind": "user",
    "action": "api_key.rate_limit_changed",
    "changes": {"limit": [60, 120]},
    "outcome": None,
    "problem": None,
    "job_id": None,
    "address": "192.0.2.7",
    "request_id": "5d0c3a4be3a24ad89ee72b8a4ab9d5a8",
    "position": 4711,
}
HISTORY_ANSWERS: dict[type[BaseModel], dict[str, Any]] = {HistoryPage: {"items": [_ITEM], "next_cursor": None}}
