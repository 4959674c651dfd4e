"""What the API answers with, for its document. `presenters.py` makes these; schemathesis sees that the two agree."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.api_key import KeyStatus
from domain.limits import POSITION_MAX
from domain.model import SYSTEM_ACTOR
from domain.report import Counts, JobStatus
from interfaces.http.openapi.named import named

_UUID = "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
ACTOR_PATTERN = f"^(?:{SYSTEM_ACTOR}|{_UUID})$"

Instant = Annotated[
    datetime,
    Field(
        description="RFC 3339 in UTC, with `Z` and always six digits of a second.",
        json_schema_extra={"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"},
    ),
]
Cursor = Annotated[str | None, Field(description="Send it as `cursor` to get the next page; null on the last one.")]
AccountId = Annotated[UUID, Field(description="The account.")]
Actor = Annotated[
    str, Field(pattern=ACTOR_PATTERN, description="The id of a user or key, or `system` for the operator.")
]
Position = Annotated[int, Field(ge=1, le=POSITION_MAX, description="Its place in the log of the whole installation.")]
Limit = Annotated[int, Field(ge=1, description="Requests in any 60 seconds.", json_schema_extra={"format": "int32"})]


class Answer(BaseModel):
    """What the API answers with. Later versions may add fields, so the document forbids none; tests do."""


class JobReceipt(Answer):
    """A job that is on disk. Whatever was answered with 201 survives any crash."""

    job_id: UUID
    account_id: AccountId
    flow_id: UUID
    status: Annotated[JobStatus, Field(description="As it was sent, or computed from the details.")]
    counts: Counts
    duration_seconds: Annotated[float, Field(ge=0, description="From started_at to finished_at.")]
    received_at: Instant


class OwnKey(Answer):
    """What a bot may know of its own key."""

    name: str
    prefix: Annotated[str, Field(description="The public part: the 8 characters after `rpakey_`.")]
    account_id: AccountId
    account_name: str
    flow_id: Annotated[UUID | None, Field(description="The one process that the key is for; null for the account.")]
    expires_at: Instant | None
    limit: Limit


class Key(Answer):
    """An API key, without its secret. `active` and `status` come from the check that lets requests in."""

    id: UUID
    account_id: AccountId
    name: str
    prefix: Annotated[str, Field(description="The public part: the 8 characters after `rpakey_`.")]
    flow_id: Annotated[UUID | None, Field(description="The one process that the key is for; null for the account.")]
    limit: Limit
    created_at: Instant
    created_by: Actor
    last_used_at: Instant | None
    uses: Annotated[int, Field(ge=0, description="Requests that the key was let in with, refused ones included.")]
    expires_at: Instant | None
    active: Annotated[bool, Field(description="Whether the key lets requests in now.")]
    status: KeyStatus
    deactivated_at: Instant | None
    deactivated_by: Actor | None
    deactivation_reason: str | None
    rotated_to: Annotated[UUID | None, Field(description="The key that has taken the place of this one.")]
    rotated_from: Annotated[UUID | None, Field(description="The key that this one has taken the place of.")]
    refusals: Annotated[int, Field(ge=0, description="Requests that were refused since the key has ended.")]
    refused_at: Annotated[Instant | None, Field(description="The last one of them. It may be an hour behind.")]
    refused_address: Annotated[str | None, Field(description="Where that one came from.")]


class CreatedKey(Key):
    """A new key with its secret, which is in this answer and never again."""

    key: Annotated[
        str,
        Field(
            pattern=r"^rpakey_[0-9A-Za-z]{38}$",
            description="The secret. Store it now, as you would a password, and send it in X-API-Key.",
        ),
    ]


class Account(Answer):
    """An isolated workspace: processes, jobs and keys belong to exactly one."""

    id: UUID
    name: str
    opened_at: Instant
    suspended_at: Annotated[Instant | None, Field(description="Since when it takes no reports; null when it does.")]


class LastJob(Answer):
    """The job of a process that was reported last."""

    id: UUID
    status: JobStatus
    received_at: Instant


class Process(Answer):
    """An automated process, which robots run and report jobs of."""

    flow_id: Annotated[UUID, Field(description="What reports name it by; unique in its account.")]
    account_id: AccountId
    name: str
    registered_at: Instant
    retired_at: Annotated[Instant | None, Field(description="Since when it takes no jobs; null when it does.")]
    last_job: Annotated[LastJob | None, Field(description="As the lists know it; null when there was none.")]


class AccountPage(Answer):
    """A page of accounts, by name."""

    items: list[Account]
    next_cursor: Cursor


class KeyPage(Answer):
    """A page of keys."""

    items: list[Key]
    next_cursor: Cursor


class ProcessPage(Answer):
    """A page of processes, by name."""

    items: list[Process]
    next_cursor: Cursor


class AuditResource(Answer):
    """What something was done to."""

    kind: Annotated[str, Field(json_schema_extra=named("AuditKind"))]
    id: Annotated[UUID, Field(description="A key or account id, the flow_id of a process, the user_id of a member.")]
    label: Annotated[
        str | None,
        Field(
            description=(
                "What it was called then: its name, of a key with its public prefix. Of a member, what they are called"
                " now; null when personal data was erased."
            )
        ),
    ]


class AuditItem(Answer):
    """Something that was done."""

    position: Position
    at: Instant
    actor: Actor
    actor_name: Annotated[str | None, Field(description="Of a user, as they are called now; null when erased.")]
    actor_kind: Annotated[str, Field(json_schema_extra=named("ActorKind"))]
    action: Annotated[str, Field(json_schema_extra=named("AuditAction"))]
    resource: AuditResource
    address: Annotated[str | None, Field(description="Where the request came from; null where that is not kept.")]
    request_id: Annotated[str, Field(description="Of the request, whose log line has it too.")]
    version: Annotated[int, Field(ge=1, description="Which event of the resource it is, from 1.")]
    changes: Annotated[dict[str, Any], Field(json_schema_extra=named("AuditChanges"))]


class AuditPage(Answer):
    """A page of the audit log, newest first."""

    items: list[AuditItem]
    next_cursor: Cursor


class Alive(Answer):
    """The process runs."""

    status: Literal["ok"]


class ReadyState(Answer):
    """Whether the service can serve; what is wrong stands beside `status`."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.update(required=["status"]))

    status: Annotated[str, Field(json_schema_extra=named("Readiness"))]
    store: Annotated[str, Field(description="What is wrong with the store; left out when nothing is.")]
    projector: Annotated[str, Field(description="What is wrong with the read models; left out when nothing is.")]
    incomplete_lists: Annotated[
        list[str], Field(description="Read models that are being made for the first time; left out when none are.")
    ]
    dead_letters: Annotated[
        int, Field(ge=1, description="Events that a read model could not take in; left out when there are none.")
    ]
    clock: Annotated[
        str, Field(description="How far the machine's clock is off, which decides nothing; left out when it is right.")
    ]


class BrokenRule(Answer):
    """One rule that the request breaks."""

    pointer: Annotated[
        str, Field(description="RFC 6901 pointer into the body; empty for a header or a query parameter.")
    ]
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details, for every error. `type` leads to a page that explains it; `detail` says what to do."""

    model_config = ConfigDict(
        json_schema_extra=lambda schema: schema.update(
            required=["type", "title", "status", "detail", "instance", "request_id"]
        ),
    )

    type: Annotated[str, Field(pattern="^/problems/[a-z-]+$", description="A stable name to branch on.")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What was wrong and what to do. The wording may change.")]
    instance: Annotated[str, Field(description="The path of the request, or `/` where that must not be repeated.")]
    request_id: Annotated[str, Field(description="Tell it to the operator: the log line has it too.")]
    errors: Annotated[list[BrokenRule], Field(description="Every broken rule, up to the first 100.")]
    more_errors: Annotated[
        bool, Field(description="`true` when more rules are broken than are listed; how many is not counted.")
    ]
    resource: Annotated[Key, Field(description="With `already-created`: the key that the first request made.")]
