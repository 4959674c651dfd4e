"""A read model made anew is the same to the byte, while the service goes on; what differs is found row by row."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from application.store.database import PROJECTOR_ROLE, connect
from domain.account import Account
from projections.accounts import ACCOUNT_LIST, list_accounts
from projections.dead_letters import list_dead_letters
from projections.health import read_health
from projections.keys.listing import KEY_LIST
from projections.paging import PageRequest
from projections.processes.listing import PROCESS_LIST
from projections.read_model import SCHEMA
from projections.read_models import READ_MODELS
from projections.rebuild import CHECKED, REBUILT, AlreadyRunningError, EventNotHandledError, ShadowRebuild, rebuild
from projections.tracking import read_progress
from projections.verify import Difference, verify
from tests.projections.histories import TENANT, Histories, events_of
from tests.support.clock import NOON
from tests.support.effort import effort, seeded_random
from tests.support.examples import a_job, a_key, cause
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from application.store.log.reading import LoggedEvent
    from application.store.session import Connection
    from projections.read_model import ReadModel
    from projections.verify import RowComparison
    from tests.projections.support import World


def an_account(name: str = "Account") -> Account:
    return Account.open(cause(), account_id=uuid4(), tenant_id=TENANT, name=name)


def as_operator(world: World) -> Connection:
    return connect(world.url, role=PROJECTOR_ROLE)


def rebuilt(world: World, models: Sequence[ReadModel] = READ_MODELS, **changes: Any) -> list[tuple[int, int]]:
    """Rebuild, and return what was told of how far it was."""
    told: list[tuple[int, int]] = []
    decode = changes.get("decode", world.decode)
    rebuild(partial(as_operator, world), models, decode, lambda done, end: told.append((done, end)))
    return told


def verified(world: World, models: Sequence[ReadModel] = READ_MODELS) -> RowComparison:
    return verify(partial(as_operator, world), models, world.decode, lambda _done, _end: None, lambda _model: None)


def all_rows(world: World) -> dict[str, list[str]]:
    """Return every row of every read model as PostgreSQL writes it, in the order of the keys."""
    found = {}
    for model in READ_MODELS:
        key = sql.SQL(", ").join(map(sql.Identifier, model.key))
        query = sql.SQL("SELECT t::text AS row FROM {} AS t ORDER BY {}").format(
            sql.Identifier(SCHEMA, model.name), key
        )
        found[model.name] = [row["row"] for row in world.owner.execute(query)]
    return found


def tables(world: World) -> set[str]:
    rows = world.owner.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = %s::regnamespace", (SCHEMA,)
    )
    return {row["relname"] for row in rows}


def test_rebuilt_twice_they_are_the_same_to_the_byte_as_those_that_followed_the_log(world: World) -> None:
    world.follow()
    for batch in Histories(seeded_random()).batches(effort(800, 30_000), 300):
        world.append(batch)
    world.wait_for_all()
    followed = all_rows(world)
    before = tables(world)
    assert all(followed.values()), "there is something to compare in every read model"
    for _ in range(2):
        told = rebuilt(world)
        assert told[0][0] == 0
        assert told[-1] == (world.application.position(),) * 2
        assert all_rows(world) == followed
        assert tables(world) == before
    assert verified(world).differences == ()


def test_it_is_right_while_events_are_appended_and_lists_are_read(world: World) -> None:
    world.follow()
    histories = Histories(seeded_random())
    world.append(list(histories.events(effort(400, 1_000))))
    stop = threading.Event()
    shown: list[list[int]] = [[], []]
    failures: list[Exception] = []

    def append() -> None:
        while not stop.wait(0.005):
            world.append(list(histories.events(20)))

    def read(mine: list[int]) -> None:
        while not stop.wait(0.002):
            try:
                mine.append(len(list_accounts(world.database, tenant_id=TENANT, page=PageRequest(200)).items))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not to happen
                failures.append(error)

    threads = [threading.Thread(target=append), *(threading.Thread(target=read, args=(mine,)) for mine in shown)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(effort(2, 20)):
            rebuilt(world)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    world.wait_for_all()
    assert failures == []
    for mine in shown:
        assert mine == sorted(mine), "no list was ever shorter than before"
    assert world.shown() == world.folded()
    assert verified(world).differences == ()


def test_the_next_rebuild_need_not_wait_until_the_database_notices_that_the_last_one_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = as_operator(world)
    with closing(last), monkeypatch.context() as patch:
        patch.setattr(last, "close", lambda: None)
        rebuild(lambda: last, [ACCOUNT_LIST], world.decode, lambda _done, _end: None)
        rebuilt(world, [ACCOUNT_LIST])


def test_the_projector_goes_on_with_what_was_rebuilt(world: World) -> None:
    projector = world.follow()
    world.append(list(Histories(seeded_random()).events(100)))
    world.wait_for_all()
    rebuilt(world, [ACCOUNT_LIST])
    account = an_account("After")
    world.append(events_of(account))
    world.wait_for_all()
    assert account.id in world.rows(ACCOUNT_LIST)
    wait_until(lambda: projector.health().error is None, "it works")


def test_a_rebuild_stops_at_an_event_that_can_not_be_handled_names_it_and_changes_nothing(world: World) -> None:
    world.append([event for _ in range(700) for event in events_of(an_account())])
    world.follow()
    world.wait_for_all()
    before, there = all_rows(world), tables(world)

    def decode(entry: LoggedEvent) -> Any:
        if entry.position == 538:
            raise ValueError("not in this release")
        return world.decode(entry)

    with pytest.raises(EventNotHandledError, match=r"position 538 \(account.opened, version 1 of stream") as raised:
        rebuilt(world, decode=decode)
    assert raised.value.position == 538
    assert (all_rows(world), tables(world)) == (before, there)


def test_what_was_set_aside_is_shown_after_a_release_that_can_handle_it_has_rebuilt(world: World) -> None:
    able = threading.Event()

    def decode(entry: LoggedEvent) -> Any:
        if entry.position == 20 and not able.is_set():
            raise ValueError("not in this release")
        return world.decode(entry)

    world.append(list(Histories(seeded_random()).events(100)))
    world.follow(decode=decode)
    world.wait_for_all()
    assert {letter.position for letter in list_dead_letters(world.database, READ_MODELS, 100)} == {20}
    able.set()
    rebuilt(world)
    assert read_health(world.database, READ_MODELS).dead_letters == 0
    assert world.shown() == world.folded()


def test_a_read_model_that_is_still_being_made_is_complete_after_a_rebuild(world: World) -> None:
    world.append(events_of(an_account()))
    world.owner.execute("UPDATE rpawatch_lists.positions SET is_complete = false")
    rebuilt(world, [ACCOUNT_LIST])
    assert read_progress(world.owner, [ACCOUNT_LIST]).incomplete == frozenset()
    assert len(list_accounts(world.database, tenant_id=TENANT, page=PageRequest()).items) == 1


def test_what_is_rebuilt_is_fenced_too(world: World) -> None:
    world.append(events_of(an_account()))
    rebuilt(world)
    with world.database.get_connection() as connection:
        assert connection.execute("SELECT * FROM rpawatch_lists.account_list_v1").fetchall() == []


def test_one_at_a_time(world: World) -> None:
    with (
        ShadowRebuild(partial(as_operator, world), READ_MODELS, world.decode, REBUILT),
        pytest.raises(AlreadyRunningError),
    ):
        rebuilt(world)
    with pytest.raises(psycopg.errors.UndefinedTable):
        world.owner.execute(f"SELECT * FROM rpawatch_lists.{ACCOUNT_LIST.name}{REBUILT}")


def test_what_a_rebuild_that_was_killed_left_behind_is_in_nobodys_way(world: World) -> None:
    world.append(events_of(an_account()))
    shadow_rebuild = ShadowRebuild(partial(as_operator, world), [ACCOUNT_LIST], world.decode, REBUILT)
    shadow_rebuild.__enter__()
    shadow_rebuild._connection.close()  # noqa: SLF001 - as if it had been killed
    assert ACCOUNT_LIST.name + REBUILT in tables(world)
    rebuilt(world)
    assert ACCOUNT_LIST.name + REBUILT not in tables(world)


def test_a_check_names_what_is_missing_what_is_too_much_and_what_is_different(world: World) -> None:
    kept, changed, lost = an_account("Kept"), an_account("Changed"), an_account("Lost")
    world.append([event for account in (kept, changed, lost) for event in events_of(account)])
    world.follow()
    world.wait_for_all()
    surplus = uuid4()
    table, columns = f"rpawatch_lists.{ACCOUNT_LIST.name}", "tenant_id, name, sort_name, opened_at, keep_addresses"
    world.owner.execute(f"UPDATE {table} SET name = 'Altered' WHERE account_id = %s", (changed.id,))
    world.owner.execute(f"DELETE FROM {table} WHERE account_id = %s", (lost.id,))
    world.owner.execute(
        f"INSERT INTO {table} (account_id, {columns}) SELECT %s, {columns} FROM {table} LIMIT 1",
        (surplus,),
    )
    compared = verified(world, [ACCOUNT_LIST])
    expected: dict[UUID, Any] = {changed.id: "different", lost.id: "missing", surplus: "unexpected"}
    assert set(compared.differences) == {Difference(ACCOUNT_LIST.name, (id_,), kind) for id_, kind in expected.items()}
    assert compared.rows == 4
    rebuilt(world, [ACCOUNT_LIST])
    assert verified(world).differences == ()
    assert not any(name.endswith(CHECKED) for name in tables(world))


def test_a_check_is_not_misled_by_what_is_appended_meanwhile(world: World) -> None:
    world.follow()
    histories = Histories(seeded_random())
    world.append(list(histories.events(500)))
    world.wait_for_all()
    stop = threading.Event()

    def append() -> None:
        while not stop.wait(0.005):
            world.append(list(histories.events(20)))

    thread = threading.Thread(target=append)
    thread.start()
    try:
        for _ in range(effort(2, 3)):
            assert verified(world).differences == ()
    finally:
        stop.set()
        thread.join(30)


def test_a_check_compares_each_read_model_where_it_is(world: World) -> None:
    world.append(list(Histories(seeded_random()).events(200)))
    with world.following([ACCOUNT_LIST]):
        world.wait_for_all([ACCOUNT_LIST])
    assert read_progress(world.owner, [PROCESS_LIST]).position == 0
    assert verified(world).differences == ()


def test_what_was_stored_with_the_offset_of_its_sender_is_listed_and_made_anew(world: World) -> None:
    """Releases before stored times as they were sent. PostgreSQL takes no offset of 16 hours or more."""
    mapper = world.application.event_sourcing.mapper
    key, job = a_key(expires_at=NOON + timedelta(days=30)), a_job(finished_at="2026-03-10T11:59:00Z")
    for event in [*events_of(key), *events_of(job)]:
        stored = mapper.to_stored_event(event)
        state = stored.state.replace(b'"2026-03-10T11:55:00Z"', b'"2026-03-11T11:54:00+23:59"')
        state = state.replace(b'"2026-04-09T12:00:00Z"', b'"2026-04-08T20:00:00-16:00"')
        assert state != stored.state
        world.owner.execute(
            "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
            (stored.originator_id, stored.originator_version, stored.topic, state),
        )
    world.follow()
    world.wait_for_all()
    assert world.rows(KEY_LIST)[key.id].expires_at == key.expires_at
    [shown] = world.owner.execute("SELECT started_at, finished_at FROM rpawatch_lists.job_list_v1").fetchall()
    assert (shown["started_at"], shown["finished_at"]) == (job.started_at, job.finished_at)
    assert list_dead_letters(world.database, READ_MODELS, 10) == []
    assert rebuilt(world)
    assert verified(world).differences == ()
