"""How far the read models are in the log, and waiting until they have got somewhere.

Each read model has a position of its own, changed in the transaction that changes its table. One that a release adds
starts at the first event, while the others go on from where they are.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.rows import tuple_row

from application.store.log.following import hurry
from application.store.log.reading import LAST_POSITION
from projections.read_model import ReadModelsNotSetUpError
from projections.read_models import READ_MODELS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from application.store.session import Connection
    from projections.read_model import Pool, ReadModel

WAIT_SECONDS_MAX = 2.0
_POLL_SECONDS_FIRST = 0.002
_POLL_SECONDS_MAX = 0.02

# One statement, so that one snapshot: no position is then beyond the end of the log that comes with it.
_PROGRESS = f"""
SELECT name, position, is_complete, {LAST_POSITION}
FROM rpawatch_lists.positions WHERE name = ANY(%s::text[])
"""  # noqa: S608 - a constant
_MOVE = "UPDATE rpawatch_lists.positions SET position = %s WHERE name = ANY(%s::text[]) AND position = %s"
_COMPLETE = "UPDATE rpawatch_lists.positions SET is_complete = true WHERE name = ANY(%s::text[])"
_POSITIONS = """
SELECT min(position) FILTER (WHERE is_complete OR NOT any_complete), count(*)
FROM (
    SELECT position, is_complete, bool_or(is_complete) OVER () AS any_complete
    FROM rpawatch_lists.positions WHERE name = ANY(%s::text[])
) AS found
"""


class PositionMovedError(Exception):
    """Somebody else has changed the position of a read model meanwhile."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the read models are in the log.

    positions: how far each read model is, by name.
    log_position: the last event of the log, 0 when it is empty.
    incomplete: those that have never shown the whole log yet.
    """

    positions: Mapping[str, int]
    log_position: int
    incomplete: frozenset[str] = frozenset()

    @property
    def position(self) -> int:
        """Up to where the lists that can be read show the log; up to where all do when none can be read yet."""
        readable = [position for name, position in self.positions.items() if name not in self.incomplete]
        return min(readable or self.positions.values())


def read_progress(connection: Connection, models: Sequence[ReadModel]) -> Progress:
    """Return how far these read models are, and the log. Raises ReadModelsNotSetUpError."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_PROGRESS, ([model.name for model in models],)).fetchall()
    if len(rows) != len(models):
        raise ReadModelsNotSetUpError
    incomplete = frozenset(name for name, _, is_complete, _ in rows if not is_complete)
    return Progress({name: position for name, position, _, _ in rows}, rows[0][3], incomplete)


def move(connection: Connection, models: Sequence[ReadModel], *, before: int, after: int) -> None:
    """Note that these read models, which were at one position, are at another. Raises PositionMovedError."""
    moved = connection.execute(_MOVE, (after, [model.name for model in models], before)).rowcount
    if moved != len(models):
        raise PositionMovedError(f"a read model was expected at position {before} and is elsewhere")


def record_complete(connection: Connection, names: Collection[str]) -> None:
    """Note that these read models have come to the end of the log: from now on lists are read from them."""
    connection.execute(_COMPLETE, (list(names),))


def position(pool: Pool, models: Sequence[ReadModel] = READ_MODELS) -> int:
    """Return the position up to which these read models show the log; 0 when one is not set up.

    One that is still being made for the first time is left out, since nobody reads it yet.
    """
    with pool.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_POSITIONS, ([model.name for model in models],)).fetchone()
    return row[0] if row and row[1] == len(models) else 0


def wait_for(
    pool: Pool, position_min: int, seconds_max: float = WAIT_SECONDS_MAX, models: Sequence[ReadModel] = READ_MODELS
) -> bool:
    """Wait until these read models show the log up to a position, and return whether they do: read your own writes.

    A connection is borrowed for each look only, so that those who wait take none from those who work.
    """
    deadline = time.monotonic() + seconds_max
    pause = _POLL_SECONDS_FIRST
    timer = threading.Event()
    has_asked = False
    while position_min > 0 and position(pool, models) < position_min:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if not has_asked:
            has_asked = True
            with pool.get_connection() as connection:
                hurry(connection)
        timer.wait(min(pause, left))
        pause = min(2 * pause, _POLL_SECONDS_MAX)
    return True
