"""A bounded cache of aggregates as they stand in the log. The command queue changes it; others may look.

What is in it is never changed in place: a decision works on copies, which come here after the commit. It may be stale,
since other processes append too: whoever decides on it checks the versions, in the append or, for a decision that
appends nothing, by asking. What is not there is never remembered: a key that another process has just made works at
once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from application.event_sourcing import LATER_EVENTS_MAX
from application.store.mapper import UnreadableEventError
from domain.account import Account
from domain.api_key import ApiKey
from domain.member import Member
from domain.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.unit_of_work import A
    from domain.model import Aggregate, Event

AGGREGATES_CACHED_MAX = 10_000
_CACHED_KINDS = frozenset({ApiKey, Account, Process, Member})
"""The kinds that are met more than once; jobs and receipts are not."""
LOOKS_IN_VAIN_MAX = 8
"""Looks in a row that found nothing new, after which a stream no longer counts as used by another process too."""


class Streams:
    """Reads aggregates through the cache. Not for several threads at once, but for `peek`."""

    def __init__(self, event_sourcing: EventSourcing, *, cached_max: int = AGGREGATES_CACHED_MAX) -> None:
        self._event_sourcing = event_sourcing
        self._cached_max = cached_max
        self._cache: OrderedDict[UUID, Aggregate] = OrderedDict()
        self._shared: dict[UUID, int] = {}

    def peek(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return what the cache holds, perhaps stale, and not to be changed. In any thread; asks nobody."""
        cached = self._cache.get(aggregate_id)
        return cached if type(cached) is kind else None

    def find(self, kind: type[A], aggregate_id: UUID) -> tuple[Aggregate | None, bool]:
        """Return the aggregate, not to be changed, or None when it is not there; and whether it was read just now."""
        cached = self._cache.get(aggregate_id)
        if cached is not None:
            self._cache.move_to_end(aggregate_id)
            return cached, False
        found = self._event_sourcing.read(kind, aggregate_id)
        if found is not None:
            self.keep([found])
        return found, True

    def absent(self, aggregate_ids: Iterable[UUID]) -> set[UUID]:
        """Return those that are not in the log, in one look at it. Raises StoreUnavailableError."""
        unknown = {id_ for id_ in aggregate_ids if id_ not in self._cache}
        # Those that are not at version 0 are there.
        return unknown - self._event_sourcing.recorder.stale(dict.fromkeys(unknown, 0)) if unknown else unknown

    def keep(self, aggregates: Iterable[Aggregate]) -> None:
        """Remember these as they are."""
        for aggregate in aggregates:
            if type(aggregate) in _CACHED_KINDS:
                self._cache[aggregate.id] = aggregate
                self._cache.move_to_end(aggregate.id)
        while len(self._cache) > self._cached_max:
            self._shared.pop(self._cache.popitem(last=False)[0], None)

    def catch_up(self, stale: Iterable[UUID]) -> None:
        """Bring these up to date. Raises StoreUnavailableError."""
        behind = [cached for id_ in stale if (cached := self._cache.get(id_)) is not None]
        if not behind:
            return
        gone_on = self._go_on(behind)
        # One that is stale and has no newer events is ahead of the log, which may have lost some in a fail-over.
        self.evict(aggregate.id for aggregate in behind if aggregate.id not in gone_on)

    def catch_up_shared(self, about_to_be_used: Iterable[UUID]) -> set[UUID]:
        """Bring those up to date that another process was seen to use lately, since it may have done so again.

        Returns those that were looked at just now. One look at the log is much cheaper than a decision that does not
        hold. Raises StoreUnavailableError.
        """
        shared = [self._cache[id_] for id_ in about_to_be_used if id_ in self._shared]
        if not shared:
            return set()
        gone_on = self._go_on(shared)
        for aggregate in shared:
            if aggregate.id not in gone_on:
                self._shared[aggregate.id] -= 1
                if not self._shared[aggregate.id]:
                    del self._shared[aggregate.id]
        return {aggregate.id for aggregate in shared}

    def _go_on(self, aggregates: list[Aggregate]) -> set[UUID]:
        """Apply what the log has beyond these, and return the streams that it had more of."""
        try:
            later = self._event_sourcing.later_events({aggregate.id: aggregate.version for aggregate in aggregates})
        except UnreadableEventError:
            # A newer release has written it. Who needs that stream is told when it is read anew; nobody else is.
            self.evict(aggregate.id for aggregate in aggregates)
            return {aggregate.id for aggregate in aggregates}
        for aggregate in aggregates:
            events = later.get(aggregate.id, ())
            if len(events) == LATER_EVENTS_MAX:
                self.evict([aggregate.id])
            elif events:
                self._cache[aggregate.id] = _with(aggregate, events)
                self._shared[aggregate.id] = LOOKS_IN_VAIN_MAX
        return set(later)

    def evict(self, aggregate_ids: Iterable[UUID]) -> None:
        for aggregate_id in aggregate_ids:
            self._cache.pop(aggregate_id, None)
            self._shared.pop(aggregate_id, None)


def _with(aggregate: Aggregate, events: Iterable[Event]) -> Aggregate:
    later = aggregate.copy()
    for event in events:
        event.mutate(later)
    return later
