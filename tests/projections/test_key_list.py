"""The list of keys says what their aggregates say."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from application.store.log.reading import Recorded
from domain.api_key import ApiKey, KeyState
from domain.errors import DomainError
from domain.limits import CLOCKS_APART_MAX, KEY_EXPIRY_NOTICE
from projections.keys.listing import KEY_LIST, KeyRow
from projections.keys.queries import list_keys
from projections.paging import PageRequest, sort_name
from projections.read_model import apply
from tests.projections.histories import a_key_of, events_of, happen_to
from tests.projections.support import state_of
from tests.support.clock import NOON
from tests.support.examples import MICROSECOND, SECOND, cause, example_events

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from domain.model import Event
    from tests.projections.support import World


def recorded(events: Iterable[Event]) -> list[Recorded]:
    return [Recorded(position, event.TOPIC, event) for position, event in enumerate(events, start=1)]


def new_key(account_id: UUID | None = None, name: str = "Nightly run", *, limit: int = 60) -> ApiKey:
    return a_key_of(account_id or uuid4(), name, cause(), limit=limit)


def take_in(world: World, *keys: ApiKey) -> tuple[int, int]:
    """Apply what has happened to keys as one batch, and return how many events and updates of rows that was."""
    batch = recorded(event for key in keys for event in events_of(key))
    with world.connect() as connection:
        apply(KEY_LIST, connection, batch)
        [counted] = connection.execute(_UPDATES)
        return len(batch), counted["n_tup_upd"]


_UPDATES = f"SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = '{KEY_LIST.name}'"


def row_of(key: ApiKey) -> KeyRow:
    return KEY_LIST.fold(None, events_of(key))


def rotated_at_by(events: Iterable[object]) -> list[object]:
    return [event.timestamp for event in events if isinstance(event, ApiKey.Rotated)] or [None]


@given(
    st.randoms(use_true_random=False),
    st.lists(
        st.one_of(st.integers(-5_000, 30_000), st.sampled_from([65_000, -65_000, 86_400_000, -86_400_000])), max_size=60
    ),
)
def test_the_row_is_what_the_aggregate_is_after_any_history(chance: Random, steps: list[int]) -> None:
    key, now = new_key(limit=5), NOON
    for milliseconds in steps:
        now += timedelta(milliseconds=milliseconds)
        with suppress(DomainError):
            happen_to(key, cause(now), chance)
    history = list(key.pending_events)
    row = row_of(key)
    assert state_of(KeyState, row) == state_of(KeyState, key)
    assert (row.key_id, row.last_event_at, row.sort_name) == (key.id, key.modified_on, sort_name(key.name))
    assert [row.rotated_at] == rotated_at_by(history)
    for clock in (NOON - SECOND, now, now + SECOND, now + KEY_EXPIRY_NOTICE):
        assert row.status(row.stamp(clock)) is key.status(key.stamp(clock))
    for before in (CLOCKS_APART_MAX, timedelta(0), -SECOND, -KEY_EXPIRY_NOTICE):
        at = key.modified_on - before
        assert (row.ends_at > at) is key.is_active(key.stamp(at)), "the filter is the predicate"


def test_every_event_of_a_key_reaches_the_list() -> None:
    kinds = {event.TOPIC for event in example_events() if event.TOPIC.startswith(f"{ApiKey.TOPIC}.")}
    assert KEY_LIST.topics == kinds


def test_many_uses_of_a_key_in_a_batch_are_one_change_of_its_row(world: World) -> None:
    busy, *others = (new_key(limit=10_000) for _ in range(201))
    take_in(world, busy, *others)
    for number in range(300):
        busy.use(cause(NOON + number * SECOND), "accepted")
    for key in others:
        key.use(cause(NOON + SECOND), "accepted")
    assert take_in(world, busy, *others) == (500, 201)
    rows = world.rows(KEY_LIST)
    assert (rows[busy.id].uses, rows[busy.id].last_used_at) == (300, NOON + 299 * SECOND)
    assert {rows[key.id].uses for key in others} == {1}


def test_keys_of_an_account_are_its_own_by_name_and_those_that_have_ended_too(world: World) -> None:
    mine, theirs = uuid4(), uuid4()
    keys = [new_key(mine, name) for name in ("zebra", "Ärzte", "berlin", "Archive")]
    keys[2].deactivate(cause(NOON + SECOND))
    foreign = new_key(theirs, "Another")
    take_in(world, *keys, foreign)
    assert names(world, mine) == ["Archive", "Ärzte", "berlin", "zebra"]
    assert names(world, theirs) == ["Another"]
    assert names(world, uuid4()) == []
    first = list_keys(world.database, account_id=mine, page=PageRequest(limit=3), now=NOON)
    rest = list_keys(world.database, account_id=mine, page=PageRequest(limit=3, cursor=first.next_cursor), now=NOON)
    assert [row.name for row in (*first.items, *rest.items)] == names(world, mine)


def names(world: World, account_id: UUID) -> list[str]:
    page = list_keys(world.database, account_id=account_id, page=PageRequest(limit=200), now=NOON)
    return [row.name for row in page.items]


def test_a_row_keeps_every_value_to_the_microsecond(world: World) -> None:
    history = [event for event in example_events() if event.TOPIC in KEY_LIST.topics]
    with world.connect() as connection:
        apply(KEY_LIST, connection, recorded(history))
    [row] = world.rows(KEY_LIST).values()
    assert (row.name, row.limit, row.uses, row.refusals) == ("Nightly run, old", 10, 1, 17)
    assert row.refused_at == NOON + 9 * SECOND - MICROSECOND
    assert row.rotated_at == next(event.timestamp for event in history if isinstance(event, ApiKey.Rotated))
    assert row.last_event_at == history[-1].timestamp
