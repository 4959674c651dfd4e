"""A key at any version and any instant, by the same code that decided then, over events of every released shape."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from application.replay.event_reader import EventReader
from application.store.log.reading import VERSION_MAX, Recorded
from application.store.mapper import UnreadableEventError
from domain.api_key import ApiKey, KeyState
from domain.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from application.event_sourcing import EventSourcing

_MICROSECOND: Final = timedelta(microseconds=1)
AHEAD_EVENTS_MAX: Final = 32
"""Most events of a key in a row, stamped by a clock that was ahead, behind which an instant is found for sure."""
_NOT_SHOWN: Final = {"uses", "last_used_at", "created_at", "created_by", "rotated_at"}
SHOWN: Final = tuple(field.name for field in fields(KeyState) if field.name not in _NOT_SHOWN)
"""What of a key's state is told as changed by an event: all but its uses, and when and by whom it was made and when it
was rotated, which the event says itself."""


@dataclass(frozen=True, slots=True)
class ReplayedEvent:
    """An event of a key.

    changes: field to what it was before and after.
    details: what it says of its own, without what has no value: of a use, what came of it.
    """

    position: int
    version: int
    at: datetime
    actor: str
    action: str
    changes: Mapping[str, tuple[Any, Any]]
    details: Mapping[str, Any]
    address: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two instants.

    before, after: the key then; None before it was made.
    changes: field to what it was and is.
    events: in between, without uses.
    uses: in between, by outcome.
    """

    before: ApiKey | None
    after: ApiKey | None
    changes: Mapping[str, tuple[Any, Any]]
    events: tuple[ReplayedEvent, ...]
    uses: Mapping[str, int]


class Replay:
    """Replays keys.

    Any of it raises NotFoundError when no key of this id ever was, UnreadableEventError for an event that this release
    can't read, StoreUnavailableError.
    """

    def __init__(self, event_sourcing: EventSourcing) -> None:
        self._streams = EventReader(event_sourcing)
        self._snapshots = event_sourcing.snapshots

    def version_at(self, key_id: UUID, at: datetime) -> int:
        """Return how many events the key had at an instant, those of that very instant included; 0 before it was made.

        Time runs on in a stream, so it is found by looking at some dozens of events of a million. Where a clock was
        ahead for a few events, it ran back behind them: so it is looked whether there are some of before `at` further
        on. Not all of a stream is; behind more than AHEAD_EVENTS_MAX of such, those just behind them may be missed.
        """
        last = self._last_version(key_id)
        version = self._search(key_id, at, 0, last)
        while further := self._further_on(key_id, at, version, last):
            version = self._search(key_id, at, further, last)
        return version

    def _search(self, key_id: UUID, at: datetime, low: int, high: int) -> int:
        """Return the last version up to `high` that is of no later than `at`, or `low`."""
        while low < high:
            middle = (low + high + 1) // 2
            if self._event(key_id, middle).event.timestamp <= at:
                low = middle
            else:
                high = middle - 1
        return low

    def _further_on(self, key_id: UUID, at: datetime, after: int, last: int) -> int:
        """Return a version that is of no later than `at`, behind one that is of later; 0 when none is seen."""
        near = self._streams.page(key_id, after=after, limit=AHEAD_EVENTS_MAX + 1, lifecycle_only=False)
        seen = [placed.event.originator_version for placed in near if placed.event.timestamp <= at]
        distance = 2 * AHEAD_EVENTS_MAX
        while not seen and after + distance < last:
            if self._event(key_id, after + distance).event.timestamp <= at:
                seen = [after + distance]
            distance *= 2
        return seen[-1] if seen else 0

    def at(self, key_id: UUID, at: datetime, *, from_start: bool = False) -> ApiKey:
        """Return the key as it was at an instant. Raises NotFoundError, also for one before it was made."""
        return self.at_version(key_id, self.version_at(key_id, at), from_start=from_start)

    def at_version(self, key_id: UUID, version: int, *, from_start: bool = False) -> ApiKey:
        """Return the key as it was after so many events.

        from_start: without a snapshot, which an auditor may not trust. Raises NotFoundError, also for a version that it
        did not have, or not yet.
        """
        if not 1 <= version <= VERSION_MAX:
            raise NotFoundError
        key = None if from_start else self._snapshot(key_id, version)
        for placed in self._streams.events(key_id, after=key.version if key else 0, until=version):
            _check_next(placed, key)
            key = placed.event.mutate(key)
        if not isinstance(key, ApiKey) or key.version != version:
            raise NotFoundError
        return key

    def events(self, key_id: UUID, *, after: int = 0, lifecycle_only: bool = True) -> Iterator[ReplayedEvent]:
        """Yield what happened to the key after a version, in order; memory does not grow with its uses."""
        self._last_version(key_id)
        events = self._streams.events(key_id, after=after, lifecycle_only=lifecycle_only)
        return self._replay(self.at_version(key_id, after) if after else None, events)

    def page(self, key_id: UUID, *, after: int, limit: int, lifecycle_only: bool) -> list[ReplayedEvent]:
        """Return up to `limit` of what happened to the key after a version."""
        if after >= self._last_version(key_id):
            return []
        events = self._streams.page(key_id, after=after, limit=limit, lifecycle_only=lifecycle_only)
        return list(self._replay(self.at_version(key_id, after) if after else None, iter(events)))

    def uses(self, key_id: UUID, since: datetime | None, until: datetime | None) -> Iterator[ReplayedEvent]:
        """Yield the uses of the key from one instant up to, and without, another."""
        after = 0 if since is None else self._version_before(key_id, since)
        last = self._last_version(key_id) if until is None else self._version_before(key_id, until)
        for placed in self._streams.events(key_id, after=after, until=last):
            if isinstance(placed.event, ApiKey.Used):
                yield _replayed(placed, {})

    def difference(self, key_id: UUID, since: datetime, until: datetime) -> Difference:
        """Return what changed between two instants; what happened at the first one belongs to the state then."""
        first, last = self.version_at(key_id, since), self.version_at(key_id, until)
        before = self.at_version(key_id, first) if first else None
        after = self.at_version(key_id, last) if last else None
        between = self._streams.events(key_id, after=first, until=last, lifecycle_only=True)
        uses = Counter[str](
            placed.event.outcome
            for placed in self._streams.events(key_id, after=first, until=last)
            if isinstance(placed.event, ApiKey.Used)
        )
        changes = changed(_shown(before), _shown(after))
        return Difference(before, after, changes, tuple(self._replay(before, between)), dict(uses))

    def _replay(self, key: ApiKey | None, events: Iterator[Recorded]) -> Iterator[ReplayedEvent]:
        """Yield events with what they changed. key: as it was before them."""
        key = None if key is None else key.copy()
        for placed in events:
            before = _shown(key)
            if key is None:
                _check_next(placed, None)
                key = placed.event.mutate(None)
            else:
                # Not `mutate`, which minds that uses were left out; what they decide is not shown.
                placed.event.apply(key)
            yield _replayed(placed, changed(before, _shown(key)))

    def _snapshot(self, key_id: UUID, version: int) -> ApiKey | None:
        for stored in self._snapshots.recorder.select_events(key_id, lte=version, desc=True, limit=1):
            try:
                snapshot: Any = self._snapshots.mapper.to_domain_event(stored)
                found = snapshot.mutate(None)
            except UnreadableEventError:
                return None  # it can be done without
            return found if isinstance(found, ApiKey) else None
        return None

    def _last_version(self, key_id: UUID) -> int:
        version = self._streams.last_version(key_id)
        if not version or not isinstance(self._event(key_id, 1).event, ApiKey.Created):
            raise NotFoundError
        return version

    def _event(self, key_id: UUID, version: int) -> Recorded:
        found = self._streams.event(key_id, version)
        if found is None:
            raise _missing(key_id, version)
        return found

    def _version_before(self, key_id: UUID, at: datetime) -> int:
        """Return how many events the key had before an instant."""
        return self.version_at(key_id, at - _MICROSECOND)


def _check_next(placed: Recorded, key: ApiKey | None) -> None:
    """Raise UnreadableEventError unless an event is the one behind what was replayed."""
    event = placed.event
    expected = 1 if key is None else key.version + 1
    if event.originator_version != expected:
        raise _missing(event.originator_id, expected)


def _missing(stream: UUID, version: int) -> UnreadableEventError:
    return UnreadableEventError(
        f"Version {version} of stream {stream} is missing, so the log was altered. `rpawatch audit verify` says where."
    )


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ, with what they were and are; one that is not there is None."""
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def _shown(key: ApiKey | None) -> dict[str, Any]:
    # That a new key was refused no time is no news.
    return {"refusals": 0} if key is None else {name: getattr(key, name) for name in SHOWN}


def _replayed(placed: Recorded, changes: Mapping[str, tuple[Any, Any]]) -> ReplayedEvent:
    event = placed.event
    return ReplayedEvent(
        position=placed.position,
        version=event.originator_version,
        at=event.timestamp,
        actor=event.actor,
        action=event.TOPIC,
        changes=changes,
        details={name: value for name in event.detail_fields() if (value := getattr(event, name)) is not None},
        address=event.address,
        request_id=event.request_id,
    )
