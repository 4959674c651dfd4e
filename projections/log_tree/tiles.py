"""The tree as it is stored and served: hashes, 256 side by side, as c2sp.org/tlog-tiles has them."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

from psycopg.rows import scalar_row, tuple_row

from application.store.log.reading import place_of, read_leaves
from domain.errors import NotFoundError
from domain.proof.merkle import HASH_BYTES, root_at, root_of

if TYPE_CHECKING:
    from application.store.session import Connection

TILE_LEVELS: Final = 8
"""Levels of the tree that one tile spans."""
TILE_HASHES: Final = 1 << TILE_LEVELS
TILE_BYTES: Final = TILE_HASHES * HASH_BYTES
LEVEL_MAX: Final = 7
"""Highest level of tiles: a tree of 2^63 leaves has no higher ones."""
_PATH: Final = re.compile(r"((?:x\d{3}/){0,5})(\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)

_TILE = "SELECT hashes FROM rpawatch.tree_tiles WHERE level = %s AND number = %s"
_END = """
SELECT number, octet_length(hashes), last_position FROM rpawatch.tree_tiles WHERE level = 0 ORDER BY number DESC LIMIT 1
"""
_TILE_OF_POSITION = """
SELECT number FROM rpawatch.tree_tiles WHERE level = 0 AND last_position >= %s ORDER BY last_position LIMIT 1
"""
_POSITIONS = """
SELECT coalesce(max(last_position) FILTER (WHERE number < %(number)s), 0),
    coalesce(max(last_position) FILTER (WHERE number = %(number)s), 0)
FROM rpawatch.tree_tiles WHERE level = 0 AND number IN (%(number)s - 1, %(number)s)
"""


class TileMissingError(Exception):
    """The tree lacks a part that it should have: somebody has changed its tables."""


class Tiles:
    """The tree as it is stored, read through one connection. What was read is kept, so it is for one question."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[tuple[int, int], bytes] = {}

    def end(self) -> tuple[int, int]:
        """Return how many events the tree has, and the position of the last one; zeroes for none."""
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(_END).fetchone()
        return (row[0] * TILE_HASHES + row[1] // HASH_BYTES, row[2]) if row else (0, 0)

    def tile(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile, full or not; none for one that is not there."""
        if (level, number) not in self._read:
            with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
                row = cursor.execute(_TILE, (level, number)).fetchone()
            self._read[level, number] = row[0] if row else b""
        return self._read[level, number]

    def subtree(self, begin: int, end: int) -> bytes:
        """Return the root of a full subtree. Raises TileMissingError."""
        # A subtree of 2^k leaves has its hash, or hashes of its parts, on the level of tiles that is next below it.
        count = end - begin
        level = min((count.bit_length() - 1) // TILE_LEVELS, LEVEL_MAX)
        first, wanted = begin >> level * TILE_LEVELS, count >> level * TILE_LEVELS
        number, offset = divmod(first, TILE_HASHES)
        hashes = self.tile(level, number)[offset * HASH_BYTES : (offset + wanted) * HASH_BYTES]
        if len(hashes) != wanted * HASH_BYTES:
            raise TileMissingError(f"Tile {number} of level {level} of the tree is missing, or ends too soon.")
        return root_of(split(hashes))

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` events. Raises TileMissingError."""
        return root_at(size, self.subtree)

    def index_of(self, position: int) -> int | None:
        """Return the place in the tree of the event at a position in the log; None when it has none (yet)."""
        with self._connection.cursor(row_factory=scalar_row) as cursor:
            number = cursor.execute(_TILE_OF_POSITION, (position,)).fetchone()
        if number is None:
            return None
        after, _ = self.positions(number)
        place = place_of(self._connection, position, after=after)
        return None if place is None else number * TILE_HASHES + place

    def positions(self, number: int) -> tuple[int, int]:
        """Return after which position of the log a tile of events begins, and its last one; zeroes for none."""
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(_POSITIONS, {"number": number}).fetchone() or (0, 0)


def split(hashes: bytes) -> list[bytes]:
    """Return the single hashes."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def parse_path(path: str) -> tuple[int, int]:
    """Return the number of a tile and how many hashes of it are asked for. Raises NotFoundError.

    The form is `x001/x234/067` for the full tile 1234067, and `x001/x234/067.p/8` for its first 8 hashes.
    """
    found = _PATH.fullmatch(path)
    width = int(found[3]) if found and found[3] else TILE_HASHES
    if found is None or (found[3] and width >= TILE_HASHES) or (found[1] and found[1].startswith("x000/")):
        raise NotFoundError
    return int(re.sub("[x/]", "", found[1]) + found[2]), width


def tile(connection: Connection, level: int, path: str) -> bytes:
    """Return the hashes of a tile, side by side. Raises NotFoundError, psycopg.Error."""
    number, width = parse_path(path)
    hashes = Tiles(connection).tile(level, number)[: width * HASH_BYTES] if level <= LEVEL_MAX else b""
    if len(hashes) != width * HASH_BYTES:
        raise NotFoundError
    return hashes


def entry_bundle(connection: Connection, path: str) -> bytes:
    """Return the leaves of a tile of level 0, each with its length before it. Raises NotFoundError, psycopg.Error."""
    number, width = parse_path(path)
    after, until = Tiles(connection).positions(number)
    leaves = read_leaves(connection, after=after, until=until, limit=width)
    if len(leaves) != width:
        raise NotFoundError
    return b"".join(struct.pack(">H", len(leaf.data)) + leaf.data for leaf in leaves)
