"""A reader that follows the log sees each position once, in order, whoever writes and in whatever batches."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4

from eventsourcing.persistence import StoredEvent

from application.store.database import Database
from application.store.errors import ConflictError
from application.store.log import following
from application.store.log.recorder import EventRecorder
from domain.account import Account
from projections.schema import create_tables
from tests.projections.histories import events_of
from tests.projections.support import SeenPositions
from tests.support.effort import effort, seeded_random
from tests.support.examples import cause

if TYPE_CHECKING:
    import pytest

    from tests.projections.support import World

WRITERS = 4
BATCH_MAX = 100


def write(url: str, chance: Random, events: int, state: bytes) -> None:
    """Append made-up events; one time in ten what is appended is refused, which leaves holes in the positions."""
    database = Database(url, connections_max=1)
    database.open()
    recorder = EventRecorder(database)
    stream, version = uuid4(), 0
    while events > 0:
        size = min(events, round(BATCH_MAX ** chance.random()))  # many are small: they overtake large ones
        batch = [StoredEvent(stream, version + number, "account.renamed", state) for number in range(1, size + 1)]
        if chance.random() < 0.1:
            try:
                recorder.append([*batch, batch[0]], {})
            except ConflictError:
                continue
        recorder.append(batch, {})
        version += size
        events -= size
    database.close()


def test_each_position_is_seen_once_and_in_order_under_four_writers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A reader that looks as often as it can meets the instants in which a higher position is there before a lower one.
    monkeypatch.setattr(following, "TURN_SECONDS_MIN", 0.0)
    chance = seeded_random()
    seen = SeenPositions(frozenset({Account.Renamed.TOPIC}))
    create_tables(world.owner, [seen])
    account = Account.open(cause(), account_id=uuid4(), tenant_id=uuid4(), name="a")
    account.rename(cause(), "b")
    state = world.application.event_sourcing.mapper.to_stored_event(events_of(account)[1]).state
    events = effort(2_000, 250_000)
    threads = [
        threading.Thread(target=write, args=(world.url, Random(chance.random()), events, state)) for _ in range(WRITERS)
    ]
    with world.following([seen]):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        world.wait_for_all([seen])
    log = [row["notification_id"] for row in world.owner.execute(_LOG)]
    assert len(log) == WRITERS * events
    assert log[-1] > len(log), "there are holes"
    assert seen.given == log
    assert sorted(seen.kept(world.owner)) == log


_LOG = "SELECT notification_id FROM rpawatch.events ORDER BY notification_id"
