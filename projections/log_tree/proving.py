"""Making proofs: that an event is in the log that was signed, and that one signed log begins another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.store.log.reading import LoggedEvent, read_range, read_stream
from domain.errors import NotFoundError
from domain.proof.checkpoint import parse_checkpoint
from domain.proof.document import EventProof
from domain.proof.merkle import consistency_proof, inclusion_proof
from domain.proof.note import text_of
from projections.log_tree.heads import latest_head
from projections.log_tree.tiles import Tiles

if TYPE_CHECKING:
    from uuid import UUID

    from application.store.session import Connection


class NotProvableError(Exception):
    """There is no proof yet, or none for what was asked. The message says why and can be shown."""


def prove_position(connection: Connection, position: int, checkpoint: str | None = None) -> EventProof:
    """Return the proof of the event at a position of the log.

    checkpoint: the signed note that the proof is to be for, as its text says; without one, the one signed last. Raises
    NotFoundError when the log has no such event, NotProvableError, MalformedError, TileMissingError, psycopg.Error.
    """
    found, _ = read_range(connection, after=position - 1, until=position, limit=1)
    return _prove(connection, found, checkpoint)


def prove_version(connection: Connection, stream: UUID, version: int, checkpoint: str | None = None) -> EventProof:
    """Return the proof of an event, by its place in its stream; the rest as for `prove_position`."""
    found = read_stream(connection, stream, after=version - 1, until=version, limit=1)
    return _prove(connection, found, checkpoint)


def prove_prefix(connection: Connection, old: int, new: int) -> list[bytes]:
    """Return the proof that the log's first `new` events begin with its first `old` ones.

    Raises NotProvableError, TileMissingError, psycopg.Error.
    """
    tiles = Tiles(connection)
    size, _ = tiles.end()
    if not 0 < old <= new <= size:
        raise NotProvableError(f"The tree has {size} events, and a proof was asked for of {old} among {new}.")
    return consistency_proof(old, new, tiles.subtree)


def _prove(connection: Connection, found: list[LoggedEvent], note: str | None) -> EventProof:
    if not found:
        raise NotFoundError
    [event] = found
    if note is None:
        head = latest_head(connection)
        if head is None:
            raise NotProvableError("No head of the log was signed yet. Try again in a minute.")
        note = head.note
    size = parse_checkpoint(text_of(note)).size
    tiles = Tiles(connection)
    index = tiles.index_of(event.position)
    if index is None or index >= size:
        raise NotProvableError(
            f"The event at position {event.position} came after the checkpoint of {size} events. Use a later one: a"
            " head of the log is signed each minute."
        )
    if size > tiles.end()[0]:
        raise NotProvableError(f"The checkpoint has {size} events, which is more than the log has. Was the log cut?")
    return EventProof(*event, index, inclusion_proof(index, size, tiles.subtree), note)
