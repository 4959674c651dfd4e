"""What an API key is after its events: the one place of its fields.

The aggregate decides on it, a snapshot keeps it, the list of keys adds columns to it, and a replay shows it; each by
the events of key_events.py, which say what they change of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003 - pydantic reads the annotations, for snapshots

from domain.limits import KEY_EXPIRY_NOTICE
from domain.times import Instant  # noqa: TC001 - as above

if TYPE_CHECKING:
    from datetime import datetime


class KeyStatus(StrEnum):
    """What a key is at an instant; the first two let requests in."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    DEACTIVATED = "deactivated"


_LET_IN = frozenset({KeyStatus.ACTIVE, KeyStatus.EXPIRING})
"""What a key must be for a request to be let in."""


def status_of(deactivated_at: datetime | None, expires_at: datetime | None, at: datetime) -> KeyStatus:
    """Return what a key with these ends is at `at`. The one predicate: pages show it and requests are let in by it."""
    if deactivated_at is not None:
        return KeyStatus.DEACTIVATED
    if expires_at is None:
        return KeyStatus.ACTIVE
    if at >= expires_at:
        return KeyStatus.EXPIRED
    return KeyStatus.EXPIRING if expires_at - at <= KEY_EXPIRY_NOTICE else KeyStatus.ACTIVE


@dataclass(kw_only=True)
class KeyState:
    """What a key is, but for the times of its last uses, which its limit is decided by (rate_limit.py).

    flow_id: of the one process that it is for; None for all of the account. refusals: attempts after its end;
    refused_at, refused_address: of the last of them. rotated_to: the key that took its place, at `rotated_at`.
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

    def count_against_limit(self, at: datetime) -> None:
        """Take in the time of a use, where the limit is decided: by the aggregate and nobody else."""

    def set_back_limit(self, at: datetime) -> None:
        """Count uses that are later than `at` as at `at`, likewise."""

    def status(self, at: datetime) -> KeyStatus:
        """Return what the key is at `at`."""
        return status_of(self.deactivated_at, self.expires_at, at)

    def is_active(self, at: datetime) -> bool:
        """Return whether the key lets requests in at `at`."""
        return self.status(at) in _LET_IN
