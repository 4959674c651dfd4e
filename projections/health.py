"""How it goes with the read models, as any process can ask: the projector that works notes it in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.rows import tuple_row

from projections import dead_letters
from projections.tracking import read_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.store.session import Connection
    from projections.read_model import Pool, ReadModel

SILENT_SECONDS_MAX = 5.0
"""A projector that has not looked at the log for so long is not working, whatever it last said."""

_REPORT = """
INSERT INTO rpawatch_lists.projector (looked_at, error) VALUES (clock_timestamp(), %s)
ON CONFLICT (only_row) DO UPDATE SET looked_at = EXCLUDED.looked_at, error = EXCLUDED.error
"""
_READ = "SELECT extract(epoch FROM clock_timestamp() - looked_at)::float8, error FROM rpawatch_lists.projector"


@dataclass(frozen=True, slots=True)
class ProjectionHealth:
    """How the read models are doing.

    position: up to where all lists that can be read show the log.
    log_position: its last event.
    incomplete: read models that are still being made for the first time.
    dead_letters: events that were set aside.
    error: why no projector works, in words for anybody; None when one does.
    """

    position: int
    log_position: int
    incomplete: tuple[str, ...] = ()
    dead_letters: int = 0
    error: str | None = None

    @property
    def lag_events(self) -> int:
        """How many events are not shown yet, at most."""
        return max(0, self.log_position - self.position)


def report(connection: Connection, error: str | None) -> None:
    """Note that the projector has looked at the log just now, or what keeps it from doing so."""
    connection.execute(_REPORT, (error,))


def read_health(pool: Pool, models: Sequence[ReadModel]) -> ProjectionHealth:
    """Return how it goes. Raises ReadModelsNotSetUpError, and what the pool raises."""
    with pool.get_connection() as connection:
        progress = read_progress(connection, models)
        with connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(_READ).fetchone()
        return ProjectionHealth(
            position=progress.position,
            log_position=progress.log_position,
            incomplete=tuple(sorted(progress.incomplete)),
            dead_letters=dead_letters.count(connection, models),
            error=_what_is_wrong(*row) if row else "No projector has looked at the log yet.",
        )


def _what_is_wrong(silent_seconds: float, error: str | None) -> str | None:
    if error is None and silent_seconds > SILENT_SECONDS_MAX:
        return f"No projector has looked at the log for {silent_seconds:.0f} seconds."
    return error
