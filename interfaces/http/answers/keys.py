"""Keys, what they were and what happened to them, as the API answers with them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from domain.api_key import KeyStatus
from domain.times import time_text
from interfaces.http.answers.fields import (
    ACCOUNT_ID,
    FLOW_ID,
    KEY_ID,
    REQUEST_ID,
    USER_ID,
    AccountId,
    Actor,
    ActorKind,
    ActorName,
    Address,
    Answer,
    Cursor,
    Id,
    Instant,
    Limit,
    Position,
    RequestId,
    named,
    text_or_none,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ingest import KeyView
    from application.replay.keys import ReplayedEvent
    from domain.api_key import ApiKey
    from interfaces.queries.key_history import HistoryEntry, PastKey
    from projections.keys.listing import KeyRow

Prefix = Annotated[str, Field(description="The public part: the 8 characters after `rpakey_`.")]
Scope = Annotated[Id | None, Field(description="The one process that the key is for; null for the account.")]


class OwnKey(TypedDict):
    """What a bot may know of its own key."""

    name: str
    prefix: Prefix
    account_id: AccountId
    account_name: str
    flow_id: Scope
    expires_at: Instant | None
    limit: Limit


class Key(TypedDict):
    """An API key, without its secret. `active` and `status` come from the check that lets requests in."""

    id: Id
    account_id: AccountId
    name: str
    prefix: Prefix
    flow_id: Scope
    limit: Limit
    created_at: Instant
    created_by: Actor
    last_used_at: Instant | None
    uses: Annotated[int, Field(ge=0, description="Requests that the key was let in with, refused ones included.")]
    expires_at: Instant | None
    active: Annotated[bool, Field(description="Whether the key lets requests in now.")]
    status: Annotated[str, named(KeyStatus.__name__)]
    deactivated_at: Instant | None
    deactivated_by: Actor | None
    deactivation_reason: str | None
    rotated_to: Annotated[Id | None, Field(description="The key that has taken the place of this one.")]
    rotated_from: Annotated[Id | None, Field(description="The key that this one has taken the place of.")]
    refusals: Annotated[int, Field(ge=0, description="Requests that were refused since the key has ended.")]
    refused_at: Annotated[Instant | None, Field(description="The last one of them. It may be an hour behind.")]
    refused_address: Annotated[str | None, Field(description="Where that one came from.")]


class KeyPage(TypedDict):
    """A page of keys."""

    items: list[Key]
    next_cursor: Cursor


class CreatedKey(Key):
    """A new key with its secret, which is in this answer and never again."""

    key: Annotated[
        str,
        Field(
            pattern=r"^rpakey_[0-9A-Za-z]{38}$",
            description="The secret. Store it now, as you would a password, and send it in X-API-Key.",
        ),
    ]


class AsOf(TypedDict):
    """Which moment of the key this is."""

    version: Annotated[int, Field(ge=1, description="How many events had happened to it.")]
    at: Instant


class KeyAsOf(Key):
    """A key as it is, or as it was: then `as_of` says when, and `active` and `status` are those of that moment."""

    as_of: NotRequired[Annotated[AsOf, Field(description="With `as_of` or `version` only.")]]


class KeyEvent(TypedDict):
    """One thing that happened to a key, as the log has it."""

    version: Annotated[int, Field(ge=1, description="Which event of the key it is, from 1.")]
    at: Instant
    actor: Actor
    action: Annotated[str, named("HistoryAction")]
    changes: Annotated[dict[str, list[Any]], named("KeyChanges")]
    outcome: Annotated[str | None, named("UseOutcome", "Null but of a use.")]
    problem: Annotated[str | None, Field(description="Of a use that was rejected: the problem.")]
    job_id: Annotated[Id | None, Field(description="Of a use: the job that it was about.")]
    address: Address
    request_id: RequestId
    position: Position


class HistoryItem(KeyEvent):
    """One thing that happened to a key."""

    actor_name: ActorName
    actor_kind: ActorKind


class HistoryPage(TypedDict):
    """A page of what happened to a key, in order."""

    items: list[HistoryItem]
    next_cursor: Cursor


def own_key(view: KeyView) -> OwnKey:
    """Return what a bot may know of its own key."""
    key = view.key
    return {
        "name": key.name,
        "prefix": key.prefix,
        "account_id": str(key.account_id),
        "account_name": view.account_name,
        "flow_id": text_or_none(key.flow_id),
        "expires_at": time_text(key.expires_at),
        "limit": key.limit,
    }


def key_resource(key: ApiKey | KeyRow, now: datetime) -> Key:
    """Return the key resource; `active` and `status` come from the predicate that lets requests in."""
    now = key.stamp(now)
    return {
        "id": str(key.id),
        "account_id": str(key.account_id),
        "name": key.name,
        "prefix": key.prefix,
        "flow_id": text_or_none(key.flow_id),
        "limit": key.limit,
        "created_at": time_text(key.created_at),
        "created_by": key.created_by,
        "last_used_at": time_text(key.last_used_at),
        "uses": key.uses,
        "expires_at": time_text(key.expires_at),
        "active": key.is_active(now),
        "status": key.status(now).value,
        "deactivated_at": time_text(key.deactivated_at),
        "deactivated_by": key.deactivated_by,
        "deactivation_reason": key.deactivation_reason,
        "rotated_to": text_or_none(key.rotated_to),
        "rotated_from": text_or_none(key.rotated_from),
        "refusals": key.refusals,
        "refused_at": time_text(key.refused_at),
        "refused_address": key.refused_address,
    }


def key_as_of(past: PastKey) -> KeyAsOf:
    """Return the key resource as it was, and which moment that was."""
    resource = key_resource(past.key, past.at)
    return {**resource, "as_of": {"version": past.key.version, "at": time_text(past.at)}}


def history_item(entry: HistoryEntry) -> HistoryItem:
    """Return an event of a key, and who did it."""
    return {**key_event(entry.event), "actor_name": entry.by.name, "actor_kind": entry.by.kind.value}


def key_event(event: ReplayedEvent) -> KeyEvent:
    """Return an event of a key. changes: field to [before, after]; what came of a use stands beside it, else null."""
    return {
        "version": event.version,
        "at": time_text(event.at),
        "actor": event.actor,
        "action": event.action,
        "changes": changes_item(event.changes),
        "outcome": event.details.get("outcome"),
        "problem": event.details.get("problem"),
        "job_id": text_or_none(event.details.get("job_id")),
        "address": event.address,
        "request_id": event.request_id,
        "position": event.position,
    }


def changes_item(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Return changes as JSON knows them."""
    return {name: [shown(before), shown(after)] for name, (before, after) in changes.items()}


def shown(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a value of a key's state as JSON knows it."""
    if isinstance(value, datetime):
        return time_text(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


OWN_KEY = Answer[OwnKey](
    OwnKey,
    {
        "name": "Invoices, nightly",
        "prefix": "ExampleE",
        "account_id": ACCOUNT_ID,
        "account_name": "Finance",
        "flow_id": FLOW_ID,
        "expires_at": None,
        "limit": 120,
    },
)
_NEW: Key = {
    "id": KEY_ID,
    "account_id": ACCOUNT_ID,
    "name": "Invoices, nightly",
    "prefix": "ExampleE",
    "flow_id": FLOW_ID,
    "limit": 120,
    "created_at": "2026-03-10T20:00:00.000000Z",
    "created_by": USER_ID,
    "last_used_at": None,
    "uses": 0,
    "expires_at": None,
    "active": True,
    "status": "active",
    "deactivated_at": None,
    "deactivated_by": None,
    "deactivation_reason": None,
    "rotated_to": None,
    "rotated_from": None,
    "refusals": 0,
    "refused_at": None,
    "refused_address": None,
}
CREATED_KEY = Answer[CreatedKey](CreatedKey, {**_NEW, "key": "rpakey_ExampleExampleExampleExampleExample000"})
KEY = Answer[Key](
    Key,
    {
        **_NEW,
        "active": False,
        "status": "deactivated",
        "deactivated_at": "2026-03-11T08:30:00.000000Z",
        "deactivated_by": USER_ID,
        "deactivation_reason": "The robot was retired",
    },
)
KEY_PAGE = Answer[KeyPage](KeyPage, {"items": [KEY.example], "next_cursor": None})
KEY_AS_OF = Answer[KeyAsOf](KeyAsOf, {**KEY.example, "as_of": {"version": 1204, "at": "2026-03-11T08:30:00.000000Z"}})
HISTORY_PAGE = Answer[HistoryPage](
    HistoryPage,
    {
        "items": [
            {
                "version": 3,
                "at": "2026-03-11T08:30:00.000000Z",
                "actor": USER_ID,
                "actor_name": "Alice",
                "actor_kind": "user",
                "action": "api_key.rate_limit_changed",
                "changes": {"limit": [60, 120]},
                "outcome": None,
                "problem": None,
                "job_id": None,
                "address": "192.0.2.7",
                "request_id": REQUEST_ID,
                "position": 4711,
            }
        ],
        "next_cursor": None,
    },
)
