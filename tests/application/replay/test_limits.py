"""Whether limits were kept is recomputed from the log: it holds for what the service wrote, and for nothing forged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.replay.limits import Breach, breaches
from domain import key_events
from domain.key_events import Used
from domain.limits import RATE_LIMIT_MAX
from domain.model import Cause
from tests.application.replay.lives import ACCOUNT, a_life
from tests.projections.histories import a_key_of, events_of
from tests.support.clock import NOON
from tests.support.effort import seeded_random

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from domain.api_key import ApiKey
    from domain.model import Event
    from tests.support.running import Application

SECOND = timedelta(seconds=1)


def of(application: Application, key_id: UUID | None) -> list[Breach]:
    return list(breaches(application.event_sourcing, key_id, lambda *_: None))


def a_cause(at: datetime) -> Cause:
    return Cause(at, "system", "request-1", uuid4())


def a_use(key: ApiKey, version: int, at: datetime) -> Event:
    """A use that nobody decided on."""
    return Used(
        originator_id=key.id,
        originator_version=version,
        timestamp=at,
        actor=str(key.id),
        request_id="request-1",
        command_id=uuid4(),
        outcome="accepted",
    )


def a_key_with(application: Application, *uses: timedelta, limit: int = 3) -> ApiKey:
    """A key with uses so long after NOON, which were let in whatever the limit."""
    key = a_key_of(ACCOUNT, "Nightly run", a_cause(NOON), limit=limit)
    append(application, [*events_of(key), *(a_use(key, 2 + n, NOON + use) for n, use in enumerate(uses))])
    return key


def append(application: Application, events: list[Event]) -> None:
    mapper = application.event_sourcing.mapper
    application.event_sourcing.recorder.append([mapper.to_stored_event(event) for event in events], {})


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
    key = a_key_with(application, 30 * SECOND, 31 * SECOND, 10 * SECOND, 32 * SECOND)
    assert [(found.kind, found.version) for found in of(application, key.id)] == [
        ("time_backwards", 4),
        ("over_limit", 5),
    ]


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
    assert key_events.Used.TOPIC == "api_key.used"
