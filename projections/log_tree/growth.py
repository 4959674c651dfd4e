"""Growing the tree with the log, batch by batch.

PostgreSQL hashes the events: what they hold need not be sent, and the hashes are 32 bytes each. Only the last tile of
each level changes; they are kept here, so that a batch is one statement that reads and one that writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.rows import tuple_row

from application.store.log.reading import hash_leaves, last_position
from domain.proof.merkle import HASH_BYTES, root_of
from projections.log_tree.tiles import TILE_BYTES, TILE_HASHES, split

if TYPE_CHECKING:
    from application.store.session import Connection

BATCH_EVENTS_MAX: Final = 4_096

# The last tile of each level, by one look at the index each: the tree may have millions of them.
_EDGE = """
SELECT last.* FROM generate_series(0, 7) AS tiles (level) CROSS JOIN LATERAL (
    SELECT level, number, hashes, last_position FROM rpawatch.tree_tiles
    WHERE tree_tiles.level = tiles.level ORDER BY number DESC LIMIT 1
) AS last ORDER BY last.level
"""
_STORE = """
INSERT INTO rpawatch.tree_tiles (level, number, hashes, last_position)
SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[], %s::bigint[])
ON CONFLICT (level, number) DO UPDATE SET hashes = EXCLUDED.hashes, last_position = EXCLUDED.last_position
WHERE octet_length(tree_tiles.hashes) < octet_length(EXCLUDED.hashes)
"""


class TreeMovedError(Exception):
    """Somebody else has changed the tree meanwhile."""


class TreeBeyondLogError(Exception):
    """The tree has events that the log has not."""


class Growth:
    """The right edge of the tree: the last tile of each level, from the lowest up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._batch_events = BATCH_EVENTS_MAX
        self._edge: list[tuple[int, bytearray]] = [(0, bytearray())]
        self.position = 0
        with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            for level, number, hashes, last_position in cursor.execute(_EDGE):
                is_full = len(hashes) == TILE_BYTES
                edge = (number + 1, bytearray()) if is_full else (number, bytearray(hashes))
                self._edge[level:] = [edge]
                self.position = last_position or self.position

    @property
    def size(self) -> int:
        """How many events the tree has."""
        number, hashes = self._edge[0]
        return number * TILE_HASHES + len(hashes) // HASH_BYTES

    def step(self) -> bool:
        """Take in the next events of the log, in one transaction, and return whether there may be more.

        After an error it must not be used again. Raises TreeBeyondLogError, TreeMovedError, psycopg.Error.
        """
        try:
            tiles = hash_leaves(
                self._connection,
                after=self.position,
                limit=self._batch_events,
                first=self.size,
                per_tile=TILE_HASHES,
            )
        except psycopg.errors.QueryCanceled:
            # Large events, or a busy machine: fewer at a time.
            if self._batch_events == 1:
                raise
            self._batch_events //= 2
            return True
        if not tiles:
            self._check_not_cut()
            return False
        before = self.size
        changed: dict[tuple[int, int], tuple[bytes, int | None]] = {}
        for hashes, position in tiles:
            self._push(0, hashes, position, changed)
        self._store(changed)
        grown, wanted = self.size - before, self._batch_events
        self._batch_events = min(BATCH_EVENTS_MAX, 2 * wanted)
        return grown == wanted

    def _push(
        self,
        level: int,
        hashes: bytes,
        last_position: int | None,
        changed: dict[tuple[int, int], tuple[bytes, int | None]],
    ) -> None:
        """Add hashes that fit into the last tile of a level, and to the levels above what that fills."""
        if level == len(self._edge):
            self._edge.append((0, bytearray()))
        number, tile = self._edge[level]
        tile += hashes
        changed[level, number] = bytes(tile), last_position
        if last_position is not None:
            self.position = last_position
        if len(tile) == TILE_BYTES:
            self._edge[level] = number + 1, bytearray()
            self._push(level + 1, root_of(split(bytes(tile))), None, changed)

    def _store(self, changed: dict[tuple[int, int], tuple[bytes, int | None]]) -> None:
        parameters = (
            [level for level, _ in changed],
            [number for _, number in changed],
            [hashes for hashes, _ in changed.values()],
            [last_position for _, last_position in changed.values()],
        )
        with self._connection.transaction():
            if self._connection.execute(_STORE, parameters).rowcount != len(changed):
                raise TreeMovedError("The tree was changed by another; it is looked at anew.")

    def _check_not_cut(self) -> None:
        end = last_position(self._connection)
        if end < self.position:
            raise TreeBeyondLogError(
                f"The log ends at position {end}, and the tree at {self.position}: events were removed."
                " `rpawatch audit verify` says which."
            )
