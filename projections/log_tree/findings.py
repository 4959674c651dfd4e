"""Naming what was done to a log that is not the one that was signed: which event is the first, and what befell it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from domain.proof.leaf import leaf_data
from domain.proof.merkle import HASH_BYTES, CompactRange, leaf_hash, root_of
from projections.log_tree.tiles import TILE_HASHES, Tiles, split

if TYPE_CHECKING:
    from application.store.log.reading import Row
    from application.store.session import Connection
    from domain.proof.checkpoint import Checkpoint

Kind: TypeAlias = Literal["changed", "moved", "removed", "inserted", "unknown", "tree", "head"]
"""What was done to the log; with tree and head, to the database's copy of its tree or of its signed heads.

unknown: an event was changed, removed or inserted, and the stored tree, which would say which, was changed with it."""


_MOVED_MAX: Final = 10_000
"""Most positions at which an event is looked for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it was.

    position: the first that is concerned.
    until: the last that may be, where that is open.
    """

    kind: Kind
    position: int
    until: int
    text: str


@dataclass(slots=True)
class Difference:
    """The first place where the log and the stored tree differ.

    index: in the tree.
    row, hash: of the event there.
    before: the position of the event in front of it.
    following: the hash of the event behind it, once that was read.
    """

    index: int
    row: Row
    hash: bytes
    before: int
    following: bytes | None = None

    @property
    def position(self) -> int:
        """Where the event stands now."""
        return self.row[0]

    def moved_from(self, expected: bytes | None) -> int | None:
        """Return where the event stood when it had this hash, behind the one in front of it; else None."""
        _, stream, version, topic, state = self.row
        digest = hashlib.sha256(state).hexdigest()
        for position in range(self.before + 1, min(self.position, self.before + _MOVED_MAX)):
            if leaf_hash(leaf_data(position, stream, version, topic, digest)) == expected:
                return position
        return None

    @property
    def event(self) -> str:
        """How to call the event."""
        return f"The event at position {self.position}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the log was read. held_position: of the last event that a signed head vouches for."""

    events: int
    position: int
    held_position: int


def first_finding(
    connection: Connection, checkpoint: Checkpoint, difference: Difference | None, reading: Reading
) -> Finding:
    """Return because of which event the log is not the one of a signed checkpoint."""
    of = f"the checkpoint of {checkpoint.size} events"
    tiles = Tiles(connection)
    if _stored_root(connection, checkpoint.size) != checkpoint.root:
        first = reading.held_position + 1
        text = f"An event at position {first} or later was changed, removed or inserted, and the stored tree with it."
        last = reading.position
        if reading.events < checkpoint.size:
            text = f"The log has {reading.events} events: it was cut after position {reading.held_position} or later."
            last += 1
        return Finding("unknown", first, max(first, last), f"{text} This is not the log of {of}.")
    # From here on the stored hashes of events are those that were signed.
    if difference is None or difference.index >= checkpoint.size:
        place = reading.position + 1
        return Finding("removed", place, place, f"The log ends at position {reading.position}, before {of} does.")
    expected = _hash_at(tiles, difference.index)
    moved_from = difference.moved_from(expected)
    if moved_from is not None:
        text = f"{difference.event} stood at {moved_from} when {of} was signed."
        return Finding("moved", moved_from, difference.position, text)
    if difference.hash == _hash_at(tiles, difference.index + 1):
        first, last = difference.before + 1, difference.position - 1
        where = f"at position {first}" if first == last else f"after position {difference.before}"
        return Finding("removed", first, last, f"An event {where} was removed: {of} has it.")
    if difference.following == expected:
        text = f"{difference.event} was inserted: {of} does not have it."
        return Finding("inserted", difference.position, difference.position, text)
    text = f"{difference.event} is not the one that {of} has there."
    return Finding("changed", difference.position, difference.position, text)


def unsigned_finding(connection: Connection, difference: Difference | None, reading: Reading) -> Finding | None:
    """Return what is wrong although every signed head holds; None for nothing.

    difference: between the log and the stored tree, at a place that no head vouches for.
    """
    if difference is not None:
        text = f"{difference.event} is not the one that the tree took in. No signed head has it yet."
        return Finding("changed", difference.position, difference.position, text)
    stored, _ = Tiles(connection).end()
    if stored > reading.events:
        place = reading.position + 1
        text = f"The log ends at position {reading.position}, and the tree has {stored - reading.events} events more."
        return Finding("removed", place, place, text)
    return None


def _stored_root(connection: Connection, size: int) -> bytes:
    """Return the root of the stored hashes of events. Where it is a signed one, they are what they were."""
    whole = CompactRange()
    for number in range(size // TILE_HASHES):
        whole.push(root_of(split(Tiles(connection).tile(0, number))))
    rest = size % TILE_HASHES
    last = Tiles(connection).tile(0, size // TILE_HASHES) if rest else b""
    return whole.root(split(last[: rest * HASH_BYTES]))


def _hash_at(tiles: Tiles, index: int) -> bytes | None:
    number, place = divmod(index, TILE_HASHES)
    return tiles.tile(0, number)[place * HASH_BYTES : (place + 1) * HASH_BYTES] or None
