"""Whether every key kept its limit: recomputed from the log, and not by the code that decided at the time.

No 60 seconds of a key may hold more uses than its limit at the last of them. A mistake in domain/rate_limit.py would be
found here, and so would a use that was added to the log.

By which time? Uses are counted twice: by the times that they have, as it was decided; and by those that they have by
the order of the log (order.py), which finds what a clock let in that was ahead of others.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from application.replay.event_reader import EventReader
from application.replay.order import ClockSteps, Ordered, in_order
from domain.api_key import ApiKey
from domain.limits import CLOCKS_APART_MAX, RATE_WINDOW
from domain.times import time_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.store.log.reading import ReportProgress
    from domain.model import Event

Kind: TypeAlias = Literal["over_limit", "clock_ahead", "after_end", "time_backwards", "version_gap"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SPAN: Final = RATE_WINDOW // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Breach:
    """What the log should not have.

    uses: in the 60 seconds that end with this use.
    limit: of the key then.
    """

    kind: Kind
    key_id: UUID
    version: int
    position: int
    at: datetime
    uses: int
    limit: int
    text: str


class _Minute:
    """Times of uses in the last 60 seconds, in microseconds, ascending."""

    def __init__(self) -> None:
        self._times: array[int] = array("q")

    def use(self, now: int) -> int:
        """Take in a use, and return how many there are in the 60 seconds that end with it."""
        # Uses exactly 60 seconds apart are not in one span.
        del self._times[: bisect_right(self._times, now - _SPAN)]
        self._times.insert(bisect_right(self._times, now), now)
        return len(self._times)

    def set_back(self, now: int) -> None:
        """Count what is later as at this moment: it was before it."""
        kept = bisect_right(self._times, now)
        self._times[kept:] = array("q", [now]) * (len(self._times) - kept)


@dataclass(slots=True)
class _Watched:
    """What is known of a key at a point of its stream.

    decided: uses by their times.
    ordered: by those of the log.
    """

    limit: int = 0
    expires_at: datetime | None = None
    is_deactivated: bool = False
    version: int = 0
    last: datetime = _EPOCH
    decided: _Minute = field(default_factory=_Minute)
    ordered: _Minute = field(default_factory=_Minute)


def breaches(
    event_sourcing: EventSourcing, key_id: UUID | None, report: ReportProgress, steps: ClockSteps | None = None
) -> Iterator[Breach]:
    """Yield every breach in the log as it is when this begins, in its order; of one key, or with None of all.

    steps: takes in where time ran back. Of one key, only its own events are looked at, and not those of others around
    them, which may show that a clock was ahead. Memory grows with the number of keys only: of each, the times of its
    last minute; beside some thousand events. Raises UnreadableEventError, StoreUnavailableError.
    """
    reader = EventReader(event_sourcing)
    end = event_sourcing.recorder.last_position()
    watched: dict[UUID, _Watched] = {}
    events = reader.of_all_keys(until=end) if key_id is None else reader.events(key_id)
    for number, ordered in enumerate(in_order(events, steps if steps is not None else ClockSteps())):
        key = watched.setdefault(ordered.placed.event.originator_id, _Watched())
        yield from _check(key, ordered)
        if number % 1_000 == 0:
            report(ordered.placed.position, end)
    report(end, end)


def _check(key: _Watched, ordered: Ordered) -> Iterator[Breach]:
    placed, event = ordered.placed, ordered.placed.event
    now = _number(event.timestamp)
    found: list[tuple[Kind, int, str]] = []
    if event.originator_version != key.version + 1:
        found.append(("version_gap", 0, f"version {event.originator_version} comes after version {key.version}"))
    if timedelta(0) < key.last - event.timestamp <= CLOCKS_APART_MAX:
        found.append(("time_backwards", 0, f"it is of an earlier time than the event before it, {time_text(key.last)}"))
    if isinstance(event, ApiKey.Used | ApiKey.Throttled):
        key.decided.set_back(now)
    if isinstance(event, ApiKey.Used):
        uses = key.decided.use(now)
        by_order = key.ordered.use(_number(ordered.at))
        if uses > key.limit:
            found.append(("over_limit", uses, f"it is use {uses} in 60 seconds, and the limit was {key.limit}"))
        elif by_order > key.limit:
            when = "by the order of the log, in which a clock was ahead of others"
            found.append(
                ("clock_ahead", by_order, f"it is use {by_order} in 60 seconds {when}, and the limit was {key.limit}")
            )
        if key.is_deactivated or (key.expires_at is not None and event.timestamp >= key.expires_at):
            end = "was deactivated" if key.is_deactivated else "had expired"
            found.append(("after_end", uses, f"the key {end} before it was used"))
    _learn(key, event)
    for kind, uses, text in found:
        where = f"Key {event.originator_id}, version {event.originator_version}, position {placed.position}"
        yield Breach(
            kind=kind,
            key_id=event.originator_id,
            version=event.originator_version,
            position=placed.position,
            at=event.timestamp,
            uses=uses,
            limit=key.limit,
            text=f"{where}: {text}.",
        )


def _learn(key: _Watched, event: Event) -> None:
    key.version = event.originator_version
    key.last = event.timestamp
    if isinstance(event, ApiKey.Created):
        key.limit, key.expires_at = event.limit, event.expires_at
    elif isinstance(event, ApiKey.RateLimitChanged):
        key.limit = event.limit
    elif isinstance(event, ApiKey.ExpirySet | ApiKey.Rotated):
        # A rotation without overlap has no end of its own: the key is deactivated with it.
        key.expires_at = event.expires_at or key.expires_at
    elif isinstance(event, ApiKey.Deactivated):
        key.is_deactivated = True


def _number(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND
