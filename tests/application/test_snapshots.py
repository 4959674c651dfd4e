"""Snapshots: a busy key is read from one snapshot and few events, and is the same as from all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from application import event_sourcing
from application.event_sourcing import SNAPSHOT_INTERVAL
from application.store.errors import StoreUnavailableError
from application.store.log.recorder import EventRecorder
from domain.api_key import ApiKey
from domain.limits import RATE_LIMIT_MAX
from tests.support.cast import Bot, Cast
from tests.support.clock import FakeClock
from tests.support.effort import effort
from tests.support.examples import SECOND
from tests.support.golden import replay, state_of
from tests.support.running import Application, another_process, application_on

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from eventsourcing.persistence import StoredEvent

    from application.store.database import Database

USES = effort(450, 1_250)


@pytest.fixture(scope="module")
def busy_bot(database: Database) -> Bot:
    """A bot that has used its key so often, some of the times in the same minute."""
    clock = FakeClock()
    application = application_on(database, clock)
    bot = Cast(application).bot(limit=RATE_LIMIT_MAX)
    for number in range(USES):
        if number % 7 == 0:
            clock.advance(SECOND)
        bot.use()
    return bot


def snapshots_of(database_url: str, key: UUID) -> list[int]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT originator_version FROM rpawatch.snapshots WHERE originator_id = %s ORDER BY 1", (key,)
        )
        return [row[0] for row in rows]


class CountingRecorder(EventRecorder):
    """Counts the events that were read."""

    read = 0

    def select_events(self, *args: Any, **kwargs: Any) -> Sequence[StoredEvent]:
        found = super().select_events(*args, **kwargs)
        self.read += len(found)
        return found


def test_a_snapshot_is_kept_every_so_many_events(database_url: str, busy_bot: Bot) -> None:
    assert snapshots_of(database_url, busy_bot.key_id) == list(range(SNAPSHOT_INTERVAL, USES + 2, SNAPSHOT_INTERVAL))


def test_a_busy_key_is_read_from_a_snapshot_and_few_events(application: Application, busy_bot: Bot) -> None:
    recorder = CountingRecorder(application.database)
    application.event_sourcing.events.recorder = recorder
    key = application.event_sourcing.find(ApiKey, busy_bot.key_id)
    assert key is not None
    assert key.version == USES + 1
    assert recorder.read == (USES + 1) % SNAPSHOT_INTERVAL


def test_a_key_read_from_a_snapshot_is_the_same_as_from_all_its_events(application: Application, busy_bot: Bot) -> None:
    from_snapshot = application.event_sourcing.find(ApiKey, busy_bot.key_id)
    from_events = replay(application.events(busy_bot.key_id))
    assert from_snapshot is not None
    assert state_of(from_snapshot) == state_of(from_events)
    assert from_snapshot.uses == USES


def test_a_restarted_service_reads_a_busy_key(busy_bot: Bot, database_url: str) -> None:
    """In an interpreter of its own, which has never written a snapshot."""
    script = (
        "import sys, uuid\n"
        "from application.event_sourcing import EventSourcing\n"
        "from application.store.database import Database\n"
        "from domain.api_key import ApiKey\n"
        "database = Database(sys.argv[1])\n"
        "database.open()\n"
        "print(EventSourcing(database).find(ApiKey, uuid.UUID(sys.argv[2])).uses)\n"
        "database.close()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, database_url, str(busy_bot.key_id)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.stdout.strip() == str(USES), run.stderr.strip().splitlines()[-1:]


def test_the_limit_holds_for_a_key_that_was_read_from_a_snapshot(
    busy_bot: Bot, database_url: str, clock: FakeClock, application: Application
) -> None:
    key = application.event_sourcing.find(ApiKey, busy_bot.key_id)
    assert key is not None
    assert key.last_used_at is not None
    clock.now = key.last_used_at
    expected = key.quota(clock.now).left - 1
    with another_process(database_url, clock) as other:
        assert busy_bot.through(other).use().quota.left == expected


@pytest.mark.parametrize(
    "error", [StoreUnavailableError("away"), psycopg.errors.UndefinedTable("x"), RuntimeError("bug")], ids=repr
)
def test_a_snapshot_that_can_not_be_kept_does_not_fail_the_command(
    application: Application, cast: Cast, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(event_sourcing, "SNAPSHOT_INTERVAL", 5)
    bot = cast.bot()
    for _ in range(3):
        bot.use()
    tried = []

    def fail(*_: object) -> None:
        tried.append(True)
        raise error

    monkeypatch.setattr(application.event_sourcing.snapshots, "put", fail)
    assert bot.use().error is None
    assert tried
    assert bot.use().error is None
    assert application.kinds(bot.key_id) == ["Created"] + ["Used"] * 5


def test_a_snapshot_that_can_not_be_read_costs_time_and_not_the_key(
    cast: Cast, database_url: str, clock: FakeClock
) -> None:
    bot = cast.bot(limit=RATE_LIMIT_MAX)
    bot.use()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rpawatch.snapshots VALUES (%s, 2, 'api_key.snapshot', %s)", (bot.key_id, b'{"v":99}')
        )
    with another_process(database_url, clock) as other:
        assert bot.through(other).use().error is None
