"""A key is replayed to any version and instant, and is what it was: the fold of its events until then."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest

from application.replay.event_reader import PAGE_EVENTS, EventReader
from application.replay.keys import AHEAD_EVENTS_MAX, Replay
from application.store.log.reading import KEY_LIFECYCLE
from application.store.mapper import UnreadableEventError
from domain.api_key import ApiKey
from domain.errors import NotFoundError
from tests.application.replay.lives import ACCOUNT, a_busy_key, a_life, append, keep_snapshots
from tests.projections.histories import a_key_of, events_of
from tests.support.clock import NOON
from tests.support.effort import effort, seeded_random
from tests.support.examples import MICROSECOND, cause
from tests.support.golden import all_golden, replay, state_of

if TYPE_CHECKING:
    from tests.support.cast import Cast
    from tests.support.running import Application

USES = 5_000
LIFE = effort(40, 120)
"""Events of a key that is looked at as of each of them."""
LOOKS_MAX = 150
"""Events that are read to replay a key at an instant, however many it has: the search, and those behind a snapshot."""


def test_a_key_is_at_every_version_what_its_events_make_of_it(application: Application) -> None:
    chance = seeded_random()
    replays = Replay(application.event_sourcing)
    for _ in range(effort(3, 100)):
        events = a_life(application, chance, LIFE)
        key_id = events[0].originator_id
        for version in range(1, len(events) + 1):
            expected = state_of(replay(events[:version]))
            assert state_of(replays.at_version(key_id, version)) == expected
            assert state_of(replays.at_version(key_id, version, from_start=True)) == expected


def test_a_key_is_at_every_instant_what_had_happened_until_then(application: Application) -> None:
    events = a_life(application, seeded_random(), LIFE)
    key_id = events[0].originator_id
    replays = Replay(application.event_sourcing)
    for event in events:
        for at in (event.timestamp, event.timestamp + timedelta(microseconds=1)):
            until = [one for one in events if one.timestamp <= at]
            assert replays.version_at(key_id, at) == len(until)
            assert state_of(replays.at(key_id, at)) == state_of(replay(until))


def test_what_was_not_there_is_not_found(application: Application) -> None:
    events = a_life(application, seeded_random(), 20)
    key_id, last = events[0].originator_id, len(events)
    replays = Replay(application.event_sourcing)
    for version in (0, -1, last + 1, 2**70):
        with pytest.raises(NotFoundError):
            replays.at_version(key_id, version)
    with pytest.raises(NotFoundError):
        replays.at(key_id, events[0].timestamp - timedelta(microseconds=1))
    with pytest.raises(NotFoundError):
        replays.at(uuid4(), NOON)
    with pytest.raises(NotFoundError):
        list(replays.events(uuid4()))


def test_a_stream_that_is_no_keys_is_none(application: Application, cast: Cast) -> None:
    with pytest.raises(NotFoundError):
        Replay(application.event_sourcing).at(cast.account_a, NOON + timedelta(days=1))


def test_the_history_tells_what_each_event_changed(application: Application, cast: Cast) -> None:
    bot = cast.bot(limit=2)
    bot.use()
    application.execute(cast.change_key_command(bot.key_id, name="Nightly", limit=5))
    application.execute(cast.deactivate_key_command(bot.key_id))
    told = list(Replay(application.event_sourcing).events(bot.key_id, lifecycle_only=False))
    assert [one.action for one in told] == [
        "api_key.created", "api_key.used", "api_key.renamed", "api_key.rate_limit_changed", "api_key.deactivated",
    ]  # fmt: skip
    assert told[0].changes["limit"] == (None, 2)
    assert told[1].changes == {}
    assert told[1].details["outcome"] == "accepted"
    assert told[2].changes["name"][1] == "Nightly"
    assert told[3].changes == {"limit": (2, 5)}
    assert set(told[4].changes) >= {"deactivated_at", "deactivated_by"}
    assert [one.version for one in told] == [1, 2, 3, 4, 5]
    assert [one.position for one in told] == sorted(one.position for one in told)


def test_a_history_without_uses_has_the_same_changes(application: Application) -> None:
    events = a_life(application, seeded_random(), 150)
    key_id = events[0].originator_id
    replays = Replay(application.event_sourcing)
    every = [one for one in replays.events(key_id, lifecycle_only=False) if one.action != "api_key.used"]
    assert list(replays.events(key_id)) == every
    pages: list[Any] = []
    while page := replays.page(key_id, after=pages[-1].version if pages else 0, limit=7, lifecycle_only=True):
        pages += page
    assert pages == every


def test_uses_are_those_from_one_instant_to_before_another(application: Application) -> None:
    events = a_life(application, seeded_random(), 150)
    key_id = events[0].originator_id
    since, until = events[30].timestamp, events[90].timestamp
    expected = [
        event.originator_version
        for event in events
        if isinstance(event, ApiKey.Used) and since <= event.timestamp < until
    ]
    replays = Replay(application.event_sourcing)
    assert [use.version for use in replays.uses(key_id, since, until)] == expected
    every = [event.originator_version for event in events if isinstance(event, ApiKey.Used)]
    assert [use.version for use in replays.uses(key_id, None, None)] == every


def test_a_difference_is_that_of_the_states_at_both_instants(application: Application) -> None:
    events = a_life(application, seeded_random(), 150)
    key_id = events[0].originator_id
    since, until = events[30].timestamp, events[90].timestamp
    found = Replay(application.event_sourcing).difference(key_id, since, until)
    between = [event for event in events if since < event.timestamp <= until]
    before = replay([event for event in events if event.timestamp <= since])
    after = replay([event for event in events if event.timestamp <= until])
    assert state_of(found.before) == state_of(before)  # type: ignore[arg-type] # it was made before
    assert state_of(found.after) == state_of(after)  # type: ignore[arg-type] # as above
    assert found.changes.keys() <= {name for name in vars(after) if vars(after)[name] != vars(before)[name]}
    assert sum(found.uses.values()) == sum(isinstance(event, ApiKey.Used) for event in between)
    assert len(found.events) == sum(not isinstance(event, ApiKey.Used) for event in between)


def test_before_it_was_made_there_is_nothing_to_compare_with(application: Application) -> None:
    events = a_life(application, seeded_random(), 20)
    early = events[0].timestamp - timedelta(days=1)
    found = Replay(application.event_sourcing).difference(events[0].originator_id, early, events[0].timestamp)
    assert found.before is None
    assert found.after is not None
    assert found.changes["name"] == (None, found.after.name)


def test_the_golden_history_of_a_key_is_replayed_over_every_released_shape(application: Application) -> None:
    golden = [one for one in all_golden().values() if one.stored.topic.startswith("api_key.")]
    events = [one for one in golden if one.stored.topic != "api_key.snapshot"]
    [stream] = {one.stored.originator_id for one in events}
    application.event_sourcing.recorder.append(
        sorted((one.stored for one in events), key=lambda stored: stored.originator_version), {}
    )
    replays = Replay(application.event_sourcing)
    for one in events:
        key = replays.at_version(stream, one.stored.originator_version)  # type: ignore[arg-type] # ours are UUIDs
        # A file of an earlier release knows nothing of what keys have since.
        assert one.replays_to.items() <= state_of(key).items()


def test_an_instant_of_a_busy_key_takes_few_looks(
    application: Application, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = effort(USES, 1_000_000)
    key_id = a_busy_key(application, database_url, uses)
    keep_snapshots(application, key_id, 100)
    read = 0
    whole = EventReader.page

    def counting(self: EventReader, *arguments: Any, **further: Any) -> Any:
        nonlocal read
        found = whole(self, *arguments, **further)
        read += len(found)
        return found

    monkeypatch.setattr(EventReader, "page", counting)
    replays = Replay(application.event_sourcing)
    for seconds in (1, 77, uses // 2, uses - 1, 10 * uses):
        read = 0
        key = replays.at(key_id, NOON + timedelta(seconds=seconds, milliseconds=1))
        assert key.uses == min(seconds, uses)
        assert read <= LOOKS_MAX


def test_a_busy_key_is_replayed_from_the_start_in_memory_that_does_not_grow(
    application: Application, database_url: str
) -> None:
    key_id = a_busy_key(application, database_url, effort(USES, 100_000))
    events = Replay(application.event_sourcing).events(key_id, lifecycle_only=False)
    for _ in range(2 * PAGE_EVENTS):
        next(events)
    tracemalloc.start()
    try:
        rest = sum(1 for _ in events)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rest > PAGE_EVENTS
    # A page of events takes some two megabytes; all of them would take ten times as much, and more in the long run.
    assert peak < 8_000_000


def test_the_lifecycle_of_a_busy_key_is_read_past_its_uses(application: Application, database_url: str) -> None:
    key_id = a_busy_key(application, database_url, USES)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("ANALYZE rpawatch.events")
        plan = owner.execute(b"EXPLAIN " + KEY_LIFECYCLE, (key_id, 0, 2**63 - 1, 1_000)).fetchall()
    assert "events_key_lifecycle_idx" in "\n".join(row[0] for row in plan)
    assert [one.action for one in Replay(application.event_sourcing).events(key_id)] == ["api_key.created"]


def test_a_stream_with_a_hole_is_not_replayed_over_it(application: Application, database_url: str) -> None:
    events = a_life(application, seeded_random(), 30)
    key_id = events[0].originator_id
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM rpawatch.events WHERE originator_id = %s AND originator_version = 12", (key_id,))
        owner.execute("DELETE FROM rpawatch.snapshots WHERE originator_id = %s", (key_id,))
    replays = Replay(application.event_sourcing)
    assert isinstance(replays.at_version(key_id, 11), ApiKey)
    with pytest.raises(UnreadableEventError, match="Version 12 of stream"):
        replays.at_version(key_id, 13)


@pytest.mark.parametrize("ahead", [timedelta(seconds=65), timedelta(days=1)])
def test_a_key_is_replayed_to_any_instant_although_a_clock_was_ahead_meanwhile(
    application: Application, ahead: timedelta
) -> None:
    chance = seeded_random()
    key, clock = a_key_of(ACCOUNT, "Nightly run", cause(NOON), limit=10_000), NOON
    for is_ahead in (False, True) * effort(2, 4):
        for _ in range(chance.randint(1, AHEAD_EVENTS_MAX)):
            clock += chance.random() * timedelta(seconds=2)
            key.use(cause(clock + is_ahead * ahead), "accepted")
    key.use(cause(clock), "accepted")
    events = events_of(key)
    append(application, events)
    replays = Replay(application.event_sourcing)
    for at in [event.timestamp + by * MICROSECOND for event in events for by in (-1, 0)]:
        expected = max((event.originator_version for event in events if event.timestamp <= at), default=0)
        assert replays.version_at(key.id, at) == expected
