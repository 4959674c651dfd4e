"""The follower: one at a time, heads signed in time and only when they belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from domain.proof.checkpoint import open_checkpoint
from domain.proof.note import Signer
from projections.log_tree.follower import TreeFollower
from projections.log_tree.heads import Head, add_head, heads_between, latest_head, log_keys, publish_key
from projections.log_tree.signing import SigningKeyError, TreeSpoiltError, check_in_use, next_checkpoint
from projections.log_tree.tiles import Tiles
from tests.projections.log_tree.support import ORIGIN, SIGNER, fill, following, grow, install
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.projections.support import World

OTHER = Signer(ORIGIN, bytes(32))


def head_of(world: World) -> Head | None:
    with world.connect() as connection:
        return latest_head(connection)


def wait_for_head(world: World, size: int) -> Head:
    wait_until(lambda: (head := head_of(world)) is not None and head.size == size, f"a head of {size}")
    head = head_of(world)
    assert head is not None
    return head


def test_what_is_appended_is_in_the_tree_and_under_a_signed_head(world: World) -> None:
    install(world)
    with following(world):
        for size in (10, 300):
            fill(world, size - (0 if size == 10 else 10))
            note = wait_for_head(world, size).note
            with world.connect() as connection:
                checkpoint = open_checkpoint(note, [SIGNER.verifier])
                assert checkpoint.root == Tiles(connection).root(size)
                assert checkpoint.origin == ORIGIN


def test_a_head_is_signed_only_when_the_log_has_grown_and_not_too_often(world: World) -> None:
    install(world)
    fill(world, 5)
    with following(world, sign_seconds_min=60):
        wait_for_head(world, 5)
        fill(world, 5)
        with world.connect() as connection:
            wait_until(lambda: Tiles(connection).end()[0] == 10, "a tree of ten")
    # Another follower begins at once, and keeps to the minute as well.
    with following(world, sign_seconds_min=60), world.connect() as connection:
        fill(world, 5)
        wait_until(lambda: Tiles(connection).end()[0] == 15, "a tree of fifteen")
        assert [head.size for head in heads_between(connection, 0, 100, 10)] == [5]


def test_two_followers_take_turns_and_grow_one_tree(world: World) -> None:
    install(world)
    with following(world), following(world), world.connect() as connection:
        for _ in range(5):
            fill(world, 100)
        wait_for_head(world, 500)
        assert next_checkpoint(connection, ORIGIN, 500).root == Tiles(connection).root(500)


def test_another_key_than_the_published_one_signs_nothing_and_says_so_once(world: World) -> None:
    install(world, OTHER)
    fill(world, 5)
    with capture_logs() as logs, following(world, SIGNER):
        with world.connect() as connection:
            wait_until(lambda: Tiles(connection).end()[0] == 5, "a tree")
        wait_until(lambda: bool(logs), "a word about it")
        fill(world, 1)
        with world.connect() as connection:
            wait_until(lambda: Tiles(connection).end()[0] == 6, "a larger tree")
    assert [log["event"] for log in logs] == ["log_head_not_signed"]
    assert "rotate-key" in logs[0]["reason"]
    assert head_of(world) is None


def test_a_key_that_can_not_be_read_stops_the_signing_and_not_the_tree(world: World) -> None:
    install(world)

    def refuse(_: str) -> Signer:
        raise SigningKeyError("The file is not there.")

    follower = TreeFollower(world.connect, refuse)
    fill(world, 5)
    with world.connect() as connection, capture_logs() as logs:
        turn = follower._begin(connection)  # noqa: SLF001 - one turn, without waiting
        while turn():
            pass
        assert Tiles(connection).end() == (5, 5)
    assert [log["reason"] for log in logs] == ["The file is not there."]


def test_a_tree_that_was_changed_behind_its_signed_head_gets_no_other(world: World) -> None:
    install(world)
    fill(world, 300)
    with world.connect() as connection:
        grow(connection)
        add_head(connection, next_checkpoint(connection, ORIGIN, 300), [SIGNER])
        world.owner.execute(
            "UPDATE rpawatch.tree_tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE level = 0"
        )
        fill(world, 1)
        grow(connection)
        with pytest.raises(TreeSpoiltError, match="300 events"):
            next_checkpoint(connection, ORIGIN, 301)
        with pytest.raises(TreeSpoiltError):
            next_checkpoint(connection, ORIGIN, 299)


@pytest.mark.parametrize(
    "spoil",
    ["UPDATE rpawatch.checkpoints SET note = 'nonsense'", "DELETE FROM rpawatch.tree_tiles WHERE level = 0"],
)
def test_a_spoilt_head_or_tree_stops_the_signing_and_is_said_once(world: World, spoil: str) -> None:
    install(world)
    fill(world, 300)
    with world.connect() as connection:
        grow(connection)
        add_head(connection, next_checkpoint(connection, ORIGIN, 300), [SIGNER])
        world.owner.execute(spoil.encode())
        with pytest.raises(TreeSpoiltError, match="audit verify"):
            next_checkpoint(connection, ORIGIN, 300)


def test_one_key_is_in_use_and_every_other_stays_published(world: World) -> None:
    install(world)
    with world.connect() as connection:
        publish_key(connection, OTHER.verifier)
        first, second = log_keys(connection)
        assert (first.verifier, second.verifier) == (SIGNER.verifier, OTHER.verifier)
        assert first.retired_at is not None
        assert second.retired_at is None
        check_in_use(connection, OTHER)
        with pytest.raises(SigningKeyError):
            check_in_use(connection, SIGNER)
