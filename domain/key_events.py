"""What can happen to an API key: its events. They only change its state; what may happen is decided in api_key.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal
from uuid import UUID

from domain.key_state import KeyState
from domain.limits import CLOCKS_APART_MAX
from domain.model import Event, FirstEvent
from domain.times import Instant

if TYPE_CHECKING:
    from datetime import datetime

Outcome = Literal["accepted", "replayed", "rejected"]


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
        """Assign."""
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
        """Count."""
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

    def is_latest(self, refused_at: datetime | None) -> bool:
        """Return whether its last attempt is the latest one known: not before `refused_at`, or that was never."""
        return (
            refused_at is None
            or self.last_attempt_at >= refused_at
            or refused_at - self.timestamp > CLOCKS_APART_MAX  # by a clock that was ahead
        )

    def apply(self, key: KeyState) -> None:
        """Assign."""
        key.refusals += self.attempts
        if self.is_latest(key.refused_at):
            key.refused_at = self.last_attempt_at
            key.refused_address = self.address


class Renamed(Event):
    """It has another name."""

    TOPIC: ClassVar[str] = "api_key.renamed"
    LABEL: ClassVar = "renamed"
    name: str

    def apply(self, key: KeyState) -> None:
        """Assign."""
        key.name = self.name


class RateLimitChanged(Event):
    """The limit that holds from here on; uses before it count as well."""

    TOPIC: ClassVar[str] = "api_key.rate_limit_changed"
    LABEL: ClassVar = "limit changed"
    limit: int

    def apply(self, key: KeyState) -> None:
        """Assign."""
        key.limit = self.limit


class ExpirySet(Event):
    """It ends by itself, sooner than before."""

    TOPIC: ClassVar[str] = "api_key.expiry_set"
    LABEL: ClassVar = "set to expire"
    expires_at: Instant

    def apply(self, key: KeyState) -> None:
        """Assign."""
        key.expires_at = self.expires_at


class Rotated(Event):
    """Another key takes its place. It ends at `expires_at`; without one it was deactivated in the same moment."""

    TOPIC: ClassVar[str] = "api_key.rotated"
    LABEL: ClassVar = "rotated"
    rotated_to: UUID
    expires_at: Instant | None = None

    def apply(self, key: KeyState) -> None:
        """Assign."""
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
        """Assign."""
        key.deactivated_at = self.timestamp
        key.deactivated_by = self.actor
        key.deactivation_reason = self.reason
