"""Proofs about the log for people and programs outside: what the HTTP interface and the pages ask of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.store.log.reading import last_position
from domain.errors import NotFoundError
from projections.audit.queries import AuditFilter, list_audit_log
from projections.log_tree.checks import Check, Checks, checks_for, contradictions, request_kept_check, request_log_check
from projections.log_tree.heads import Head, LogKey, head_of_size, latest_head, log_keys
from projections.log_tree.proving import NotProvableError, prove_position, prove_prefix
from projections.log_tree.tiles import Tiles, entry_bundle, tile
from projections.paging import PageRequest

if TYPE_CHECKING:
    from uuid import UUID

    from application.store.database import Database
    from domain.proof.document import EventProof


class LogProofs:
    """Asks the tree. Each answer is of one moment of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def health(self) -> tuple[int, int]:
        """Return by how many positions the tree is behind the log, and how many of its events have no signed head."""
        with self._database.get_connection() as connection:
            size, position = Tiles(connection).end()
            head = latest_head(connection)
            end = last_position(connection)
        return max(0, end - position), max(0, size - (head.size if head else 0))

    def size(self) -> int:
        """Return how many events the tree has."""
        with self._database.get_connection() as connection:
            return Tiles(connection).end()[0]

    def latest_head(self) -> Head | None:
        """Return the head that was signed last; None before the first."""
        with self._database.get_connection() as connection:
            return latest_head(connection)

    def checks_for(self, person: str) -> Checks:
        """Return what a person, by their user id, may know of comparisons of the log."""
        with self._database.get_connection() as connection:
            return checks_for(connection, person)

    def contradictions(self) -> list[Check]:
        """Return what shows that the log's key has signed another log: for those who watch over the whole tenant."""
        with self._database.get_connection() as connection:
            return contradictions(connection)

    def request_log_check(self, person: str) -> None:
        """Request a comparison of the log with the heads that were signed here, of which there is one at a time."""
        with self._database.get_connection() as connection:
            request_log_check(connection, person)

    def request_kept_check(self, kept: str, person: str, turn: str) -> bool:
        """Request a comparison of the log with a checkpoint that a person has from elsewhere.

        turn: whose turn it uses up. False when too many wait. Raises ProofError, MalformedError for what the log's key
        did not sign.
        """
        with self._database.get_connection() as connection:
            return request_kept_check(connection, kept, person, turn)

    def public_keys(self) -> list[LogKey]:
        """Return every public key that was published, the oldest first."""
        with self._database.get_connection() as connection:
            return log_keys(connection)

    def tile(self, level: int, path: str) -> bytes:
        """Return the hashes of a tile. Raises NotFoundError."""
        with self._database.get_connection() as connection:
            return tile(connection, level, path)

    def entries(self, path: str) -> bytes:
        """Return a bundle of entries. Raises NotFoundError."""
        with self._database.get_connection() as connection:
            return entry_bundle(connection, path)

    def event(self, position: int, size: int | None = None) -> EventProof:
        """Return the proof of the event at a position.

        size: of a signed head that it is to be for; the latest, when None. Raises NotFoundError; NotProvableError when
        there is no such head, or none that has the event; TileMissingError.
        """
        with self._database.get_connection() as connection, connection.transaction():
            if size is None:
                return prove_position(connection, position)
            head = head_of_size(connection, size)
            if head is None:
                raise NotProvableError(f"No head of {size} events was signed. Use the size of a checkpoint.")
            return prove_position(connection, position, head.note)

    def event_of_account(self, account_id: UUID, position: int) -> EventProof:
        """Return the proof of an event that the audit log of an account has; the rest as for `event`."""
        where = AuditFilter(position=position)
        rows = list_audit_log(self._database, scope_id=account_id, where=where, page=PageRequest(1)).items
        if not rows:
            raise NotFoundError
        return self.event(position)

    def prefix(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the first `new` events begin with the first `old` ones.

        Raises NotProvableError, TileMissingError.
        """
        with self._database.get_connection() as connection, connection.transaction():
            return prove_prefix(connection, old, new)
