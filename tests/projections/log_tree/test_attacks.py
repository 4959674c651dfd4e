"""What the owner of the database can do to the log, and that a checkpoint kept elsewhere finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from domain.proof.checkpoint import Checkpoint, open_checkpoint
from domain.proof.note import Signer
from projections.log_tree.comparing import LogComparison, compare
from projections.log_tree.heads import add_head
from projections.log_tree.signing import next_checkpoint
from projections.log_tree.tiles import Tiles
from tests.projections.log_tree.support import ORIGIN, SIGNER, fill, grow, install
from tests.projections.support import World
from tests.support.effort import seeded_random

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from application.store.session import Connection
    from projections.log_tree.findings import Finding
    from tests.support.postgres import Server

KEPT, SIGNED_LATER, EVENTS = 600, 700, 720
"""An auditor kept a checkpoint of 600 events, a head of 700 was signed since, and 20 events have none yet."""
GAP = 10
"""Positions 501 to 510 were given to an append that failed."""
LAST_KEPT = KEPT + GAP
UNSIGNED = SIGNED_LATER + GAP + 5


class Attack(NamedTuple):
    """SQL as the superuser, and the first position that is not what it was."""

    sql: str
    position: int
    kind: str


MOVE = "UPDATE rpawatch.events SET notification_id = {to} WHERE notification_id = {at};"
CHANGE = "UPDATE rpawatch.events SET state = convert_to('{{\"n\":0}}', 'UTF8') WHERE notification_id = {at};"
DELETE = "DELETE FROM rpawatch.events WHERE notification_id {which};"
SHIFT = """
UPDATE rpawatch.events SET notification_id = -notification_id {by} WHERE notification_id {which};
UPDATE rpawatch.events SET notification_id = -notification_id WHERE notification_id < 0;
"""
INSERT = """
INSERT INTO rpawatch.events (originator_id, originator_version, topic, state, notification_id) OVERRIDING SYSTEM VALUE
VALUES (gen_random_uuid(), 1, 'job.reported', 'x', {at});
"""
ATTACKS = {
    "a byte is changed": Attack(
        "UPDATE rpawatch.events SET state = set_byte(state, 3, get_byte(state, 3) # 1) WHERE notification_id = 77;",
        77,
        "changed",
    ),
    "two events are swapped": Attack(
        MOVE.format(at=90, to=-1) + MOVE.format(at=91, to=90) + MOVE.format(at=-1, to=91), 90, "changed"
    ),
    "an event is copied over another": Attack(
        "UPDATE rpawatch.events SET state = (SELECT state FROM rpawatch.events WHERE notification_id = 5)"
        " WHERE notification_id = 300;",
        300,
        "changed",
    ),
    "the first is deleted": Attack(DELETE.format(which="= 1"), 1, "removed"),
    "one in the middle is deleted": Attack(DELETE.format(which="= 256"), 256, "removed"),
    "the last is deleted": Attack(DELETE.format(which=f">= {LAST_KEPT}"), LAST_KEPT, "removed"),
    "one is inserted": Attack(SHIFT.format(by="- 1", which=">= 400") + INSERT.format(at=400), 400, "changed"),
    "one is inserted where none stood": Attack(INSERT.format(at=505), 505, "inserted"),
    "some are put into another order": Attack(
        "UPDATE rpawatch.events SET notification_id = -notification_id WHERE notification_id BETWEEN 520 AND 550;"
        "UPDATE rpawatch.events SET notification_id = 1070 + notification_id WHERE notification_id < 0;",
        520,
        "changed",
    ),
    "all behind one are renumbered": Attack(SHIFT.format(by="- 7", which="> 450"), 451, "moved"),
    "the end is cut off": Attack(DELETE.format(which="> 512"), 513, "removed"),
    "a column other than the state is changed": Attack(
        "UPDATE rpawatch.events SET topic = 'job.cancelled' WHERE notification_id = 599;", 599, "changed"
    ),
    "an event goes to another stream": Attack(
        "UPDATE rpawatch.events SET originator_id = gen_random_uuid() WHERE notification_id = 2;", 2, "changed"
    ),
    "a version is changed": Attack(
        "UPDATE rpawatch.events SET originator_version = 10000 WHERE notification_id = 512;", 512, "changed"
    ),
}


class Kept(NamedTuple):
    """What the auditor has at home."""

    checkpoint: Checkpoint
    earlier: Checkpoint


def a_checkpoint(connection: Connection, size: int) -> Checkpoint:
    grow(connection)
    note = add_head(connection, next_checkpoint(connection, ORIGIN, size), [SIGNER])
    return open_checkpoint(note, [SIGNER.verifier])


@pytest.fixture(scope="module")
def kept_log(postgres: Server) -> Iterator[tuple[str, Kept]]:
    """The database with a log of which an auditor kept two checkpoints, and those. Each test attacks a copy of it."""
    url = postgres.create_database()
    with World(url) as world:
        kept = keep_two(world)
    yield url, kept
    postgres.drop_database(url)


@pytest.fixture
def kept(kept_log: tuple[str, Kept]) -> Kept:
    return kept_log[1]


@pytest.fixture
def world(postgres: Server, kept_log: tuple[str, Kept]) -> Iterator[World]:
    """The copy; who attacks it may do all that a superuser may."""
    url = postgres.create_database(like=kept_log[0])
    with World(url) as world:
        world.owner.execute("SET session_replication_role = replica")  # so that no trigger fires
        world.owner.execute("ALTER TABLE rpawatch.events ALTER notification_id SET GENERATED BY DEFAULT")
        yield world
    postgres.drop_database(url)


def keep_two(world: World) -> Kept:
    install(world)
    with world.connect() as connection:
        fill(world, 200)
        earlier = a_checkpoint(connection, 200)
        fill(world, 300)
        world.owner.execute(
            "SELECT nextval(pg_get_serial_sequence('rpawatch.events', 'notification_id')) FROM generate_series(1, %s)",
            (GAP,),
        )
        fill(world, 100)
        checkpoint = a_checkpoint(connection, KEPT)
        fill(world, SIGNED_LATER - KEPT)
        a_checkpoint(connection, SIGNED_LATER)
        fill(world, EVENTS - SIGNED_LATER)
        grow(connection)
    return Kept(checkpoint, earlier)


def verify(world: World, kept: Sequence[Checkpoint]) -> LogComparison:
    with world.connect() as connection:
        return compare(connection, kept, [SIGNER.verifier], lambda *_: None)


def the_finding(world: World, kept: Sequence[Checkpoint]) -> Finding:
    found = verify(world, kept).findings
    assert found, "it was found"
    return found[0]


def forge_the_tree(world: World) -> None:
    """Do what an attacker would who knows how all this works: make a tree of the changed log. Its key is not there."""
    world.owner.execute("TRUNCATE rpawatch.tree_tiles, rpawatch.checkpoints")
    with world.connect() as connection:
        grow(connection)


def test_a_log_that_nobody_touched_holds(world: World, kept: Kept) -> None:
    found = verify(world, [kept.checkpoint])
    assert found.findings == ()
    assert (found.events, found.signed, found.heads) == (EVENTS, SIGNED_LATER, 4)
    with world.connect() as connection:
        assert found.root == Tiles(connection).root(EVENTS)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_found_and_its_first_position_named(world: World, kept: Kept, attack: Attack) -> None:
    world.owner.execute(attack.sql.encode())
    found = the_finding(world, [kept.checkpoint])
    assert (found.kind, found.position) == (attack.kind, attack.position), found.text
    assert str(attack.position) in found.text or str(attack.position - 1) in found.text


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_found_with_the_kept_checkpoint_alone(world: World, kept: Kept, attack: Attack) -> None:
    world.owner.execute("DELETE FROM rpawatch.checkpoints")
    world.owner.execute(attack.sql.encode())
    found = the_finding(world, [kept.checkpoint])
    assert (found.kind, found.position) == (attack.kind, attack.position), found.text


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_found_when_the_tree_was_made_anew(world: World, kept: Kept, attack: Attack) -> None:
    world.owner.execute(attack.sql.encode())
    forge_the_tree(world)
    found = the_finding(world, [kept.checkpoint])
    # One root tells no more than that it is another; it is named from where on nothing is vouched for.
    assert found.kind == "unknown"
    assert found.position == 1
    assert found.until >= attack.position
    if attack.position > 200:
        assert the_finding(world, [kept.checkpoint, kept.earlier]).position == 201


def test_a_log_that_was_rewritten_with_all_its_hashes_is_found(world: World, kept: Kept) -> None:
    world.owner.execute("UPDATE rpawatch.events SET state = state || 'x'::bytea")
    forge_the_tree(world)
    assert (the_finding(world, [kept.checkpoint]).kind, the_finding(world, [kept.checkpoint]).position) == (
        "unknown",
        1,
    )


def test_a_head_that_the_attacker_signs_with_another_key_is_not_believed(world: World, kept: Kept) -> None:
    world.owner.execute(ATTACKS["a byte is changed"].sql.encode())
    forge_the_tree(world)
    with world.connect() as connection:
        add_head(connection, next_checkpoint(connection, ORIGIN, EVENTS), [Signer(ORIGIN, bytes(32))])
    found = verify(world, [kept.checkpoint])
    assert (found.findings[0].kind, found.strange_heads) == ("unknown", 1)


def test_a_roll_back_to_an_old_dump_is_found(world: World, kept: Kept) -> None:
    """All that the database has is as it was at 200 events: log, tree and heads agree."""
    world.owner.execute(
        b"DELETE FROM rpawatch.events WHERE notification_id > 200; TRUNCATE rpawatch.tree_tiles;"
        b"DELETE FROM rpawatch.checkpoints WHERE size > 200"
    )
    with world.connect() as connection:
        grow(connection)
    assert verify(world, []).findings == ()
    found = the_finding(world, [kept.checkpoint])
    assert (found.kind, found.position) == ("unknown", 201)
    assert "200 events" in found.text


def test_what_was_done_behind_the_last_head_shows_against_the_tree(world: World, kept: Kept) -> None:
    world.owner.execute("UPDATE rpawatch.events SET state = 'x' WHERE notification_id = %s", (UNSIGNED,))
    found = the_finding(world, [kept.checkpoint])
    assert (found.kind, found.position) == ("changed", UNSIGNED)
    assert "No signed head" in found.text


def test_events_removed_behind_the_last_head_show_against_the_tree(world: World, kept: Kept) -> None:
    world.owner.execute("DELETE FROM rpawatch.events WHERE notification_id >= %s", (UNSIGNED,))
    found = the_finding(world, [kept.checkpoint])
    assert (found.kind, found.position) == ("removed", UNSIGNED)


def test_a_spoilt_tree_is_told_from_a_spoilt_log(world: World, kept: Kept) -> None:
    world.owner.execute(
        "UPDATE rpawatch.tree_tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)"
        " WHERE level = 0 AND number = 1"
    )
    found = verify(world, [kept.checkpoint]).findings
    assert [(one.kind, one.position) for one in found] == [("tree", 258)]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE rpawatch.checkpoints SET note = replace(note, chr(10) || '600', chr(10) || '601') WHERE size = 600",
        "UPDATE rpawatch.checkpoints SET note = 'nonsense' WHERE size = 600",
        "UPDATE rpawatch.checkpoints SET size = 599 WHERE size = 600",
    ],
)
def test_a_spoilt_head_is_told_from_a_spoilt_log(world: World, kept: Kept, sql: str) -> None:
    world.owner.execute(sql.encode())
    found = verify(world, [kept.checkpoint])
    assert [one.kind for one in found.findings] == ["head"]
    assert found.signed == SIGNED_LATER


def test_any_change_to_any_row_is_found(world: World, kept: Kept) -> None:
    chance = seeded_random()
    for _ in range(5):
        position = chance.randint(1, KEPT)
        world.owner.execute("UPDATE rpawatch.events SET state = 'x' WHERE notification_id = %s", (position,))
        assert the_finding(world, [kept.checkpoint]).position <= position
