"""Keys to which much has happened, put into the log as they are, with the snapshots that a service takes."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg

from domain.errors import DomainError
from domain.key_snapshot import ApiKeySnapshot
from domain.model import Cause
from tests.projections.histories import a_key_of, events_of, happen_to
from tests.support.clock import NOON

if TYPE_CHECKING:
    import random

    from domain.api_key import ApiKey
    from domain.model import Event
    from tests.support.running import Application

ACCOUNT = UUID("00000000-0000-4000-8000-0000000000aa")


def a_life(application: Application, chance: random.Random, count: int) -> list[Event]:
    """Put a key of up to `count` events into the log, with a snapshot here and there; return them."""
    at = NOON
    key = a_key_of(ACCOUNT, "Nightly run", Cause(at, "system", "request-1", uuid4()), limit=1_000)
    kept: list[Event] = []
    snapshots = []
    for number in range(4 * count):
        at += timedelta(milliseconds=chance.choice([0, 1, 500, 90_000]))
        with suppress(DomainError):
            happen_to(key, Cause(at, "system", f"request-{number}", uuid4()), chance)
        kept += events_of(key)
        if chance.random() < 0.1:
            snapshots.append(ApiKeySnapshot.of(key.copy()))
        if len(kept) >= count:
            break
    append(application, kept)
    application.event_sourcing.snapshots.put(snapshots)
    return kept


def append(application: Application, events: list[Event]) -> None:
    """Put events into the log as they are."""
    mapper = application.event_sourcing.mapper
    application.event_sourcing.recorder.append([mapper.to_stored_event(event) for event in events], {})


def a_busy_key(application: Application, owner_url: str, uses: int) -> UUID:
    """Put a key with so many uses into the log, one each second from NOON on."""
    key = a_key_of(ACCOUNT, "Busy", Cause(NOON, "system", "request-1", uuid4()))
    key.use(Cause(NOON, str(key.id), "request-2", uuid4()), "accepted")
    mapper = application.event_sourcing.mapper
    created, used = map(mapper.to_stored_event, events_of(key))
    application.event_sourcing.recorder.append([created], {})
    before, after = used.state.decode().split("2026-03-10T12:00:00Z")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)"
            " SELECT %s, number + 1, 'api_key.used', convert_to(%s::text || to_char("
            " %s::timestamptz AT TIME ZONE 'UTC' + number * interval '1 second',"
            " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || %s::text, 'UTF8') FROM generate_series(1, %s) AS number",
            (key.id, before, NOON, after, uses),
        )
    return key.id


def keep_snapshots(application: Application, key_id: UUID, interval: int) -> None:
    """Take the snapshots that the service would have taken while the key was used."""
    key: ApiKey | None = None
    taken = []
    events = application.event_sourcing.recorder
    after = 0
    while page := events.select_events(key_id, gt=after, limit=1_000):
        for stored in page:
            key = application.event_sourcing.mapper.to_domain_event(stored).mutate(key)
            assert key is not None
            if key.version % interval == 0:
                taken.append(ApiKeySnapshot.of(key.copy()))
        after = page[-1].originator_version
    application.event_sourcing.snapshots.put(taken)
