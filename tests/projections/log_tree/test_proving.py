"""Proofs that are made from the stored tree hold against signed heads, now and later."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from domain.errors import NotFoundError
from domain.proof.checkpoint import open_checkpoint
from domain.proof.merkle import check_consistency
from projections.log_tree.heads import add_head, head_of_size
from projections.log_tree.proving import NotProvableError, prove_position, prove_prefix, prove_version
from projections.log_tree.signing import next_checkpoint
from projections.log_tree.tiles import Tiles
from tests.projections.log_tree.support import ORIGIN, SIGNER, fill, grow, install
from tests.support.effort import seeded_random

if TYPE_CHECKING:
    from uuid import UUID

    from application.store.session import Connection
    from tests.projections.support import World


def sign(connection: Connection) -> str:
    size = grow(connection).size
    return add_head(connection, next_checkpoint(connection, ORIGIN, size), [SIGNER])


def a_signed_log(world: World, connection: Connection) -> tuple[UUID, str, str]:
    """A log of 900 events with heads of 700 and 900; returns its first stream and the two notes."""
    install(world)
    stream = fill(world, 700)
    first = sign(connection)
    fill(world, 200)
    return stream, first, sign(connection)


def test_every_event_has_a_proof_against_every_later_head(world: World) -> None:
    chance = seeded_random()
    with world.connect() as connection:
        _, first, second = a_signed_log(world, connection)
        for position in [1, 255, 256, 257, 512, 513, 700, *(chance.randint(1, 700) for _ in range(20))]:
            for note, size in ((first, 700), (second, 900)):
                proof = prove_position(connection, position, note)
                assert proof.position == position
                assert proof.check([SIGNER.verifier], kept=note).size == size
        assert prove_position(connection, 900).check([SIGNER.verifier]).size == 900


def test_an_event_is_found_by_its_place_in_its_stream(world: World) -> None:
    with world.connect() as connection:
        stream, *_ = a_signed_log(world, connection)
        proof = prove_version(connection, stream, 300)
        assert (proof.position, proof.version, proof.state) == (300, 300, b'{"n":300}')
        proof.check([SIGNER.verifier])
        for missing in ((stream, 701), (stream, 0), (uuid4(), 1)):
            with pytest.raises(NotFoundError):
                prove_version(connection, *missing)


def test_what_no_head_has_yet_is_not_proven(world: World) -> None:
    with world.connect() as connection:
        install(world)
        fill(world, 10)
        with pytest.raises(NotProvableError, match="No head"):
            prove_position(connection, 3)
        note = sign(connection)
        fill(world, 1)
        for _ in range(2):
            with pytest.raises(NotProvableError, match="came after the checkpoint of 10 events"):
                prove_position(connection, 11, note)
            grow(connection)
        with pytest.raises(NotFoundError):
            prove_position(connection, 12)


def test_a_log_that_was_signed_begins_every_later_one(world: World) -> None:
    with world.connect() as connection:
        a_signed_log(world, connection)
        tiles = Tiles(connection)
        for old in (1, 255, 256, 257, 511, 512, 699, 700, 899, 900):
            check_consistency(
                old=old,
                new=900,
                old_root=tiles.root(old),
                new_root=tiles.root(900),
                proof=prove_prefix(connection, old, 900),
            )
        for old, new in ((0, 900), (900, 899), (1, 901), (-1, 3)):
            with pytest.raises(NotProvableError, match="has 900 events"):
                prove_prefix(connection, old, new)


def test_a_head_is_found_by_its_size(world: World) -> None:
    with world.connect() as connection:
        _, first, _ = a_signed_log(world, connection)
        head = head_of_size(connection, 700)
        assert head is not None
        assert head.note == first
        assert open_checkpoint(head.note, [SIGNER.verifier]).size == 700
        assert head_of_size(connection, 701) is None
