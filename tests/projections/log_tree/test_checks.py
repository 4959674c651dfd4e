"""Comparisons that people ask for: whose turn it is, what is forgotten, and that no one keeps others from theirs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from domain.proof.checkpoint import Checkpoint
from domain.proof.errors import MalformedError, ProofError
from domain.proof.note import Signer
from projections.log_tree import checks
from projections.log_tree.checks import (
    ATTEMPTS_MAX,
    WAITING_OF_TURN_MAX,
    Check,
    LogChecker,
    checks_for,
    contradictions,
    request_kept_check,
    request_log_check,
)
from projections.log_tree.heads import add_head
from projections.log_tree.tiles import Tiles
from tests.projections.log_tree.support import ORIGIN, SIGNER, fill, grow, install
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.projections.support import World

EVENTS = 20
_WAITING = "SELECT number FROM rpawatch.log_checks WHERE ended_at IS NULL"


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LOOK_SECONDS", 0.01)


@pytest.fixture
def kept(world: World) -> str:
    """A checkpoint of a log that has a few events, all of them signed."""
    install(world)
    fill(world, EVENTS)
    size = grow(world.owner).size
    return add_head(world.owner, Checkpoint(ORIGIN, size, Tiles(world.owner).root(size)), [SIGNER])


def make_all(world: World, count: int | None = None) -> list[str]:
    """Make what waits, or the first so many, and return who had asked, in the order of the ends."""
    stop = threading.Event()
    order: list[str] = []
    ended = LogChecker._end  # noqa: SLF001 - where each of them comes by

    def noting(self: LogChecker, connection: object, check: Check, *rest: object, **named: object) -> None:
        ended(self, connection, check, *rest, **named)  # type: ignore[arg-type] # as it was called
        order.append("log" if check.kept is None else check.asked_by)
        if len(order) == count:
            stop.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogChecker, "_end", noting)
        thread = threading.Thread(target=LogChecker(world.connect).run, args=(stop,))
        thread.start()
        try:
            wait_until(lambda: stop.is_set() or world.owner.execute(_WAITING).fetchone() is None, "all comparisons")
        finally:
            stop.set()
            thread.join(10)
    assert not thread.is_alive()
    return order


def test_the_first_of_each_account_comes_before_the_second_of_any(world: World, kept: str) -> None:
    for person in ("a1", "a2", "a3", "a4"):
        assert request_kept_check(world.owner, kept, person, "account a")
    request_log_check(world.owner, "a1")
    for person in ("b1", "c1", "b2"):
        assert request_kept_check(world.owner, kept, person, f"account {person[0]}")
    assert [checks_for(world.owner, person).own_after for person in ("a1", "b1", "c1", "a2", "b2", "a3")] == [
        0,
        2,
        3,
        4,
        5,
        6,
    ]
    assert checks_for(world.owner, "anybody").of_log_after == 1
    assert make_all(world) == ["a1", "log", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_who_asks_again_and_again_comes_after_those_who_had_no_turn_since(world: World, kept: str) -> None:
    assert request_kept_check(world.owner, kept, "a1", "account a")
    request_log_check(world.owner, "a1")
    assert make_all(world) == ["a1", "log"]
    assert request_kept_check(world.owner, kept, "a1", "account a")
    request_log_check(world.owner, "a1")
    assert request_kept_check(world.owner, kept, "b1", "account b")
    assert make_all(world) == ["b1", "a1", "log"]


def test_a_person_has_one_that_waits_an_account_so_many_and_others_have_theirs(world: World, kept: str) -> None:
    assert request_kept_check(world.owner, kept, "a1", "account a")
    assert not request_kept_check(world.owner, kept, "a1", "account a")
    assert not request_kept_check(world.owner, kept, "a1", "account b"), "a person of two accounts is one person"
    for number in range(2, WAITING_OF_TURN_MAX + 1):
        assert request_kept_check(world.owner, kept, f"a{number}", "account a")
    assert not request_kept_check(world.owner, kept, "one more", "account a")
    assert request_kept_check(world.owner, kept, "b1", "account b")
    for person in ("a1", "b1"):
        request_log_check(world.owner, person)
    assert len(world.owner.execute(f"{_WAITING} AND kept IS NULL").fetchall()) == 1


def test_what_the_key_of_the_log_did_not_sign_is_refused_before_anything_is_kept_of_it(world: World, kept: str) -> None:
    other = Signer(ORIGIN, bytes(32))
    elsewhere = Signer("rpawatch/elsewhere", bytes(range(32)))
    refused = {
        Checkpoint(ORIGIN, EVENTS, bytes(32)).signed([other]): ProofError,
        Checkpoint("rpawatch/elsewhere", EVENTS, bytes(32)).signed([elsewhere]): ProofError,
        Checkpoint("rpawatch/elsewhere", EVENTS, bytes(32)).signed([SIGNER]): ProofError,
        kept.replace(f"\n{EVENTS}\n", f"\n{EVENTS + 1}\n"): ProofError,
        kept[:-5]: MalformedError,
        "": MalformedError,
    }
    for note, error in refused.items():
        with pytest.raises(error):
            request_kept_check(world.owner, note, "a1", "account a")
    assert world.owner.execute("SELECT number FROM rpawatch.log_checks").fetchall() == []


def test_a_checkpoint_is_not_blamed_for_what_is_wrong_with_the_log_itself(world: World, kept: str) -> None:
    smaller = Checkpoint(ORIGIN, 5, bytes(32))
    add_head(world.owner, smaller, [SIGNER])
    assert request_kept_check(world.owner, kept, "a1", "account a")
    assert make_all(world) == ["a1", "log"], "and the log is compared for everybody after it"
    found = checks_for(world.owner, "a1")
    assert found.own is not None
    assert (found.own.holds, found.own.contradicts) == (False, False)
    assert found.outcome is not None
    assert not found.outcome.holds
    assert contradictions(world.owner) == []


def test_one_that_ends_the_process_again_and_again_is_given_up_and_others_have_their_turn(
    world: World, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    request_log_check(world.owner, "a1")
    assert request_kept_check(world.owner, kept, "b1", "account b")
    with monkeypatch.context() as patch:
        patch.setattr(checks, "compare", broken)
        patch.setattr(checks, "pause_seconds", lambda _: 0.0)
        assert make_all(world, count=1) == ["log"]
    found = checks_for(world.owner, "b1")
    assert found.of_log is not None
    assert (found.of_log.holds, f"interrupted {ATTEMPTS_MAX} times" in found.of_log.findings[0]) == (None, True)
    assert found.outcome is None
    assert make_all(world) == ["b1"]


def test_one_that_takes_too_long_is_given_up(world: World, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECK_SECONDS_MAX", 0.0)
    assert request_kept_check(world.owner, kept, "a1", "account a")
    make_all(world)
    own = checks_for(world.owner, "a1").own
    assert own is not None
    assert (own.holds, own.findings[0].startswith("It took longer than")) == (None, True)


def test_of_each_kind_and_person_what_counts_is_kept_and_no_more(world: World, kept: str) -> None:
    contradicting = [Checkpoint(ORIGIN, size, bytes(32)).signed([SIGNER]) for size in (3, 4)]
    for note in (contradicting[0], kept, contradicting[1], f"{contradicting[1]}\u2014 other AAAAAAAA\n", kept, kept):
        assert request_kept_check(world.owner, note, "a1", "account a")
        request_log_check(world.owner, "a1")
        make_all(world)
    assert len(contradictions(world.owner)) == 2
    rows = world.owner.execute("SELECT kept, holds FROM rpawatch.log_checks ORDER BY number").fetchall()
    assert sorted((row["kept"] is None, row["holds"]) for row in rows) == [
        (False, False),
        (False, False),
        (False, True),
        (True, True),
    ]
