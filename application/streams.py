"""A bounded cache of aggregates for the door, which is the only one that uses it.

What is in it may be stale, since other processes append too: whoever decides on it checks the versions, in the append
or, for a decision that appends nothing, by asking. What is not there is never remembered: a key that another process
has just made works at once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from domain.account import Account
from domain.api_key import ApiKey
from domain.member import Member
from domain.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.work import A
    from domain.model import Aggregate

AGGREGATES_CACHED_MAX = 10_000
_CACHED_KINDS = (ApiKey, Account, Process, Member)
"""Jobs and receipts are met once."""


class Streams:
    """Reads aggregates through the cache. Not for several threads at once."""

    def __init__(self, event_sourcing: EventSourcing, *, cached_max: int = AGGREGATES_CACHED_MAX) -> None:
        self._event_sourcing = event_sourcing
        self._cached_max = cached_max
        self._cache: OrderedDict[UUID, Aggregate] = OrderedDict()
        self.fresh: set[UUID] = set()

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return the aggregate from the cache or the store, or None when it is in neither."""
        cached = self._cache.get(aggregate_id)
        if cached is not None:
            self._cache.move_to_end(aggregate_id)
            return cached if isinstance(cached, kind) else None
        found = self._event_sourcing.find(kind, aggregate_id)
        self.fresh.add(aggregate_id)
        if found is not None:
            self.keep([found])
        return found

    def keep(self, aggregates: Iterable[Aggregate]) -> None:
        """Remember these as they are."""
        for aggregate in aggregates:
            if isinstance(aggregate, _CACHED_KINDS):
                self._cache[aggregate.id] = aggregate
                self._cache.move_to_end(aggregate.id)
        while len(self._cache) > self._cached_max:
            self._cache.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._cache.clear()

    def evict(self, aggregate_ids: Iterable[UUID]) -> None:
        """Forget these: they are stale, or have changes that were not appended."""
        for aggregate_id in aggregate_ids:
            self._cache.pop(aggregate_id, None)
