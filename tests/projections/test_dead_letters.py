"""An event that a read model can't take in is set aside, and everything else is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from domain.account import Account
from projections.accounts import ACCOUNT_LIST
from projections.dead_letters import REASON_CHARS_MAX, DeadLetter, list_dead_letters, reason_of
from projections.health import read_health
from projections.processes.listing import PROCESS_LIST
from projections.read_models import READ_MODELS
from tests.projections.histories import TENANT, Histories, events_of, named
from tests.support.effort import effort, seeded_random
from tests.support.examples import cause

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from application.store.log.reading import LoggedEvent
    from projections.read_model import ReadModel
    from tests.projections.support import World


def an_account(name: str = "Account") -> Account:
    return Account.open(cause(), account_id=uuid4(), tenant_id=TENANT, name=name)


def poison(world: World, stream: UUID, version: int, topic: str = Account.Renamed.TOPIC) -> int:
    """Put an event into the log that no release could have written; returns its position."""
    world.owner.execute(
        "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
        (stream, version, topic, b'{"v":1,"name":7}'),
    )
    return world.application.position()


def letters(world: World, models: Sequence[ReadModel] = (ACCOUNT_LIST,)) -> list[DeadLetter]:
    return list_dead_letters(world.database, models, 1_000)


@pytest.mark.parametrize("before", [0, 1, 137, 5_000])
def test_everything_before_and_after_an_event_that_cannot_be_read_is_shown(world: World, before: int) -> None:
    if before:
        world.append([event for _ in range(before) for event in events_of(an_account("Before"))])
    stream = uuid4()
    position = poison(world, stream, 2)
    after = an_account("After")
    world.append(events_of(after))
    projector = world.follow()
    world.wait_for_all()
    assert len(world.rows(ACCOUNT_LIST)) == before + 1
    assert after.id in world.rows(ACCOUNT_LIST)
    (letter,) = letters(world)
    assert (letter.name, letter.position, letter.topic) == (ACCOUNT_LIST.name, position, Account.Renamed.TOPIC)
    assert (letter.stream_id, letter.stream_version) == (stream, 2)
    assert letter.reason.startswith("UnreadableEventError: ")
    assert projector.health().error is None
    assert read_health(world.database, [ACCOUNT_LIST]).dead_letters == 1


def test_an_event_in_the_middle_of_a_stream_is_left_out_and_later_ones_are_not(world: World) -> None:
    account = an_account("First")
    world.append(events_of(account))
    poison(world, account.id, 2)
    account.rename(cause(), "Second")
    account.collect_events()
    account.rename(cause(), "Third")
    (renamed,) = events_of(account)
    world.put(renamed)
    world.follow()
    world.wait_for_all()
    assert world.rows(ACCOUNT_LIST)[account.id].name == "Third"
    assert [letter.stream_version for letter in letters(world)] == [2]


def test_a_stream_whose_first_event_was_set_aside_is_not_shown_and_costs_one_entry(world: World) -> None:
    stream, other = uuid4(), an_account("Other")
    poison(world, stream, 1, Account.Opened.TOPIC)
    world.append(events_of(other))
    with world.following():
        world.wait_for_all()
    # A projector that begins anew knows it too.
    for version in range(2, 40):
        world.owner.execute(
            "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
            (stream, version, Account.Renamed.TOPIC, _renamed(world)),
        )
    world.follow()
    world.wait_for_all()
    assert set(world.rows(ACCOUNT_LIST)) == {other.id}
    assert [letter.stream_version for letter in letters(world)] == [1]


def _renamed(world: World) -> bytes:
    account = an_account()
    account.collect_events()
    account.rename(cause(), "Other")
    (event,) = events_of(account)
    state: bytes = world.application.event_sourcing.mapper.to_stored_event(event).state
    return state


def test_an_event_that_the_database_refuses_is_set_aside(world: World) -> None:
    accounts = [an_account(), an_account(), an_account()]
    names = ["First", "with a \0 in it", "Third"]
    world.append(
        [named(event, name) for account, name in zip(accounts, names, strict=True) for event in events_of(account)]
    )
    world.follow()
    world.wait_for_all()
    assert set(world.rows(ACCOUNT_LIST)) == {accounts[0].id, accounts[2].id}
    assert [letter.position for letter in letters(world)] == [2]


def test_an_event_that_one_read_model_can_not_take_in_is_shown_by_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise ValueError("not in this release")

    monkeypatch.setattr(PROCESS_LIST.row, "complete", refuse)
    histories = Histories(seeded_random())
    world.append(list(histories.events(effort(100, 400))))
    world.follow()
    world.wait_for_all()
    shown, folded = world.shown(), world.folded()
    assert {kind: shown[kind] for kind in shown if kind != "processes"} == {
        kind: folded[kind] for kind in folded if kind != "processes"
    }
    assert {letter.name for letter in letters(world, READ_MODELS)} == {PROCESS_LIST.name}
    assert {letter.reason for letter in letters(world, READ_MODELS)} == {"ValueError: not in this release"}


def test_what_is_not_the_events_fault_sets_nothing_aside(world: World) -> None:
    world.append(events_of(an_account()))
    calls: list[int] = []

    def decode(entry: LoggedEvent) -> Any:
        calls.append(entry.position)
        if len(calls) == 1:
            world.kill_projector()
        return world.decode(entry)

    world.follow(decode=decode)
    world.wait_for_all()
    assert letters(world, READ_MODELS) == []


@pytest.mark.parametrize("message", ["", "a\0b", "x" * 10_000, "first\nsecond", "half of a pair: \ud800"])
def test_any_reason_can_be_kept(world: World, message: str) -> None:
    reason = reason_of(ValueError(message))
    assert reason.startswith("ValueError: ")
    assert len(reason) <= REASON_CHARS_MAX
    assert "second" not in reason
    assert world.owner.execute("SELECT %s::text AS reason", (reason,)).fetchone() == {"reason": reason}
