"""Whether every key kept its limit: recomputed from the log, and not by the code that decided at the time.

No 60 seconds of a key may hold more uses than its limit at the last of them. A mistake in domain/rate_limit.py would be
found here, and so would a use that was added to the log.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from application.replay.streams import Placed, Streams
from domain import key_events
from domain.limits import RATE_WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from application.event_sourcing import EventSourcing

    Tell: TypeAlias = Callable[[int, int], None]
    """Is told the position that was read, and the last one to read."""

Kind: TypeAlias = Literal["over_limit", "after_end", "time_backwards", "version_gap"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SPAN: Final = RATE_WINDOW // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Breach:
    """What the log should not have. uses: in the 60 seconds that end with this use. limit: of the key then."""

    kind: Kind
    key_id: UUID
    version: int
    position: int
    at: datetime
    uses: int
    limit: int
    text: str


@dataclass(slots=True)
class _Watched:
    """What is known of a key at a point of its stream. times: of uses in the last 60 seconds, in microseconds."""

    limit: int = 0
    expires_at: datetime | None = None
    is_deactivated: bool = False
    version: int = 0
    last: datetime = _EPOCH
    times: array[int] = field(default_factory=lambda: array("q"))

    def use(self, now: int) -> int:
        """Take in a use, and return how many there are in the 60 seconds that end with it."""
        # Uses exactly 60 seconds apart are not in one span.
        del self.times[: bisect_right(self.times, now - _SPAN)]
        self.times.insert(bisect_right(self.times, now), now)
        return len(self.times)


def breaches(event_sourcing: EventSourcing, key_id: UUID | None, tell: Tell) -> Iterator[Breach]:
    """Yield every breach in the log as it is when this begins, in its order; of one key, or with None of all.

    Memory grows with the number of keys only: of each, the times of its last minute. Raises UnreadableEventError,
    StoreUnavailableError.
    """
    streams = Streams(event_sourcing)
    end = streams.last_position()
    watched: dict[UUID, _Watched] = {}
    events = streams.of_all_keys(until=end) if key_id is None else streams.events(key_id)
    for number, placed in enumerate(events):
        key = watched.setdefault(placed.event.originator_id, _Watched())
        yield from _look_at(key, placed)
        if number % 1_000 == 0:
            tell(placed.position, end)
    tell(end, end)


def _look_at(key: _Watched, placed: Placed) -> Iterator[Breach]:
    event = placed.event
    now = (event.timestamp - _EPOCH) // _MICROSECOND
    found: list[tuple[Kind, int, str]] = []
    if event.originator_version != key.version + 1:
        found.append(("version_gap", 0, f"version {event.originator_version} comes after version {key.version}"))
    if event.timestamp < key.last:
        found.append(
            ("time_backwards", 0, f"it is of an earlier time than the event before it, {key.last.isoformat()}")
        )
    if isinstance(event, key_events.Used):
        uses = key.use(now)
        if uses > key.limit:
            found.append(("over_limit", uses, f"it is use {uses} in 60 seconds, and the limit was {key.limit}"))
        if key.is_deactivated or (key.expires_at is not None and event.timestamp >= key.expires_at):
            end = "was deactivated" if key.is_deactivated else "had expired"
            found.append(("after_end", uses, f"the key {end} before it was used"))
    _learn(key, placed)
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


def _learn(key: _Watched, placed: Placed) -> None:
    event = placed.event
    key.version = event.originator_version
    key.last = max(key.last, event.timestamp)
    if isinstance(event, key_events.Created):
        key.limit, key.expires_at = event.limit, event.expires_at
    elif isinstance(event, key_events.RateLimitChanged):
        key.limit = event.limit
    elif isinstance(event, key_events.ExpirySet | key_events.Rotated):
        # A rotation without overlap has no end of its own: the key is deactivated with it.
        key.expires_at = event.expires_at or key.expires_at
    elif isinstance(event, key_events.Deactivated):
        key.is_deactivated = True
