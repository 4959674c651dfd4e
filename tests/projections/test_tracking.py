"""Whoever has changed something can wait until the lists show it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.accounts import OpenAccount
from application.caller import Caller
from application.store.database import Database
from application.store.errors import StoreUnavailableError
from application.store.log import following
from domain.account import Account
from projections.accounts import ACCOUNT_LIST, list_accounts
from projections.paging import PageRequest
from projections.processes.listing import PROCESS_LIST
from projections.projector import Projector
from projections.read_models import READ_MODELS
from projections.tracking import PositionMovedError, move, position, read_progress, wait_for
from tests.projections.histories import TENANT, events_of, receipts
from tests.support.effort import in_time
from tests.support.examples import cause
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from application.store.log.reading import LoggedEvent
    from domain.model import Event
    from tests.projections.support import World


def test_what_a_command_did_is_listed_when_the_wait_is_over(shared: World) -> None:
    for number in range(30):
        account = uuid4()
        done = shared.application.command_queue.execute(
            OpenAccount(by=Caller(tenant_id=TENANT), new_account_id=account, name=f"Account {number}")
        )
        assert wait_for(shared.database, done.position)
        page = list_accounts(shared.database, tenant_id=TENANT, page=PageRequest(), account_ids=[account])
        assert [row.name for row in page.items] == [f"Account {number}"]


def test_whoever_waits_is_not_kept_waiting_for_more_to_project(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "TURN_SECONDS_MIN", 60.0)
    monkeypatch.setattr(following, "LOOK_SECONDS", 60.0)
    world.follow()
    for _ in range(5):
        # Others append as well, and nobody waits for those.
        world.append(receipts(3))
        assert wait_for(world.database, world.append(receipts(1)), 10)


def test_what_nobody_waits_for_is_projected_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "TURN_SECONDS_MIN", 1.0)
    world.follow()
    assert wait_for(world.database, world.append(receipts(1)), 10)
    before = position(world.database)
    end = world.append(receipts(1))
    seen = {before}

    def is_shown() -> bool:
        seen.add(position(world.database))
        return end in seen

    wait_until(is_shown, "it is projected")
    assert seen == {before, end}


def test_waiting_ends_also_for_events_that_no_read_model_wants(shared: World) -> None:
    assert wait_for(shared.database, shared.append(receipts(10)))


def test_waiting_ends_after_its_time_when_nobody_projects(world: World) -> None:
    end = world.append(receipts(1))
    began = time.monotonic()
    assert not wait_for(world.database, end, 0.2)
    assert 0.2 <= time.monotonic() - began < in_time(2)


def test_there_is_nothing_to_wait_for_when_nothing_was_appended(world: World) -> None:
    world.owner.execute("DELETE FROM rpawatch_lists.positions")
    assert wait_for(world.database, 0)


def test_whoever_waits_keeps_no_connection_from_others(world: World) -> None:
    narrow = Database(world.url, connections_max=1)
    narrow.open()
    end = world.append(receipts(1))
    waiting = [threading.Thread(target=wait_for, args=(narrow, end, 10)) for _ in range(8)]
    for thread in waiting:
        thread.start()
    for _ in range(20):
        narrow.ping()
    world.follow()
    for thread in waiting:
        thread.join(10)
        assert not thread.is_alive()
    narrow.close()


def test_the_position_is_that_of_the_read_model_that_is_least_far(world: World) -> None:
    with world.connect() as connection:
        move(connection, [PROCESS_LIST], before=0, after=5)
    assert position(world.database) == 0
    assert position(world.database, [PROCESS_LIST]) == 5
    assert position(world.database, [PROCESS_LIST, ACCOUNT_LIST]) == 0
    assert wait_for(world.database, 5, models=[PROCESS_LIST])


def test_a_read_model_that_is_not_set_up_shows_nothing(world: World) -> None:
    world.owner.execute("UPDATE rpawatch_lists.positions SET position = 5")
    world.owner.execute("DELETE FROM rpawatch_lists.positions WHERE name = 'account_list_v1'")
    assert position(world.database) == 0


def test_a_position_that_somebody_else_has_moved_is_not_moved_again(world: World) -> None:
    with world.connect() as connection:
        move(connection, READ_MODELS, before=0, after=5)
        with pytest.raises(PositionMovedError):
            move(connection, READ_MODELS, before=0, after=6)
        assert set(read_progress(connection, READ_MODELS).positions.values()) == {5}


def test_a_position_that_was_set_back_meanwhile_undoes_what_was_done_with_it(world: World) -> None:
    world.append(events_of(Account.open(cause(), account_id=uuid4(), tenant_id=TENANT, name="a")))
    once = threading.Event()

    def decode(entry: LoggedEvent) -> Event:
        if not once.is_set():
            once.set()
            world.owner.execute("UPDATE rpawatch_lists.positions SET position = 0, name = name || '_moved'")
        return world.decode(entry)

    projector = world.follow(decode=decode)
    wait_until(lambda: not projector.health().working and once.is_set(), "it has stopped")
    wait_until(lambda: projector.health().error, "it says so")
    assert world.rows(ACCOUNT_LIST) == {}


def test_whoever_waits_is_told_when_the_database_is_away() -> None:
    nowhere = Database("postgresql://127.0.0.1:1/nothing")
    nowhere.pool.timeout = 0.2
    nowhere.open()
    with pytest.raises(StoreUnavailableError):
        wait_for(nowhere, 1)
    nowhere.close()


def test_a_projector_without_a_database_says_so_and_stops_when_it_is_told_to(shared: World) -> None:
    def connect() -> None:
        raise StoreUnavailableError("connection refused")

    projector = Projector(connect, READ_MODELS, shared.decode)  # type: ignore[arg-type] # never returns
    stop = threading.Event()
    thread = threading.Thread(target=projector.run, args=(stop,))
    thread.start()
    wait_until(lambda: "keeps trying" in str(projector.health().error), "it says so")
    stop.set()
    thread.join(3)
    assert not thread.is_alive()
