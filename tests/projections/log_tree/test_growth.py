"""The tree grows with the log, and is at every size what RFC 6962 makes of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import psycopg
import pytest

from domain.proof import merkle
from projections.log_tree import growth as growth_module
from projections.log_tree.growth import Growth, TreeBeyondLogError, TreeMovedError
from projections.log_tree.tiles import TILE_BYTES, TileMissingError, Tiles
from tests.projections.histories import Histories
from tests.projections.log_tree.support import fill, grow, hashes_of
from tests.support.effort import effort, seeded_random

if TYPE_CHECKING:
    from tests.projections.support import World


def test_the_database_hashes_an_event_as_the_domain_does(world: World) -> None:
    events = list(Histories(seeded_random()).events(300))
    for batch in (events[:150], events[150:]):
        world.append(batch)
    with world.connect() as connection:
        grow(connection)
        stored = b"".join(Tiles(connection).tile(0, number) for number in range(2))
        assert stored == b"".join(hashes_of(connection))


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 66_000])
def test_the_root_of_a_tree_is_that_of_its_events(world: World, size: int) -> None:
    if size:
        fill(world, size)
    with world.connect() as connection:
        growth = grow(connection)
        tiles = Tiles(connection)
        assert growth.size == size
        assert tiles.end() == (size, growth.position)
        hashes = hashes_of(connection)
        assert tiles.root(size) == merkle.root_of(hashes)
        for earlier in random.Random(size).sample(range(size + 1), min(size + 1, effort(4, 20))):
            assert tiles.root(earlier) == merkle.root_of(hashes[:earlier])


def test_batches_of_any_size_and_any_number_of_beginnings_give_one_tree(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = seeded_random()
    with world.connect() as connection:
        for _ in range(40):
            fill(world, chance.randint(1, 200))
            monkeypatch.setattr(growth_module, "BATCH_EVENTS_MAX", chance.randint(1, 300))
            growth = Growth(connection)
            for _ in range(chance.randint(0, 3)):
                growth.step()
        monkeypatch.undo()
        growth = grow(connection)
        hashes = hashes_of(connection)
        assert growth.size == len(hashes)
        assert Tiles(connection).root(len(hashes)) == merkle.root_of(hashes)


def test_tiles_are_full_but_for_the_last_of_each_level(world: World) -> None:
    fill(world, 70_000)
    with world.connect() as connection:
        grow(connection)
        rows = connection.execute(
            "SELECT level, count(*) FILTER (WHERE octet_length(hashes) = %s) AS full,"
            " array_agg(octet_length(hashes) / 32) FILTER (WHERE octet_length(hashes) < %s) AS partial"
            " FROM rpawatch.tree_tiles GROUP BY level ORDER BY level",
            (TILE_BYTES, TILE_BYTES),
        ).fetchall()
    found = [(row["level"], row["full"], row["partial"]) for row in rows]
    # The example of c2sp.org/tlog-tiles.
    assert found == [(0, 273, [112]), (1, 1, [17]), (2, 0, [1])]


def test_every_event_finds_its_place_although_positions_have_gaps(world: World) -> None:
    for _ in range(5):
        fill(world, 120)
        with pytest.raises(psycopg.errors.UniqueViolation), world.owner.transaction():
            world.owner.execute(
                "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)"
                " SELECT gen_random_uuid(), 1, 'none', '' UNION ALL"
                " (SELECT originator_id, originator_version, topic, state FROM rpawatch.events LIMIT 1)"
            )
    with world.connect() as connection:
        grow(connection)
        positions = [
            row["notification_id"]
            for row in connection.execute("SELECT notification_id FROM rpawatch.events ORDER BY notification_id")
        ]
        tiles = Tiles(connection)
        assert positions[-1] > len(positions)
        assert [tiles.index_of(position) for position in positions] == list(range(len(positions)))
        nowhere = {0, positions[-1] + 1, *range(1, positions[-1])} - set(positions)
        assert {tiles.index_of(position) for position in nowhere} == {None}


def test_an_event_that_the_tree_has_not_yet_has_no_place(world: World) -> None:
    fill(world, 3)
    with world.connect() as connection:
        grow(connection)
        fill(world, 1)
        assert Tiles(connection).index_of(4) is None


def test_two_that_grow_one_tree_do_not_spoil_it(world: World) -> None:
    fill(world, 300)
    with world.connect() as one, world.connect() as other:
        slow = Growth(one)
        assert grow(other).size == 300
        with pytest.raises(TreeMovedError):
            slow.step()
        fill(world, 10)
        grow(one)
        assert Tiles(one).root(310) == merkle.root_of(hashes_of(one))


def test_a_log_that_ends_before_the_tree_is_noticed(world: World) -> None:
    fill(world, 20)
    with world.connect() as connection:
        growth = grow(connection)
        world.owner.execute("ALTER TABLE rpawatch.events DISABLE TRIGGER append_only")
        world.owner.execute("DELETE FROM rpawatch.events WHERE notification_id > 15")
        with pytest.raises(TreeBeyondLogError, match="position 15, and the tree at 20"):
            growth.step()


def test_a_tile_that_somebody_removed_is_named(world: World) -> None:
    fill(world, 600)
    with world.connect() as connection:
        grow(connection)
        world.owner.execute("DELETE FROM rpawatch.tree_tiles WHERE level = 1")
        with pytest.raises(TileMissingError, match="Tile 0 of level 1"):
            Tiles(connection).root(600)


def test_large_events_are_taken_in_fewer_at_a_time(world: World) -> None:
    fill(world, 50)
    with world.connect() as connection:
        growth = Growth(connection)
        connection.execute("SET statement_timeout = '1ms'")
        world.owner.execute(
            "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)"
            " SELECT gen_random_uuid(), 1, 'job.reported', convert_to(repeat('x', 3000000), 'UTF8')"
            " FROM generate_series(1, 5)"
        )
        # Each attempt that takes too long halves the batch; the rest is left to a longer limit.
        for _ in range(3):
            try:
                assert growth.step()
            except psycopg.errors.QueryCanceled:
                break
        connection.execute("SET statement_timeout = '30s'")
        while growth.step():
            pass
        assert Tiles(connection).root(55) == merkle.root_of(hashes_of(connection))


def test_the_service_can_read_the_tree_and_not_change_it(world: World) -> None:
    fill(world, 3)
    with world.connect() as connection:
        grow(connection)
    with world.database.get_connection() as connection:
        assert Tiles(connection).end() == (3, 3)
        for statement in (
            "UPDATE rpawatch.tree_tiles SET number = 7",
            "DELETE FROM rpawatch.tree_tiles",
            "INSERT INTO rpawatch.checkpoints (size, note) VALUES (1, 'x')",
            "INSERT INTO rpawatch.log_keys (vkey) VALUES ('x')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
