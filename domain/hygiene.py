"""Which keys somebody should look at, and why. Decided on a key's state, so that it is the same wherever it is asked.

A key has at most one finding, the one that says what to do: of a key that nobody uses, that it can be ended, and not
that it should be replaced because it expires soon, or that it never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from domain.api_key import KeyStatus
from domain.limits import KEY_REFUSED_NOTICE, KEY_UNUSED_NOTICE

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from domain.api_key import KeyState


class Severity(StrEnum):
    """How much a finding matters."""

    ACT = "act"
    """Somebody has to do something."""
    NOTICE = "notice"
    """Something is under way that somebody may want to see through."""
    ADVICE = "advice"
    """The key could be better; nothing breaks if it stays as it is."""


class FindingKind(StrEnum):
    """What is wrong with a key, the most pressing first."""

    STILL_PRESENTED = "still_presented"
    """The key has ended, and a robot still presents it."""
    EXPIRES_SOON = "expires_soon"
    """The key is in use, and a robot stops when it ends."""
    NEVER_USED = "never_used"
    UNUSED = "unused"
    TOO_OLD = "too_old"
    """The key never expires, and is older than the installation wants such keys to be."""
    NOT_SWITCHED = "not_switched"
    """Another key has taken its place, and it was used since."""
    NEVER_EXPIRES = "never_expires"


SEVERITY: Final = {
    FindingKind.STILL_PRESENTED: Severity.ACT,
    FindingKind.EXPIRES_SOON: Severity.ACT,
    FindingKind.NEVER_USED: Severity.ACT,
    FindingKind.UNUSED: Severity.ACT,
    FindingKind.TOO_OLD: Severity.ACT,
    FindingKind.NOT_SWITCHED: Severity.NOTICE,
    FindingKind.NEVER_EXPIRES: Severity.ADVICE,
}
_ENDED: Final = {KeyStatus.DEACTIVATED, KeyStatus.EXPIRED}
_PLACES: Final = {kind: place for place, kind in enumerate(FindingKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The times after which hygiene speaks of a key.

    unused: for how long a key is not used that nobody needs.
    max_age: of a key that never expires; None for any.
    """

    unused: timedelta = KEY_UNUSED_NOTICE
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a key.

    at: the instant that it is about: of the last refusal or use, the creation, or the end.
    """

    kind: FindingKind
    at: datetime

    @property
    def severity(self) -> Severity:
        return SEVERITY[self.kind]

    @property
    def urgency(self) -> tuple[int, float]:
        """What findings are ordered by, the most pressing first.

        Within a kind what ends soonest, or has been so for longest; of robots that are refused, the latest.
        """
        seconds = self.at.timestamp()
        return _PLACES[self.kind], -seconds if self.kind is FindingKind.STILL_PRESENTED else seconds


def finding_of(key: KeyState, at: datetime, rules: Rules, *, suspended: bool) -> Finding | None:
    """Return what is wrong with a key at `at`, or None. At exactly a rule's time it holds already.

    suspended: its account is, so the key lets nothing in, whatever it is by itself.
    """
    status = key.status(at)
    if status in _ENDED:
        return _after_its_end(key, at)
    if suspended:
        return None
    if key.rotated_at is not None:
        return _while_it_overlaps(key, key.rotated_at)
    last_needed_at = key.last_used_at or key.created_at
    if at - last_needed_at >= rules.unused:
        return Finding(FindingKind.NEVER_USED if key.last_used_at is None else FindingKind.UNUSED, last_needed_at)
    if key.expires_at is not None:
        return Finding(FindingKind.EXPIRES_SOON, key.expires_at) if status is KeyStatus.EXPIRING else None
    is_too_old = rules.max_age is not None and at - key.created_at >= rules.max_age
    return Finding(FindingKind.TOO_OLD if is_too_old else FindingKind.NEVER_EXPIRES, key.created_at)


def _after_its_end(key: KeyState, at: datetime) -> Finding | None:
    if key.refused_at is None or at - key.refused_at > KEY_REFUSED_NOTICE:
        return None
    return Finding(FindingKind.STILL_PRESENTED, key.refused_at)


def _while_it_overlaps(key: KeyState, rotated_at: datetime) -> Finding | None:
    """Its end was chosen when it was rotated, and is no news; that a robot still uses it is."""
    if key.expires_at is None or key.last_used_at is None or key.last_used_at <= rotated_at:
        return None
    return Finding(FindingKind.NOT_SWITCHED, key.expires_at)
