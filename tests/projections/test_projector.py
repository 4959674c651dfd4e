"""The projector follows the log, whatever happens to it and its connection."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest

from application.store.log import following
from domain.account import Account
from projections import health as health_module
from projections import projector as projector_module
from projections.accounts import ACCOUNT_LIST
from projections.feed import BATCH_EVENTS_MAX, RANGE_POSITIONS_MAX
from projections.fence import ListIncompleteError
from projections.health import read_health
from projections.members import MEMBER_LIST
from projections.paging import PageRequest
from projections.processes.listing import PROCESS_LIST, list_processes
from projections.projector import Projector
from projections.read_models import READ_MODELS
from projections.schema import create_tables
from projections.tracking import wait_for
from tests.projections.histories import TENANT, Histories, events_of, receipts
from tests.projections.support import SeenPositions
from tests.support.effort import effort, seeded_random
from tests.support.examples import cause
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from application.store.log.reading import LoggedEvent
    from application.store.session import Connection
    from projections.read_model import Connect
    from tests.projections.support import World

_INSERT_UNHEARD = """
INSERT INTO rpawatch.events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)
"""


def an_account(name: str = "Account") -> Account:
    return Account.open(cause(), account_id=uuid4(), tenant_id=TENANT, name=name)


def test_the_read_models_equal_the_fold_of_all_events(world: World) -> None:
    histories = Histories(seeded_random())
    for batch in histories.batches(effort(1_000, 50_000), 300):
        world.append(batch)
    projector = world.follow()
    world.wait_for_all()
    assert world.shown() == world.folded()
    wait_until(lambda: projector.health().lag_events == 0, "no lag")
    health = projector.health()
    assert (health.position, health.log_position) == (world.application.position(),) * 2
    assert (health.working, health.standby, health.error) == (True, False, None)


def test_a_projector_that_is_killed_again_and_again_shows_everything_once(world: World) -> None:
    chance = seeded_random()
    kills = effort(10, 50)
    topics = frozenset[str]().union(*(model.topics for model in READ_MODELS))
    seen = SeenPositions(topics)
    create_tables(world.owner, [seen])
    models = [seen, *READ_MODELS]
    world.follow(models)
    killed = 0
    for number, batch in enumerate(Histories(chance).batches(effort(2_000, 20_000), 50)):
        world.append(batch)
        if number % 3 == 0 and killed < kills:
            # It is back within a tenth of a second or so, and then in the middle of its work.
            wait_until(world.working_backends, "a projector at work")
            threading.Event().wait(chance.random() / 50)
            killed += world.kill_projector()
    assert killed == kills
    world.wait_for_all(models)
    assert world.shown() == world.folded()
    assert sorted(seen.kept(world.owner)) == list(range(1, world.application.position() + 1))


def test_a_projector_that_is_started_anew_goes_on_where_the_last_one_was(world: World) -> None:
    histories = Histories(seeded_random())
    decoded: list[int] = []

    def decode(entry: LoggedEvent) -> Any:
        decoded.append(entry.position)
        return world.decode(entry)

    for _ in range(4):
        world.append(list(histories.events(100)))
        with world.following(decode=decode):
            world.wait_for_all()
    assert decoded == list(range(1, world.application.position() + 1))
    assert world.shown() == world.folded()


def test_one_of_two_projectors_works_and_the_other_takes_over_when_its_connection_ends(world: World) -> None:
    way: list[Connect] = [world.connect]

    def connect() -> Connection:
        return way[-1]()

    first = world.follow(connect=connect)
    wait_until(lambda: first.health().working, "the first at work")
    second = world.follow()
    wait_until(lambda: second.health().standby, "the second standing by")
    assert not second.health().working
    assert len(world.working_backends()) == 1

    way.append(_refuses)  # its machine has lost its way to the database
    assert world.kill_projector() == 1
    world.append(list(Histories(seeded_random()).events(50)))
    wait_until(lambda: second.health().working, "the second at work", seconds_max=5)
    world.wait_for_all()
    assert not first.health().working
    assert "keeps trying" in str(first.health().error)
    assert world.shown() == world.folded()

    way.pop()  # and has found it again
    wait_until(lambda: first.health().standby, "the first standing by")
    assert first.health().error is None
    wait_until(lambda: first.health().position == world.application.position(), "a stand-by knows how far things are")


def _refuses() -> Any:
    raise psycopg.OperationalError("no route to host")


def test_a_projector_that_says_nothing_loses_its_session_and_the_lock_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(following.FOLLOWER_SESSION, "idle_session_timeout", "300ms")  # 10 s are long here
    with world.connect() as stopped:
        stuck = Projector(lambda: stopped, READ_MODELS, world.decode)
        silence = threading.Event()
        monkeypatch.setattr(stuck, "_turn", lambda *_: silence.wait(15))
        stop = threading.Event()
        thread = threading.Thread(target=stuck.run, args=(stop,))
        thread.start()
        try:
            wait_until(world.working_backends, "the lock is held")
            monkeypatch.setitem(following.FOLLOWER_SESSION, "idle_session_timeout", "10s")  # as it is
            other = world.follow()
            wait_until(lambda: other.health().working, "another one at work", seconds_max=5)
        finally:
            stop.set()
            silence.set()
            thread.join(10)


def test_an_event_whose_notification_is_missed_is_shown_by_the_look_each_second(world: World) -> None:
    projector = world.follow()
    wait_until(lambda: projector.health().working, "at work")
    [event] = events_of(an_account())
    stored = world.application.event_sourcing.mapper.to_stored_event(event)
    world.owner.execute(_INSERT_UNHEARD, (stored.originator_id, stored.originator_version, stored.topic, stored.state))
    wait_until(lambda: stored.originator_id in world.rows(ACCOUNT_LIST), "the account is shown", seconds_max=3)


def test_an_event_is_shown_well_before_the_next_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Before LISTEN it looks each second, and a session that is silent for longer than 10 s is ended.
    monkeypatch.setattr(following, "LOOK_SECONDS", 8.0)
    projector = world.follow()
    wait_until(lambda: projector.health().working, "at work")
    took = []
    for _ in range(5):
        position = world.append(events_of(an_account()))
        began = time.monotonic()
        wait_until(lambda position=position: world.shows(position), "shown", seconds_max=5)  # type: ignore[misc] # bound
        took.append(time.monotonic() - began)
    assert sorted(took)[len(took) // 2] < 4


def test_events_that_no_read_model_wants_are_read_past_and_never_decoded(world: World) -> None:
    unwanted = RANGE_POSITIONS_MAX + 2 * BATCH_EVENTS_MAX
    first, last = an_account("First"), an_account("Last")
    world.append([*events_of(first), *receipts(unwanted), *events_of(last)])
    decoded: list[str] = []

    def decode(entry: LoggedEvent) -> Any:
        decoded.append(entry.topic)
        return world.decode(entry)

    world.follow(decode=decode)
    world.wait_for_all()
    assert decoded == [Account.Opened.TOPIC] * 2
    assert set(world.rows(ACCOUNT_LIST)) == {first.id, last.id}


def test_a_read_model_that_a_release_adds_is_made_from_the_first_event_on_while_the_others_go_on(world: World) -> None:
    histories = Histories(seeded_random())
    world.append(list(histories.events(1_500)))
    with world.following([ACCOUNT_LIST, PROCESS_LIST]):
        world.wait_for_all([ACCOUNT_LIST, PROCESS_LIST])
    assert not world.shows(1, [MEMBER_LIST])
    world.append(list(histories.events(300)))
    world.follow()
    world.wait_for_all()
    assert world.shown() == world.folded()


def test_a_projector_without_its_tables_says_what_to_do_and_works_once_they_are_there(world: World) -> None:
    world.owner.execute("UPDATE rpawatch_lists.positions SET name = 'gone' WHERE name = 'member_list_v1'")
    projector = world.follow()
    wait_until(lambda: "rpawatch migrate" in str(projector.health().error), "it says so")
    world.owner.execute("UPDATE rpawatch_lists.positions SET name = 'member_list_v1' WHERE name = 'gone'")
    wait_until(lambda: projector.health().working, "at work")


def test_a_right_that_the_projector_lacks_is_not_taken_for_a_fault_of_the_event(world: World) -> None:
    world.append(events_of(an_account()))
    world.owner.execute("REVOKE INSERT ON rpawatch_lists.account_list_v1 FROM rpawatch_projector")
    projector = world.follow()
    wait_until(lambda: "can't work with the database" in str(projector.health().error), "it says so")
    assert read_health(world.database, READ_MODELS).dead_letters == 0
    world.owner.execute("GRANT INSERT ON rpawatch_lists.account_list_v1 TO rpawatch_projector")
    world.wait_for_all()


def test_a_log_that_was_cut_is_noticed(world: World) -> None:
    world.append(list(Histories(seeded_random()).events(10)))
    world.owner.execute("UPDATE rpawatch_lists.positions SET position = 1000")
    projector = world.follow()
    wait_until(lambda: "cut or replaced" in str(projector.health().error), "it says so")
    wait_until(lambda: "cut or replaced" in str(read_health(world.database, READ_MODELS).error), "others are told")


def test_a_projector_that_has_not_begun_or_is_silent_is_not_healthy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    projector = Projector(world.connect, READ_MODELS, world.decode)
    assert projector.health().error == "The projector has not looked at the log yet."
    followed = world.follow()
    wait_until(lambda: followed.health().working, "at work")
    monkeypatch.setattr(projector_module, "SILENT_SECONDS_MAX", -1.0)
    assert not followed.health().working
    assert "has not looked at the log for" in str(followed.health().error)


def test_any_process_can_tell_whether_a_projector_works_and_how_long_none_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_health(world.database, READ_MODELS).error == "No projector has looked at the log yet."
    with world.following():
        wait_until(lambda: read_health(world.database, READ_MODELS).error is None, "one works")
    assert read_health(world.database, READ_MODELS).error is None
    monkeypatch.setattr(health_module, "SILENT_SECONDS_MAX", -1.0)
    assert "No projector has looked at the log for" in str(read_health(world.database, READ_MODELS).error)


def test_a_read_model_that_is_being_made_keeps_nobody_waiting_and_shows_no_part_of_a_list(world: World) -> None:
    world.append(events_of(an_account()))
    world.owner.execute(
        "UPDATE rpawatch_lists.positions SET is_complete = false, position = 0 WHERE name = %s", (PROCESS_LIST.name,)
    )
    with world.following([model for model in READ_MODELS if model is not PROCESS_LIST]):
        assert wait_for(world.database, world.application.position(), 10)
        health = read_health(world.database, READ_MODELS)
        assert (health.lag_events, health.incomplete) == (0, (PROCESS_LIST.name,))
        with pytest.raises(ListIncompleteError, match="being made from the log"):
            list_processes(world.database, account_id=uuid4(), page=PageRequest())
    world.follow()
    wait_until(lambda: read_health(world.database, READ_MODELS).incomplete == (), "it is complete")
    assert list_processes(world.database, account_id=uuid4(), page=PageRequest()).items == ()
