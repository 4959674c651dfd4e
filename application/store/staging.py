"""Where the states of large events wait for their append: sent and compressed before anybody is kept waiting for them.

See migrations/0001_log.sql. What is staged is no part of the log until an append takes it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.ids import random_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from application.store.database import Database

_TOKEN: Final = b"\0staged:"
"""The first bytes of a token: no event begins with them, as it is a JSON object."""
LEFT_OVER_HOURS: Final = 1
"""Age of a staged state that nobody can be about to append any more: its process has died."""
COPY_SECONDS_PER_BYTE: Final = 5e-9
"""Time that an append holds its lock to copy a byte as it is kept, compressed. 9 MB of usual details are 1 to 6 MB
then, so 5 to 30 ms."""
COMPRESS_SECONDS_PER_BYTE: Final = 43e-9
"""The same for what can't be compressed, which PostgreSQL then tries again: 0.4 s for 9 MB of random digits."""
_COPY: Final = "COPY rpawatch.staged_states (id, state) FROM STDIN (FORMAT BINARY)"
_DELETE_LEFT_OVER: Final = "DELETE FROM rpawatch.staged_states WHERE staged_at < now() - make_interval(hours => %s)"
_KEPT: Final = (
    "SELECT pg_column_size(state) AS size, pg_column_compression(state) IS NOT NULL AS is_compressed"
    " FROM rpawatch.staged_states WHERE id = %s"
)
_DELETE: Final = "DELETE FROM rpawatch.staged_states WHERE id = %s"
# The binary format of COPY: a signature, flags and the length of an extension; the number of fields, each with its
# length before it; -1 at the end.
_BEGIN: Final = struct.Struct("!11sii hi16s i")
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_END: Final = struct.pack("!h", -1)


def token_of(id_: UUID) -> bytes:
    """Return the bytes that stand for a staged state in an append."""
    return _TOKEN + id_.bytes


@dataclass(frozen=True, slots=True)
class StagedState:
    """A state that waits in the store to be appended.

    id: what stands for the state in an append.
    lock_seconds: about how long that keeps all other writers out.
    """

    id: UUID
    lock_seconds: float


class StagedStates:
    """The states that wait in this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, size_bytes: int, pieces: Iterable[bytes]) -> StagedState:
        """Stage a state that arrives in pieces.

        Only one piece of it is in memory. Raises StoreUnavailableError, and what `pieces` raises.
        """
        id_ = random_id()
        with self._database.transaction() as cursor:
            cursor.execute(_DELETE_LEFT_OVER, (LEFT_OVER_HOURS,))
            with cursor.copy(_COPY) as copy:
                copy.write(_BEGIN.pack(_SIGNATURE, 0, 0, 2, 16, id_.bytes, size_bytes))
                for piece in pieces:
                    copy.write(piece)
                copy.write(_END)
            row = cursor.execute(_KEPT, (id_,)).fetchone()
        if row is None:
            raise RuntimeError("what was staged is there")
        per_byte = COPY_SECONDS_PER_BYTE if row["is_compressed"] else COMPRESS_SECONDS_PER_BYTE
        return StagedState(id_, row["size"] * per_byte)

    def remove(self, id_: UUID) -> None:
        """Remove what no append has taken. Raises StoreUnavailableError."""
        with self._database.get_connection() as connection:
            connection.execute(_DELETE, (id_,))
