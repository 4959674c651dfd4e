"""The cache of the door: bounded, and never remembers that something is not there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.streams import AGGREGATES_CACHED_MAX, Streams
from domain.account import Account
from domain.api_key import ApiKey
from domain.job import Job
from tests.support.examples import JOB, TENANT, a_job, a_key, cause

if TYPE_CHECKING:
    from application.event_sourcing import EventSourcing
    from application.work import A
    from domain.model import Aggregate


class Store:
    """A store in memory that counts who was read."""

    def __init__(self, *aggregates: Aggregate) -> None:
        self.aggregates = {aggregate.id: aggregate for aggregate in aggregates}
        self.reads: Counter[UUID] = Counter()

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        self.reads[aggregate_id] += 1
        found = self.aggregates.get(aggregate_id)
        return found if isinstance(found, kind) else None


def streams_on(store: Store, cached_max: int = AGGREGATES_CACHED_MAX) -> Streams:
    event_sourcing: EventSourcing = store  # type: ignore[assignment] # all that is asked of it is find
    return Streams(event_sourcing, cached_max=cached_max)


def accounts(number: int) -> list[Account]:
    return [Account.open(cause(), account_id=uuid4(), tenant_id=TENANT, name="x") for _ in range(number)]


def test_an_aggregate_is_read_once() -> None:
    store = Store(*accounts(1))
    streams, (id_,) = streams_on(store), store.aggregates
    assert streams.find(Account, id_) is streams.find(Account, id_) is store.aggregates[id_]
    assert store.reads[id_] == 1


@pytest.mark.parametrize("cached_max", [1, 3])
def test_the_cache_holds_as_many_as_it_may_and_forgets_the_one_that_was_not_used_longest(cached_max: int) -> None:
    store = Store(*accounts(cached_max + 1))
    streams, ids = streams_on(store, cached_max), list(store.aggregates)
    for id_ in ids[:cached_max]:
        streams.find(Account, id_)
    streams.find(Account, ids[0])
    assert store.reads.total() == cached_max
    streams.find(Account, ids[-1])
    forgotten = ids[1] if cached_max > 1 else ids[0]
    for id_ in ids:
        if id_ != forgotten:
            streams.find(Account, id_)
    assert store.reads.total() == cached_max + 1
    streams.find(Account, forgotten)
    assert store.reads[forgotten] == 2


def test_what_is_not_there_is_looked_for_each_time() -> None:
    store, id_ = Store(), uuid4()
    streams = streams_on(store)
    assert streams.find(Account, id_) is None
    account = Account.open(cause(), account_id=id_, tenant_id=TENANT, name="x")
    store.aggregates[id_] = account
    assert streams.find(Account, id_) is account
    assert store.reads[id_] == 2


def test_what_was_evicted_is_read_again() -> None:
    store = Store(*accounts(2))
    streams, ids = streams_on(store), list(store.aggregates)
    for id_ in ids:
        streams.find(Account, id_)
    streams.evict([ids[0], uuid4()])
    for id_ in ids:
        streams.find(Account, id_)
    assert [store.reads[id_] for id_ in ids] == [2, 1]


def test_jobs_are_met_once_and_take_no_place() -> None:
    store = Store(a_job())
    streams = streams_on(store)
    for _ in range(3):
        assert streams.find(Job, JOB) is not None
    assert store.reads[JOB] == 3


def test_a_thing_of_another_kind_is_not_found_cached_or_not() -> None:
    key = a_key()
    streams = streams_on(Store(key))
    assert streams.find(Account, key.id) is None
    assert streams.find(ApiKey, key.id) is key
    assert streams.find(Account, key.id) is None
