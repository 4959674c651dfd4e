"""The signed heads of the tree, and the public keys that they are signed with, as the database has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg.rows import args_row, tuple_row

from domain.proof.checkpoint import Checkpoint, origin_of
from domain.proof.note import parse_vkey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from application.store.session import Connection
    from domain.proof.note import Signer, Verifier

_COLUMNS: Final = "size, signed_at, note FROM rpawatch.checkpoints"
_LATEST = f"SELECT {_COLUMNS} ORDER BY number DESC LIMIT 1"
_OF_SIZE = f"SELECT {_COLUMNS} WHERE size = %s ORDER BY number DESC LIMIT 1"
_UP_TO = f"SELECT {_COLUMNS} WHERE size > %s AND size <= %s ORDER BY size, number LIMIT %s"
_ADD = "INSERT INTO rpawatch.checkpoints (size, note) VALUES (%s, %s)"
_KEYS = "SELECT vkey, published_at, retired_at FROM rpawatch.log_keys ORDER BY published_at, vkey"
_PUBLISH = "INSERT INTO rpawatch.log_keys (vkey) VALUES (%s)"
_PUBLISH_FIRST = """
INSERT INTO rpawatch.log_keys (vkey) SELECT %s WHERE NOT EXISTS (SELECT FROM rpawatch.log_keys) ON CONFLICT DO NOTHING
"""
_IN_USE = "SELECT vkey FROM rpawatch.log_keys WHERE retired_at IS NULL"
_RETIRE = "UPDATE rpawatch.log_keys SET retired_at = now() WHERE retired_at IS NULL"
_AGE = "SELECT extract(epoch FROM clock_timestamp() - max(signed_at))::float8 FROM rpawatch.checkpoints"
_TENANT = "SELECT tenant_id FROM rpawatch.installation"


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head.

    size: how many events the tree had.
    note: the checkpoint with its signatures.
    """

    size: int
    signed_at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class LogKey:
    """A public key of the log. retired_at: when another took its place; None for the one in use."""

    vkey: str
    published_at: datetime
    retired_at: datetime | None

    @property
    def verifier(self) -> Verifier:
        """What checks its signatures. Raises MalformedError for one that somebody has spoilt."""
        return parse_vkey(self.vkey)


def latest_head(connection: Connection) -> Head | None:
    """Return the head that was signed last."""
    with connection.cursor(row_factory=args_row(Head)) as cursor:
        return cursor.execute(_LATEST).fetchone()


def seconds_since_signed(connection: Connection) -> float | None:
    """Return how long ago a head was signed last; None when none ever was."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_AGE).fetchone()
    return row[0] if row else None


def head_of_size(connection: Connection, size: int) -> Head | None:
    """Return the head of a tree of this size, if one was signed."""
    with connection.cursor(row_factory=args_row(Head)) as cursor:
        return cursor.execute(_OF_SIZE, (size,)).fetchone()


def heads_between(connection: Connection, after: int, until: int, limit: int) -> list[Head]:
    """Return heads of trees with more than `after` and at most `until` events, the smallest first."""
    with connection.cursor(row_factory=args_row(Head)) as cursor:
        return cursor.execute(_UP_TO, (after, until, limit)).fetchall()


def add_head(connection: Connection, checkpoint: Checkpoint, signers: Sequence[Signer]) -> str:
    """Sign a head, keep it, and return the note."""
    note = checkpoint.signed(signers)
    connection.execute(_ADD, (checkpoint.size, note))
    return note


def log_keys(connection: Connection) -> list[LogKey]:
    """Return every key that was ever published, the oldest first."""
    with connection.cursor(row_factory=args_row(LogKey)) as cursor:
        return cursor.execute(_KEYS).fetchall()


def publish_key(connection: Connection, verifier: Verifier) -> None:
    """Make a key the one in use; the one before it, if any, is retired and stays published."""
    with connection.transaction():
        connection.execute(_RETIRE)
        connection.execute(_PUBLISH, (verifier.vkey,))


def publish_first_key(connection: Connection, verifier: Verifier) -> str:
    """Make a key the one in use if there never was another, and return the one that is; empty for none."""
    connection.execute(_PUBLISH_FIRST, (verifier.vkey,))
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_IN_USE).fetchone()
    return row[0] if row else ""


def origin(connection: Connection) -> str | None:
    """Return the name of this installation's log; None before the first start has set it up."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_TENANT).fetchone()
    return origin_of(row[0]) if row else None
