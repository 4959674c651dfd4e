"""An API key: made, used, throttled, changed, rotated, ended. Every rule about who gets in is decided here.

The rules: deactivation is permanent; expiry, which a rotation brings forward, holds at the exact instant and only ever
comes sooner; at most `limit` uses in any 60 seconds, where every authenticated request is a use, also one that is then
refused, and a throttled one is not. They are decided on this state and appended to the key's own stream with optimistic
concurrency, so they hold across threads, processes and machines without a shared cache.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal, Self
from uuid import UUID

from domain.errors import (
    AlreadyRotatedError,
    FieldError,
    InvalidApiKeyError,
    InvalidInputError,
    KeyEndedError,
    RateLimitedError,
)
from domain.limits import (
    CLOCKS_APART_MAX,
    KEY_EXPIRY_NOTICE,
    RATE_LIMIT_MAX,
    RATE_LIMIT_MIN,
    RATE_WINDOW,
    ROTATION_OVERLAP_MAX,
)
from domain.model import Aggregate, Event, FirstEvent
from domain.names import checked_name, checked_reason
from domain.rate_limit import Window
from domain.times import Instant

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Cause
    from domain.rate_limit import Quota

Outcome = Literal["accepted", "replayed", "rejected"]
"""The outcome of a request that was let in."""
ROTATED_REASON = "Rotated without overlap"
"""Why a key was deactivated that another one took the place of at once."""


class KeyStatus(StrEnum):
    """What a key is at an instant; the first two let requests in."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    DEACTIVATED = "deactivated"


_LET_IN = frozenset({KeyStatus.ACTIVE, KeyStatus.EXPIRING})
"""What a key must be for a request to be let in."""


@dataclass(kw_only=True)
class KeyState:
    """What a key is, but for the times of its last uses, which its limit is decided by (rate_limit.py).

    flow_id: of the one process that it is for; None for all of the account.
    refusals: attempts after its end.
    refused_at, refused_address: of the last of them.
    rotated_to: the key that took its place, at `rotated_at`.
    """

    account_id: UUID
    flow_id: UUID | None
    name: str
    prefix: str
    limit: int
    expires_at: Instant | None
    created_at: Instant
    created_by: str
    uses: int = 0
    last_used_at: Instant | None = None
    throttled_at: Instant | None = None
    deactivated_at: Instant | None = None
    deactivated_by: str | None = None
    deactivation_reason: str | None = None
    rotated_from: UUID | None
    rotated_to: UUID | None = None
    rotated_at: Instant | None = None
    refusals: int = 0
    refused_at: Instant | None = None
    refused_address: str | None = None

    @property
    def people(self) -> list[str | None]:
        """Who stands in it, as the log has them: whoever did what a field ending in `_by` says."""
        return [getattr(self, field.name) for field in fields(KeyState) if field.name.endswith("_by")]

    def count_against_limit(self, at: datetime) -> None:
        """Take in the time of a use, where the limit is decided: by the aggregate and nobody else."""

    def set_back_limit(self, at: datetime) -> None:
        """Count uses that are later than `at` as at `at`, likewise."""

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
        return self.status(at) in _LET_IN


class ApiKey(Aggregate, KeyState):
    """A credential of one account, or of one process of it, for the Ingest API."""

    TOPIC: ClassVar[str] = "api_key"
    NOUN: ClassVar[str] = "API key"
    CONTAINERS: ClassVar = {"window": Window}
    window: Window

    class Created(FirstEvent):
        """A key was made. Its secret is in no event; the stream's id follows from the secret's SHA-256.

        rotated_from: the key that it takes the place of.
        """

        TOPIC: ClassVar[str] = "api_key.created"
        LABEL: ClassVar = "created"
        ABOUT: ClassVar = ("account_id",)
        account_id: UUID
        flow_id: UUID | None = None
        name: str
        prefix: str
        limit: int
        expires_at: Instant | None = None
        rotated_from: UUID | None = None

        def apply(self, key: KeyState) -> None:
            KeyState.__init__(
                key,
                account_id=self.account_id,
                flow_id=self.flow_id,
                name=self.name,
                prefix=self.prefix,
                limit=self.limit,
                expires_at=self.expires_at,
                created_at=self.timestamp,
                created_by=self.actor,
                rotated_from=self.rotated_from,
            )

    class Used(Event):
        """One authenticated request. `problem` is the slug of a rejection; `job_id` the job that it was about."""

        TOPIC: ClassVar[str] = "api_key.used"
        LABEL: ClassVar = ""
        outcome: Outcome
        problem: str | None = None
        job_id: UUID | None = None

        def apply(self, key: KeyState) -> None:
            key.uses += 1
            key.last_used_at = self.timestamp
            key.count_against_limit(self.timestamp)

    class Throttled(Event):
        """The first refusal of a window; later ones are not recorded, so that refusals can't grow the log."""

        TOPIC: ClassVar[str] = "api_key.throttled"
        LABEL: ClassVar = "used more often than its limit allows"

        def apply(self, key: KeyState) -> None:
            """Assign, and count uses of a clock that was ahead as at this moment: it is they that are waited for."""
            key.throttled_at = self.timestamp
            key.set_back_limit(self.timestamp)

    class Refused(Event):
        """Requests with the key were refused because it has ended: somebody's bot was forgotten.

        attempts: since the last such event of the same web process. last_attempt_at, address: of the last one of them.
        """

        TOPIC: ClassVar[str] = "api_key.refused"
        LABEL: ClassVar = "presented after its end, and refused"
        attempts: int
        last_attempt_at: Instant

        def apply(self, key: KeyState) -> None:
            """Assign; its last attempt may be before that of another event, of another process."""
            key.refusals += self.attempts
            if (
                key.refused_at is None
                or self.last_attempt_at >= key.refused_at
                or key.refused_at - self.timestamp > CLOCKS_APART_MAX  # by a clock that was ahead
            ):
                key.refused_at = self.last_attempt_at
                key.refused_address = self.address

    class Renamed(Event):
        TOPIC: ClassVar[str] = "api_key.renamed"
        LABEL: ClassVar = "renamed"
        name: str

        def apply(self, key: KeyState) -> None:
            key.name = self.name

    class RateLimitChanged(Event):
        """The limit that holds from here on; uses before it count as well."""

        TOPIC: ClassVar[str] = "api_key.rate_limit_changed"
        LABEL: ClassVar = "limit changed"
        limit: int

        def apply(self, key: KeyState) -> None:
            key.limit = self.limit

    class ExpirySet(Event):
        """It ends by itself, sooner than before."""

        TOPIC: ClassVar[str] = "api_key.expiry_set"
        LABEL: ClassVar = "set to expire"
        expires_at: Instant

        def apply(self, key: KeyState) -> None:
            key.expires_at = self.expires_at

    class Rotated(Event):
        """Another key takes its place. It ends at `expires_at`; without one it was deactivated in the same moment."""

        TOPIC: ClassVar[str] = "api_key.rotated"
        LABEL: ClassVar = "rotated"
        rotated_to: UUID
        expires_at: Instant | None = None

        def apply(self, key: KeyState) -> None:
            key.rotated_to = self.rotated_to
            key.rotated_at = self.timestamp
            if self.expires_at is not None:
                key.expires_at = self.expires_at

    class Deactivated(Event):
        """The end of the key. No event undoes it."""

        TOPIC: ClassVar[str] = "api_key.deactivated"
        LABEL: ClassVar = "deactivated"
        reason: str | None = None

        def apply(self, key: KeyState) -> None:
            key.deactivated_at = self.timestamp
            key.deactivated_by = self.actor
            key.deactivation_reason = self.reason

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
        rotated_from: UUID | None = None,
    ) -> Self:
        """Make a key.

        Raises InvalidInputError for a name that won't do, a limit out of range, an expiry that is not in the future.
        """
        errors = [*_broken_by_limit(limit), *_broken_by_expiry(expires_at, cause.at)]
        if errors:
            raise InvalidInputError(errors)
        return cls._begin(
            cls.Created(
                **cls._first(key_id, cause),
                account_id=account_id,
                flow_id=flow_id,
                name=checked_name(name),
                prefix=prefix,
                limit=limit,
                expires_at=expires_at,
                rotated_from=rotated_from,
            )
        )

    def count_against_limit(self, at: datetime) -> None:
        """Take in the time of a use, and let go of those that no window will hold again."""
        self.window.add(at)

    def set_back_limit(self, at: datetime) -> None:
        """Count uses that are later than `at` as at `at`."""
        self.window.set_back(at)

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
        self._trigger(
            self.Used(**self._next(cause.seen_from(address)), outcome=outcome, problem=problem, job_id=job_id)
        )

    def throttle(self, cause: Cause, address: str | None = None) -> None:
        """Record that requests are being refused, unless that was recorded in the last 60 seconds.

        Uses by a clock that was ahead are counted as at the refusal from then on, so those have to be recorded as well.
        """
        now = self.stamp(cause.at)
        recorded = self.throttled_at is not None and timedelta(0) <= now - self.throttled_at < RATE_WINDOW
        if not recorded or self.window.is_ahead_of(now):
            self._trigger(self.Throttled(**self._next(cause.seen_from(address))))

    def count_refusals(
        self, cause: Cause, *, attempts: int, last_attempt_at: datetime, address: str | None = None
    ) -> None:
        """Record attempts to use it after its end. While it still lets requests in, it changes nothing."""
        if not self.is_active(self.stamp(cause.at)):
            self._trigger(
                self.Refused(**self._next(cause.seen_from(address)), attempts=attempts, last_attempt_at=last_attempt_at)
            )

    def change(
        self,
        cause: Cause,
        *,
        name: str | None = None,
        limit: int | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Rename it, change its limit, let it expire sooner; None leaves that as it is, and so does the same value.

        Raises KeyEndedError for one that has ended; InvalidInputError for a name that won't do, a limit out of range,
        an expiry that is past, or later than the one that it has.
        """
        self.check_not_ended(cause.at)
        errors = [
            *(_broken_by_limit(limit) if limit is not None else ()),
            *_broken_by_expiry(expires_at, self.stamp(cause.at), not_after=self.expires_at),
        ]
        if errors:
            raise InvalidInputError(errors)
        if name is not None and (name := checked_name(name)) != self.name:
            self._trigger(self.Renamed(**self._next(cause), name=name))
        if limit not in {None, self.limit}:
            self._trigger(self.RateLimitChanged(**self._next(cause), limit=limit))
        if expires_at not in {None, self.expires_at}:
            self._trigger(self.ExpirySet(**self._next(cause), expires_at=expires_at))

    def rotate(self, cause: Cause, rotated_to: UUID, overlap: timedelta) -> None:
        """Let `rotated_to` take its place, and end after `overlap`; at once for none.

        Raises KeyEndedError; AlreadyRotatedError, which names the key that took its place before; InvalidInputError
        for an overlap out of range, or one that its own expiry cuts short.
        """
        if self.rotated_to is not None:
            raise AlreadyRotatedError(self.rotated_to)
        self.check_not_ended(cause.at)
        if not timedelta(0) <= overlap <= ROTATION_OVERLAP_MAX:
            seconds = int(ROTATION_OVERLAP_MAX.total_seconds())
            raise InvalidInputError([FieldError("overlap_seconds", f"must be from 0 to {seconds}")])
        now = self.stamp(cause.at)
        if self.expires_at is not None and now + overlap > self.expires_at:
            left = (self.expires_at - now) // timedelta(seconds=1)
            message = f"must be at most {left}, since the key expires then by itself"
            raise InvalidInputError([FieldError("overlap_seconds", message)])
        self._trigger(
            self.Rotated(**self._next(cause), rotated_to=rotated_to, expires_at=now + overlap if overlap else None)
        )
        if not overlap:
            self.deactivate(cause, ROTATED_REASON)

    def lifetime(self) -> timedelta | None:
        """Return for how long it was meant to live, from its creation on; None for one that never expires."""
        return None if self.expires_at is None else self.expires_at - self.created_at

    def check_not_ended(self, at: datetime) -> None:
        """Raise KeyEndedError when it was deactivated or has expired at `at`."""
        if not self.is_active(self.stamp(at)):
            raise KeyEndedError

    def deactivate(self, cause: Cause, reason: str | None = None) -> None:
        """End the key for good. Again changes nothing. Raises InvalidInputError for a reason that won't do."""
        reason = checked_reason(reason)
        if self.deactivated_at is None:
            self._trigger(self.Deactivated(**self._next(cause), reason=reason))


def _broken_by_limit(limit: int) -> list[FieldError]:
    if RATE_LIMIT_MIN <= limit <= RATE_LIMIT_MAX:
        return []
    return [FieldError("limit", f"must be from {RATE_LIMIT_MIN} to {RATE_LIMIT_MAX}")]


def _broken_by_expiry(
    expires_at: datetime | None, now: datetime, *, not_after: datetime | None = None
) -> list[FieldError]:
    if expires_at is None:
        return []
    if expires_at <= now:
        return [FieldError("expires_at", "must be in the future")]
    if not_after is not None and expires_at > not_after:
        return [FieldError("expires_at", "must not be later than it is: a key can only end sooner")]
    return []
