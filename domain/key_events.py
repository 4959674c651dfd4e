"""What can happen to an API key: its events. They only assign; what may happen is decided in api_key.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal
from uuid import UUID

from domain.limits import CLOCKS_APART_MAX
from domain.model import Event, FirstEvent
from domain.times import Instant

if TYPE_CHECKING:
    from datetime import datetime

    from domain.api_key import ApiKey

Outcome = Literal["accepted", "replayed", "rejected"]


class Created(FirstEvent):
    """A key was made. Its secret is in no event; the stream's id follows from the secret's SHA-256.

    rotated_from: the key that it takes the place of.
    """

    TOPIC: ClassVar[str] = "api_key.created"
    account_id: UUID
    flow_id: UUID | None = None
    name: str
    prefix: str
    limit: int
    expires_at: Instant | None = None
    rotated_from: UUID | None = None

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
        aggregate.rotated_from = self.rotated_from


class Used(Event):
    """One authenticated request. `problem` is the slug of a rejection; `job_id` the job that it was about."""

    TOPIC: ClassVar[str] = "api_key.used"
    outcome: Outcome
    problem: str | None = None
    job_id: UUID | None = None

    def apply(self, aggregate: ApiKey) -> None:
        """Assign, and let go of the uses that no window will hold again."""
        aggregate.uses += 1
        aggregate.last_used_at = self.timestamp
        aggregate.window.add(self.timestamp)


class Throttled(Event):
    """The first refusal of a window; later ones are not recorded, so that refusals can't grow the log."""

    TOPIC: ClassVar[str] = "api_key.throttled"

    def apply(self, aggregate: ApiKey) -> None:
        """Assign, and count uses of a clock that was ahead as at this moment: it is they that are waited for."""
        aggregate.throttled_at = self.timestamp
        aggregate.window.set_back(self.timestamp)


class Refused(Event):
    """Requests with the key were refused because it has ended: somebody's bot was forgotten.

    attempts: since the last such event of the same web process. last_attempt_at, address: of the last one of them.
    """

    TOPIC: ClassVar[str] = "api_key.refused"
    attempts: int
    last_attempt_at: Instant

    def is_latest(self, refused_at: datetime | None) -> bool:
        """Return whether its last attempt is the latest one known: not before `refused_at`, or that was never."""
        return (
            refused_at is None
            or self.last_attempt_at >= refused_at
            or refused_at - self.timestamp > CLOCKS_APART_MAX  # by a clock that was ahead
        )

    def apply(self, aggregate: ApiKey) -> None:
        """Assign."""
        aggregate.refusals += self.attempts
        if self.is_latest(aggregate.refused_at):
            aggregate.refused_at = self.last_attempt_at
            aggregate.refused_address = self.address


class Renamed(Event):
    """It has another name."""

    TOPIC: ClassVar[str] = "api_key.renamed"
    name: str

    def apply(self, aggregate: ApiKey) -> None:
        """Assign."""
        aggregate.name = self.name


class RateLimitChanged(Event):
    """The limit that holds from here on; uses before it count as well."""

    TOPIC: ClassVar[str] = "api_key.rate_limit_changed"
    limit: int

    def apply(self, aggregate: ApiKey) -> None:
        """Assign."""
        aggregate.limit = self.limit


class ExpirySet(Event):
    """It ends by itself, sooner than before."""

    TOPIC: ClassVar[str] = "api_key.expiry_set"
    expires_at: Instant

    def apply(self, aggregate: ApiKey) -> None:
        """Assign."""
        aggregate.expires_at = self.expires_at


class Rotated(Event):
    """Another key takes its place. It ends at `expires_at`; without one it was deactivated in the same moment."""

    TOPIC: ClassVar[str] = "api_key.rotated"
    rotated_to: UUID
    expires_at: Instant | None = None

    def apply(self, aggregate: ApiKey) -> None:
        """Assign."""
        aggregate.rotated_to = self.rotated_to
        if self.expires_at is not None:
            aggregate.expires_at = self.expires_at


class Deactivated(Event):
    """The end of the key. No event undoes it."""

    TOPIC: ClassVar[str] = "api_key.deactivated"
    reason: str | None = None

    def apply(self, aggregate: ApiKey) -> None:
        """Assign."""
        aggregate.deactivated_at = self.timestamp
        aggregate.deactivated_by = self.actor
        aggregate.deactivation_reason = self.reason
