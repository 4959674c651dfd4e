"""An API key: made, used, throttled, deactivated. Every rule about who gets in is decided here.

The rules: deactivation is permanent; expiry holds at the exact instant; at most `limit` uses in any 60 seconds, where
every authenticated request is a use, also one that is then refused, and a throttled one is not. They are decided on
this state and appended to the key's own stream with optimistic concurrency, so they hold across threads, processes
and machines without a shared cache.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import PlainSerializer, PlainValidator
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from domain.errors import FieldError, InvalidApiKeyError, InvalidInputError, RateLimitedError
from domain.limits import KEY_EXPIRY_NOTICE, RATE_LIMIT_MAX, RATE_LIMIT_MIN, RATE_WINDOW
from domain.model import Aggregate, Cause, Event, FirstEvent, Snapshot
from domain.names import checked_name, checked_reason
from domain.rate_limit import Quota, Window

Outcome = Literal["accepted", "replayed", "rejected"]


class KeyStatus(StrEnum):
    """What a key is at an instant; the first two let requests in."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    DEACTIVATED = "deactivated"


class ApiKey(Aggregate):
    """A credential of one account, or of one process of it, for the Ingest API."""

    TOPIC: ClassVar[str] = "api_key"
    CONTAINERS: ClassVar[tuple[str, ...]] = ("window",)

    def __init__(self) -> None:
        self.account_id: UUID
        self.flow_id: UUID | None
        self.name: str
        self.prefix: str
        self.limit: int
        self.expires_at: datetime | None
        self.created_at: datetime
        self.created_by: str
        self.uses = 0
        self.window = Window()
        self.last_used_at: datetime | None = None
        self.throttled_at: datetime | None = None
        self.deactivated_at: datetime | None = None
        self.deactivated_by: str | None = None
        self.deactivation_reason: str | None = None

    class Created(FirstEvent):
        """A key was made. Its secret is in no event; the stream's id follows from the secret's SHA-256."""

        TOPIC: ClassVar[str] = "api_key.created"
        account_id: UUID
        flow_id: UUID | None = None
        name: str
        prefix: str
        limit: int
        expires_at: datetime | None = None

        def apply(self, aggregate: ApiKey) -> None:
            """Assign."""
            aggregate.account_id = self.account_id
            aggregate.flow_id = self.flow_id
            aggregate.name = self.name
            aggregate.prefix = self.prefix
            aggregate.limit = self.limit
            aggregate.expires_at = self.expires_at
            aggregate.created_at = self.timestamp
            aggregate.created_by = self.actor

    class Used(Event):
        """One authenticated request. `problem` is the slug of a rejection; `job_id` the job that it was about."""

        TOPIC: ClassVar[str] = "api_key.used"
        outcome: Outcome
        problem: str | None = None
        job_id: UUID | None = None
        address: str | None = None

        def apply(self, aggregate: ApiKey) -> None:
            """Assign, and let go of the uses that no window will hold again."""
            aggregate.uses += 1
            aggregate.last_used_at = self.timestamp
            aggregate.window.add(self.timestamp)

    class Throttled(Event):
        """The first refusal of a window; later ones are not recorded, so that refusals can't grow the log."""

        TOPIC: ClassVar[str] = "api_key.throttled"
        address: str | None = None

        def apply(self, aggregate: ApiKey) -> None:
            """Assign."""
            aggregate.throttled_at = self.timestamp

    class Deactivated(Event):
        """The end of the key. No event undoes it."""

        TOPIC: ClassVar[str] = "api_key.deactivated"
        reason: str | None = None

        def apply(self, aggregate: ApiKey) -> None:
            """Assign."""
            aggregate.deactivated_at = self.timestamp
            aggregate.deactivated_by = self.actor
            aggregate.deactivation_reason = self.reason

    @classmethod
    def create(  # noqa: PLR0913 - a key has these fields
        cls,
        cause: Cause,
        *,
        key_id: UUID,
        account_id: UUID,
        flow_id: UUID | None,
        name: str,
        prefix: str,
        limit: int,
        expires_at: datetime | None,
    ) -> Self:
        """Make a key.

        Raises InvalidInputError for a name that won't do, a limit out of range, an expiry that is not in the future.
        """
        errors = []
        if not RATE_LIMIT_MIN <= limit <= RATE_LIMIT_MAX:
            errors.append(FieldError("/limit", f"must be from {RATE_LIMIT_MIN} to {RATE_LIMIT_MAX}"))
        if expires_at is not None and expires_at <= cause.at:
            errors.append(FieldError("/expires_at", "must be in the future"))
        if errors:
            raise InvalidInputError(errors)
        return cls._begin(
            cls.Created,
            key_id,
            cause,
            account_id=account_id,
            flow_id=flow_id,
            name=checked_name(name),
            prefix=prefix,
            limit=limit,
            expires_at=expires_at,
        )

    def status(self, at: datetime) -> KeyStatus:
        """Return what the key is at `at`. The one predicate: pages show it and requests are let in by it."""
        if self.deactivated_at is not None:
            return KeyStatus.DEACTIVATED
        if self.expires_at is None:
            return KeyStatus.ACTIVE
        if at >= self.expires_at:
            return KeyStatus.EXPIRED
        return KeyStatus.EXPIRING if self.expires_at - at <= KEY_EXPIRY_NOTICE else KeyStatus.ACTIVE

    def is_active(self, at: datetime) -> bool:
        """Return whether the key lets requests in at `at`."""
        return self.status(at) in {KeyStatus.ACTIVE, KeyStatus.EXPIRING}

    def quota(self, at: datetime) -> Quota:
        """Return what is left of the limit at `at`. On a clock that is behind, whoever waits has to wait longer."""
        return self.window.quota(self.limit, self.stamp(at), clock=at)

    def has_room(self, at: datetime) -> bool:
        """Return whether the limit leaves something at `at`."""
        return self.window.has_room(self.limit, self.stamp(at))

    def admit(self, at: datetime) -> None:
        """Check that a request may use the key now.

        Raises InvalidApiKeyError when it is deactivated or expired, RateLimitedError when the limit is used up.
        """
        if not self.is_active(self.stamp(at)):
            raise InvalidApiKeyError
        if not self.has_room(at):
            raise RateLimitedError(self.quota(at))

    def use(
        self,
        cause: Cause,
        outcome: Outcome,
        *,
        problem: str | None = None,
        job_id: UUID | None = None,
        address: str | None = None,
    ) -> None:
        """Record one authenticated request. Raises what `admit` raises."""
        self.admit(cause.at)
        self._trigger(self.Used, cause, outcome=outcome, problem=problem, job_id=job_id, address=address)

    def throttle(self, cause: Cause, address: str | None = None) -> None:
        """Record that requests are being refused, unless that was recorded in the last 60 seconds."""
        if self.throttled_at is None or self.stamp(cause.at) - self.throttled_at >= RATE_WINDOW:
            self._trigger(self.Throttled, cause, address=address)

    def deactivate(self, cause: Cause, reason: str | None = None) -> None:
        """End the key for good. Again changes nothing. Raises InvalidInputError for a reason that won't do."""
        reason = checked_reason(reason)
        if self.deactivated_at is None:
            self._trigger(self.Deactivated, cause, reason=reason)


def _window(times: Window | list[int]) -> Window:
    return times if isinstance(times, Window) else Window(times)


class ApiKeyState(TypedDict):
    """What a snapshot of a key holds: the attributes of ApiKey and the two times that the library keeps."""

    account_id: UUID
    flow_id: UUID | None
    name: str
    prefix: str
    limit: int
    expires_at: datetime | None
    created_at: datetime
    created_by: str
    uses: int
    window: Annotated[Window, PlainValidator(_window), PlainSerializer(lambda window: window.microseconds)]
    last_used_at: datetime | None
    throttled_at: datetime | None
    deactivated_at: datetime | None
    deactivated_by: str | None
    deactivation_reason: str | None
    _created_on: datetime
    _modified_on: datetime


class ApiKeySnapshot(Snapshot):
    """A key at one version; a busy key has tens of millions of uses."""

    TOPIC: ClassVar[str] = "api_key.snapshot"
    class_version: ClassVar[int] = 2
    state: ApiKeyState

    @staticmethod
    def upcast_v1_v2(snapshot: dict[str, Any]) -> None:
        """Take the window's times as numbers."""
        state = snapshot["state"]
        state["window"] = Window.of(datetime.fromisoformat(time) for time in state["window"]).microseconds
