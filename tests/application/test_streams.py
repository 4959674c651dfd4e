"""The cache of the command queue: bounded, and never remembers that something is not there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.store.mapper import UnreadableEventError
from application.streams import AGGREGATES_CACHED_MAX, LOOKS_IN_VAIN_MAX, Streams
from domain.account import Account
from domain.api_key import ApiKey
from domain.job import Job
from tests.support.examples import JOB, TENANT, a_job, a_key, cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.event_sourcing import EventSourcing
    from domain.model import Aggregate, Event


class Store:
    """A store in memory that counts who was read."""

    def __init__(self, *aggregates: Aggregate) -> None:
        self.aggregates = {aggregate.id: aggregate for aggregate in aggregates}
        self.reads: Counter[UUID] = Counter()
        self.later: dict[UUID, list[Event]] = {}
        self.looks = 0
        self.recorder = self

    def read(self, _: type[Aggregate], aggregate_id: UUID) -> Aggregate | None:
        self.reads[aggregate_id] += 1
        return self.aggregates.get(aggregate_id)

    def later_events(self, versions: Mapping[UUID, int]) -> dict[UUID, list[Event]]:
        self.looks += 1
        return {id_: events for id_, events in self.later.items() if id_ in versions}

    def stale(self, versions: Mapping[UUID, int]) -> frozenset[UUID]:
        self.looks += 1
        return frozenset(id_ for id_, version in versions.items() if (id_ in self.aggregates) != bool(version))


def streams_on(store: Store, cached_max: int = AGGREGATES_CACHED_MAX) -> Streams:
    event_sourcing: EventSourcing = store  # type: ignore[assignment] # all that is asked of it is there
    return Streams(event_sourcing, cached_max=cached_max)


def accounts(number: int) -> list[Account]:
    return [Account.open(cause(), account_id=uuid4(), tenant_id=TENANT, name="x") for _ in range(number)]


def uses_after(key: ApiKey, number: int) -> list[Event]:
    """Return further uses of the key, which itself stays as it is."""
    later = key.copy()
    later.collect_events()
    for _ in range(number):
        later.use(cause(), "accepted")
    return list(later.collect_events())  # type: ignore[arg-type] # events of ours


def test_an_aggregate_is_read_once() -> None:
    store = Store(*accounts(1))
    streams, (id_,) = streams_on(store), store.aggregates
    assert streams.peek(Account, id_) is None
    assert streams.find(Account, id_) == (store.aggregates[id_], True)
    assert streams.find(Account, id_) == (store.aggregates[id_], False)
    assert streams.peek(Account, id_) is store.aggregates[id_]
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
    assert streams.find(Account, id_) == (None, True)
    assert streams.absent([id_]) == {id_}
    account = Account.open(cause(), account_id=id_, tenant_id=TENANT, name="x")
    store.aggregates[id_] = account
    assert streams.absent([id_]) == set()
    assert streams.find(Account, id_) == (account, True)
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
        assert streams.find(Job, JOB)[0] is not None
    assert store.reads[JOB] == 3


def test_a_stream_is_found_whatever_kind_it_is() -> None:
    """So that a stream of another kind has its version checked, and not that of one that is not there."""
    key = a_key()
    streams = streams_on(Store(key))
    assert streams.find(Account, key.id) == (key, True)
    assert streams.peek(Account, key.id) is None
    assert streams.peek(ApiKey, key.id) is key


def test_a_stale_aggregate_goes_on_from_where_it_is_and_stays_as_it_was_for_who_has_it() -> None:
    key = a_key()
    store = Store(key)
    streams = streams_on(store)
    streams.find(ApiKey, key.id)
    store.later = {key.id: uses_after(key, 2)}
    streams.catch_up([key.id, uuid4()])
    found = streams.peek(ApiKey, key.id)
    assert found is not None
    assert (found.uses, found.version, len(found.window)) == (2, 3, 2)
    assert (key.uses, key.version, len(key.window)) == (0, 1, 0)
    assert store.reads[key.id] == 1


def test_one_that_is_ahead_of_the_log_is_forgotten() -> None:
    key = a_key()
    streams = streams_on(Store(key))
    streams.find(ApiKey, key.id)
    streams.catch_up([key.id])
    assert streams.peek(ApiKey, key.id) is None


def test_one_that_is_far_behind_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.streams.LATER_EVENTS_MAX", 3)
    key = a_key()
    store = Store(key)
    streams = streams_on(store)
    streams.find(ApiKey, key.id)
    store.later = {key.id: uses_after(key, 3)}
    streams.catch_up([key.id])
    assert streams.peek(ApiKey, key.id) is None


def test_a_stream_that_another_process_uses_too_is_looked_at_before_it_is_used_until_it_is_quiet() -> None:
    key, other = a_key(), accounts(1)[0]
    store = Store(key, other)
    streams = streams_on(store)
    for aggregate in (key, other):
        streams.find(type(aggregate), aggregate.id)
    assert streams.catch_up_shared([key.id, other.id]) == set()
    assert store.looks == 0
    store.later = {key.id: uses_after(key, 1)}
    streams.catch_up([key.id])
    store.later = {}
    for _ in range(LOOKS_IN_VAIN_MAX):
        assert streams.catch_up_shared([key.id, other.id]) == {key.id}
    looks = store.looks
    assert streams.catch_up_shared([key.id, other.id]) == set()
    assert store.looks == looks


def test_streams_that_a_newer_release_has_written_to_are_read_anew_by_who_needs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = a_key(), accounts(1)[0]
    store = Store(one, other)
    streams = streams_on(store)
    for aggregate in (one, other):
        streams.find(type(aggregate), aggregate.id)

    def fail(_: object) -> None:
        raise UnreadableEventError

    monkeypatch.setattr(store, "later_events", fail)
    streams.catch_up([one.id, other.id])
    for aggregate in (one, other):
        assert streams.find(type(aggregate), aggregate.id) == (aggregate, True)
