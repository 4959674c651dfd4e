"""Whether limits were kept is recomputed from the log: it holds for what the service wrote, and for nothing forged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.replay.limits import Breach, breaches
from application.replay.order import ClockSteps, in_order
from application.store.log.reading import Recorded
from domain.api_key import ApiKey
from domain.errors import RateLimitedError
from domain.limits import RATE_LIMIT_MAX
from domain.model import Cause
from tests.application.replay.lives import ACCOUNT, a_life, append
from tests.projections.histories import a_key_of, events_of
from tests.support.clock import NOON
from tests.support.effort import seeded_random

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from domain.model import Event
    from tests.support.running import Application

SECOND = timedelta(seconds=1)


def of(application: Application, key_id: UUID | None) -> list[Breach]:
    return list(breaches(application.event_sourcing, key_id, lambda *_: None))


def all_of(application: Application) -> list[Breach]:
    return of(application, None)


def a_cause(at: datetime) -> Cause:
    return Cause(at, "system", "request-1", uuid4())


def a_use(key: ApiKey, version: int, at: datetime) -> Event:
    """A use that nobody decided on."""
    return a_use_of(key.id, version, at)


def a_use_of(key_id: UUID, version: int, at: datetime) -> Event:
    """A use of a key of which nothing else is known."""
    return ApiKey.Used(
        originator_id=key_id,
        originator_version=version,
        timestamp=at,
        actor=str(key_id),
        request_id="request-1",
        command_id=uuid4(),
        outcome="accepted",
    )


def a_key_with(application: Application, *uses: timedelta, limit: int = 3) -> ApiKey:
    """A key with uses so long after NOON, which were let in whatever the limit."""
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON), limit=limit)
    append(application, [*events_of(key), *(a_use(key, 2 + n, NOON + use) for n, use in enumerate(uses))])
    return key


def replayed(key: ApiKey, events: list[Event]) -> ApiKey:
    """The key after further events."""
    later = key.copy()
    for event in events:
        event.mutate(later)
    return later


def test_what_the_service_let_in_holds(application: Application) -> None:
    for _ in range(3):
        events = a_life(application, seeded_random(), 200)
        assert of(application, events[0].originator_id) == []


def test_as_many_uses_as_the_limit_hold_and_one_more_does_not(application: Application) -> None:
    held = a_key_with(application, SECOND, 2 * SECOND, 3 * SECOND)
    broken = a_key_with(application, SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND)
    assert of(application, held.id) == []
    [found] = of(application, broken.id)
    assert (found.kind, found.version, found.uses, found.limit) == ("over_limit", 5, 4, 3)
    assert found.at == NOON + 4 * SECOND
    assert str(broken.id) in found.text
    assert f"position {found.position}" in found.text


def test_uses_sixty_seconds_apart_are_not_in_one_span(application: Application) -> None:
    apart = a_key_with(application, SECOND, 2 * SECOND, 3 * SECOND, 61 * SECOND)
    close = a_key_with(application, SECOND, 2 * SECOND, 3 * SECOND, 61 * SECOND - timedelta(microseconds=1))
    assert of(application, apart.id) == []
    assert [found.version for found in of(application, close.id)] == [5]


def test_a_limit_that_is_lowered_breaks_nothing_that_was_before(application: Application) -> None:
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON), limit=5)
    for number in range(4):
        key.use(a_cause(NOON + number * SECOND), "accepted")
    key.change(a_cause(NOON + 5 * SECOND), limit=2)
    append(application, events_of(key))
    assert of(application, key.id) == []
    append(application, [a_use(key, key.version + 1, NOON + 6 * SECOND)])
    [found] = of(application, key.id)
    assert (found.kind, found.uses, found.limit) == ("over_limit", 5, 2)


@pytest.mark.parametrize("end", ["deactivate", "expire", "rotate", "rotate at once"])
def test_a_use_after_the_end_of_a_key_is_named(application: Application, end: str) -> None:
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON), limit=RATE_LIMIT_MAX)
    if end == "deactivate":
        key.deactivate(a_cause(NOON + 2 * SECOND))
    elif end == "expire":
        key.change(a_cause(NOON), expires_at=NOON + 5 * SECOND)
    else:
        key.rotate(a_cause(NOON + SECOND), uuid4(), timedelta(0) if end == "rotate at once" else 4 * SECOND)
    append(application, events_of(key))
    if end in {"expire", "rotate"}:
        key_before = a_use(key, key.version + 1, NOON + 5 * SECOND - timedelta(microseconds=1))
        append(application, [key_before])
        assert of(application, key.id) == []
        append(application, [a_use(key, key.version + 2, NOON + 5 * SECOND)])
    else:
        append(application, [a_use(key, key.version + 1, NOON + 5 * SECOND)])
    [found] = of(application, key.id)
    assert found.kind == "after_end"


def test_time_that_runs_backwards_is_named_and_hides_no_use(application: Application) -> None:
    key = a_key_with(application, 30 * SECOND, 31 * SECOND, 28 * SECOND, 32 * SECOND)
    assert [(found.kind, found.version) for found in of(application, key.id)] == [
        ("time_backwards", 4),
        ("over_limit", 5),
    ]


def test_a_clock_that_was_set_back_hides_no_use_and_is_no_breach(application: Application) -> None:
    key = a_key_with(application, 30 * SECOND, 31 * SECOND, 10 * SECOND, 32 * SECOND)
    steps = ClockSteps()
    found = list(breaches(application.event_sourcing, key.id, lambda *_: None, steps))
    assert [(breach.kind, breach.version) for breach in found] == [("over_limit", 5)]
    assert (steps.count, steps.first, steps.seconds_max) == (1, found[0].position - 1, 21.0)


@pytest.mark.parametrize("ahead", [65 * SECOND, timedelta(days=1)])
@pytest.mark.parametrize("other", ["another key", "the same key"])
def test_what_a_machine_let_in_that_was_ahead_is_found_by_what_is_behind_it_in_the_log(
    application: Application, ahead: timedelta, other: str
) -> None:
    """As it could be before the time came from the database: a limit of 60, and 120 uses in some seconds."""
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON), limit=60)
    neighbour = a_key_of(ACCOUNT, "Honest", a_cause(NOON), limit=RATE_LIMIT_MAX)
    append(application, [*events_of(key), *events_of(neighbour)])
    honest = [a_use(key, 2 + n, NOON + n * SECOND / 20) for n in range(60)]
    late = [a_use(key, 62 + n, NOON + 3 * SECOND + ahead + n * SECOND / 20) for n in range(60)]
    append(application, [*honest, *late])
    assert [found for found in all_of(application) if found.key_id == key.id] == [], "nothing contradicts it yet"
    if other == "the same key":
        key_now = replayed(key, [*honest, *late])
        key_now.throttle(a_cause(NOON + 7 * SECOND))
        append(application, events_of(key_now))
    else:
        append(application, [a_use(neighbour, 2, NOON + 7 * SECOND)])
    found = [breach for breach in all_of(application) if breach.key_id == key.id]
    assert [breach.version for breach in found] == list(range(62, 122))
    assert {breach.kind for breach in found} == {"clock_ahead"}
    assert found[-1].uses == 120


def test_machines_that_take_turns_and_disagree_are_found_too(application: Application) -> None:
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON), limit=10)
    neighbour = a_key_of(ACCOUNT, "Honest", a_cause(NOON), limit=RATE_LIMIT_MAX)
    events = [*events_of(key), *events_of(neighbour), *(a_use(key, 2 + n, NOON + SECOND) for n in range(10))]
    for n in range(10):
        at = NOON + (2 + n) * SECOND
        events += [a_use(key, 12 + n, at + 65 * SECOND), a_use(neighbour, 2 + n, at)]
    append(application, events)
    found = [breach for breach in all_of(application) if breach.key_id == key.id]
    assert [(breach.kind, breach.version) for breach in found] == [("clock_ahead", 12 + n) for n in range(10)]


@pytest.mark.parametrize("back", [65 * SECOND, timedelta(hours=3)])
def test_where_the_clock_of_all_was_set_back_what_was_before_still_holds(
    application: Application, back: timedelta
) -> None:
    """Another database server took over. A key that is used up in each minute is still no breach."""
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON), limit=3)
    clock, refused = NOON + timedelta(hours=6), 0
    for n in range(400):
        clock += 20 * SECOND if n != 200 else -back
        try:
            key.use(a_cause(clock), "accepted")
        except RateLimitedError:
            key.throttle(a_cause(clock))
            refused += 1
    assert 1 <= refused <= 3
    append(application, events_of(key))
    steps = ClockSteps()
    found = list(breaches(application.event_sourcing, None, lambda *_: None, steps))
    assert [breach for breach in found if breach.key_id == key.id] == []
    assert steps.count >= 1
    assert of(application, key.id) == []


@given(
    turns=st.lists(st.tuples(st.timedeltas(timedelta(0), 5 * SECOND), st.booleans()), max_size=60),
    ahead=st.sampled_from([20 * SECOND, 65 * SECOND, timedelta(days=1)]),
)
def test_the_order_of_the_log_tells_what_time_it_was_whatever_a_machine_that_is_ahead_says(
    turns: list[tuple[timedelta, bool]], ahead: timedelta
) -> None:
    """The first and the last event are of a machine whose clock is right."""
    clock, placed, real = NOON, [], []
    for number, (passed, is_ahead) in enumerate([(timedelta(0), False), *turns, (timedelta(0), False)], 1):
        clock += passed
        real.append(clock)
        placed.append(Recorded(number, ApiKey.Used.TOPIC, a_use_of(uuid4(), number, clock + is_ahead * ahead)))
    ordered = list(in_order(placed, steps := ClockSteps()))
    assert [one.placed for one in ordered] == placed
    for one, at in zip(ordered, real, strict=True):
        was_ahead = one.placed.event.timestamp != at
        assert abs(one.at - at) <= 5 * SECOND * was_ahead
    assert bool(steps.count) is any(is_ahead for _, is_ahead in turns)


def test_a_version_that_is_missing_is_named(application: Application) -> None:
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON))
    append(application, events_of(key))
    stored = application.event_sourcing.mapper.to_stored_event(a_use(key, 3, NOON))
    with application.database.get_connection() as connection:
        connection.execute(
            "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
            (stored.originator_id, stored.originator_version, stored.topic, stored.state),
        )
    [found] = of(application, key.id)
    assert (found.kind, found.version) == ("version_gap", 3)


def test_all_keys_are_looked_at_in_one_reading_of_the_log(application: Application) -> None:
    first = a_key_with(application, SECOND, SECOND, SECOND, SECOND)
    second = a_key_with(application, SECOND, SECOND, SECOND, SECOND, SECOND)
    told: list[tuple[int, int]] = []
    found = list(breaches(application.event_sourcing, None, lambda *at: told.append(at)))
    mine = [breach.key_id for breach in found if breach.key_id in {first.id, second.id}]
    assert mine == [first.id, second.id, second.id]
    assert told[-1][0] == told[-1][1] > 0
    assert ApiKey.Used.TOPIC == "api_key.used"
