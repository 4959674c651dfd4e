"""Comparing the log with signed heads: reads every event, makes the tree of it anew, and names what is not as it was.

Nothing that is compared with is believed for being in the database. A head holds by its signature, and the stored tree
only as far as a signed head vouches for it; where it does, it tells which event is the first that is not what it was.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from heapq import merge
from typing import TYPE_CHECKING, Final

from application.store.log.reading import count_events, read_rows
from domain.proof.checkpoint import Checkpoint, open_checkpoint
from domain.proof.errors import MalformedError, ProofError, UnknownKeyError
from domain.proof.leaf import leaf_data
from domain.proof.merkle import CompactRange, root_of
from projections.log_tree.findings import Difference, Finding, Reading, first_finding, unsigned_finding
from projections.log_tree.heads import heads_between
from projections.log_tree.tiles import TILE_HASHES, Tiles, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from application.store.log.reading import ReportProgress, Row
    from application.store.session import Connection
    from domain.proof.note import Verifier
    from projections.log_tree.heads import Head

BATCH_EVENTS_MAX: Final = 4_000
_HEADS_AT_ONCE: Final = 1_000
_SIZE_MAX: Final = 2**63 - 1

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


@dataclass(frozen=True, slots=True)
class LogComparison:
    """What a comparison found.

    events: that were read.
    root: of their tree.
    heads: signed ones that hold.
    signed: how many events the largest head that holds has; those after it have no proof yet.
    strange_heads: heads in the database that none of the given keys signed.
    failed: the checkpoint or head that does not hold.
    """

    events: int
    root: bytes
    heads: int
    signed: int
    strange_heads: int
    findings: tuple[Finding, ...]
    failed: Checkpoint | None = None


def compare(
    connection: Connection, kept: Sequence[Checkpoint], verifiers: Sequence[Verifier], report: ReportProgress
) -> LogComparison:
    """Compare the whole log with checkpoints that were kept elsewhere, and with the signed heads in the database.

    kept: checkpoints whose signatures were checked; none for what the database has alone.
    verifiers: the keys that heads are believed of.

    Stops at the first head that does not hold. Memory does not grow with the log. Raises psycopg.Error.
    """
    with connection.transaction():
        # What grows meanwhile is of no concern.
        connection.execute(_SNAPSHOT)
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        return _Comparison(connection, kept, verifiers).run(report)


class _Comparison:
    def __init__(self, connection: Connection, kept: Sequence[Checkpoint], verifiers: Sequence[Verifier]) -> None:
        self._connection = connection
        self._kept = sorted(kept, key=_size)
        self._verifiers = verifiers
        self._tiles = CompactRange()
        self._events = 0
        self._position = 0
        self._held_position = 0
        self._signed = 0
        self._heads = 0
        self._strange_heads = 0
        self._difference: Difference | None = None
        self._findings: list[Finding] = []
        self._failed: Checkpoint | None = None

    def run(self, report: ReportProgress) -> LogComparison:
        total, end = count_events(self._connection)
        checkpoints = self._checkpoints()
        checkpoint = next(checkpoints, None)
        root, holds = self._tiles.root(), True
        for rows in self._rows(end):
            first, hashes = self._events, self._hashed(rows)
            while holds and checkpoint is not None and checkpoint.size <= self._events:
                place = checkpoint.size - first
                holds = self._holds(checkpoint, self._tiles.root(hashes[:place]), rows[place - 1][0])
                checkpoint = next(checkpoints, None)
            root = self._tiles.root(hashes)
            if len(hashes) == TILE_HASHES:
                self._tiles.push(root_of(hashes))
            report(self._events, total)
            if not holds:
                break
        while holds and checkpoint is not None:
            holds = self._holds(checkpoint, None, end)
            checkpoint = next(checkpoints, None)
        if holds:
            self._check_rest(total)
        findings = tuple(self._findings)
        return LogComparison(self._events, root, self._heads, self._signed, self._strange_heads, findings, self._failed)

    def _rows(self, end: int) -> Iterator[list[Row]]:
        """Yield the events up to a position, as many together as a tile has."""
        tile: list[Row] = []
        after = 0
        while after < end:
            rows, after = read_rows(self._connection, after=after, until=end, limit=BATCH_EVENTS_MAX)
            for row in rows:
                tile.append(row)
                if len(tile) == TILE_HASHES:
                    yield tile
                    tile = []
        if tile:
            yield tile

    def _hashed(self, rows: Sequence[Row]) -> list[bytes]:
        """Return the hashes of a tile's events, and note the first that the stored tree has another for."""
        sha256 = hashlib.sha256
        hashes = [
            sha256(b"\x00" + leaf_data(position, stream, version, topic, sha256(state).hexdigest())).digest()
            for position, stream, version, topic, state in rows
        ]
        if self._difference is None:
            self._difference = self._first_difference(hashes, rows)
        elif self._difference.following is None:
            self._difference.following = hashes[0]
        self._events += len(rows)
        self._position = rows[-1][0]
        return hashes

    def _first_difference(self, hashes: Sequence[bytes], rows: Sequence[Row]) -> Difference | None:
        stored = Tiles(self._connection).tile(0, self._events // TILE_HASHES)
        if stored == b"".join(hashes):
            return None
        for place, (expected, found) in enumerate(zip(split(stored), hashes, strict=False)):
            if expected != found:
                return Difference(
                    index=self._events + place,
                    row=rows[place],
                    hash=found,
                    before=rows[place - 1][0] if place else self._position,
                    following=hashes[place + 1] if place + 1 < len(hashes) else None,
                )
        return None  # the tree has more or less than the log; whether it should is seen at the end

    def _checkpoints(self) -> Iterator[Checkpoint]:
        """Yield what was signed, the smallest first, and of one size what was kept elsewhere first."""
        return merge(self._kept, self._heads_in_database(), key=_size)

    def _heads_in_database(self) -> Iterator[Checkpoint]:
        """Yield the heads in the database whose signatures hold."""
        size = 0
        while heads := heads_between(self._connection, size, _SIZE_MAX, _HEADS_AT_ONCE):
            for head in heads:
                checkpoint = self._opened(head)
                if checkpoint is not None:
                    yield checkpoint
            size = heads[-1].size

    def _opened(self, head: Head) -> Checkpoint | None:
        try:
            checkpoint = open_checkpoint(head.note, self._verifiers)
        except UnknownKeyError:
            self._strange_heads += 1
            return None
        except (ProofError, MalformedError) as error:
            reason = str(error)
        else:
            if checkpoint.size == head.size:
                return checkpoint
            reason = f"It is of {checkpoint.size} events."
        text = f"A head of {head.size} events in the database is not what was signed: it was changed. {reason}"
        self._findings.append(Finding("head", 0, 0, text))
        return None

    def _holds(self, checkpoint: Checkpoint, root: bytes | None, position: int) -> bool:
        """Return whether the log is the one of a checkpoint, or note what is wrong with it.

        root: of so many events; None when there are fewer.
        position: of the last event that it is about.
        """
        if root == checkpoint.root:
            self._heads += 1
            self._signed, self._held_position = checkpoint.size, position
            return True
        reading = Reading(self._events, position, self._held_position)
        self._findings.append(first_finding(self._connection, checkpoint, self._difference, reading))
        self._failed = checkpoint
        return False

    def _check_rest(self, total: int) -> None:
        """Look at what no signed head vouches for, and at what reading in order does not show."""
        found = self._difference
        if found is not None and found.index < self._signed:
            text = f"The tree was changed: it has not the event at position {found.position} as it was signed."
            self._findings.append(Finding("tree", found.position, found.position, text))
            found = None
        reading = Reading(self._events, self._position, self._held_position)
        rest = unsigned_finding(self._connection, found, reading)
        if rest is not None:
            self._findings.append(rest)
        if total != self._events:
            text = "Positions stand in the log more than once: its index was removed."
            self._findings.append(Finding("inserted", 0, self._position, text))


def _size(checkpoint: Checkpoint) -> int:
    return checkpoint.size
