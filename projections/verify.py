"""Compares what read models show with what the log makes of them, row by row, while the service goes on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from psycopg import sql
from psycopg.rows import tuple_row

from projections.read_model import SCHEMA
from projections.rebuild import CHECKED, ShadowRebuild
from projections.tracking import read_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from application.store.log.reading import ReportProgress
    from application.store.session import Connection
    from projections.read_model import Connect, Decode, ReadModel

    ReportRow: TypeAlias = Callable[[ReadModel], None]
    Row: TypeAlias = tuple[tuple[Any, ...], str]

ROWS_AT_ONCE = 2_000
DIFFERENCES_MAX = 1_000
"""Most differences that are looked for; further ones say nothing new."""

Kind: TypeAlias = Literal["missing", "unexpected", "different"]
"""missing: the log has it and the list has not. unexpected: the list has it and the log has not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the log makes of it. key: its primary key."""

    name: str
    key: tuple[object, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class RowComparison:
    """What a comparison found: how many rows were compared, and the differences."""

    rows: int
    differences: tuple[Difference, ...]


def verify(
    connect: Connect, models: Sequence[ReadModel], decode: Decode, report: ReportProgress, report_row: ReportRow
) -> RowComparison:
    """Make read models anew up to where those that serve are, and compare them; what serves is not touched.

    report_row: takes each row's read model. Stops at DIFFERENCES_MAX. Raises EventNotHandledError, AlreadyRunningError,
    ReadModelsNotSetUpError, psycopg.Error.
    """
    rows, differences = 0, list[Difference]()
    with closing(connect()) as served:
        served.autocommit = False
        # One snapshot of what serves: to this connection it stays as it is now, however long this takes.
        served.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        served.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        positions = read_progress(served, models).positions
        for position in sorted(set(positions.values())):
            group = [model for model in models if positions[model.name] == position]
            with ShadowRebuild(connect, group, decode, CHECKED) as shadow_rebuild, closing(connect()) as made:
                shadow_rebuild.advance(report, position)
                made.autocommit = False
                for model, copy in zip(group, shadow_rebuild.shadows, strict=True):
                    for key, kind in _compare(_rows(served, model), _rows(made, copy)):
                        rows += 1
                        report_row(model)
                        if kind is not None:
                            differences.append(Difference(model.name, key, kind))
                        if len(differences) == DIFFERENCES_MAX:
                            return RowComparison(rows, tuple(differences))
                made.rollback()
    return RowComparison(rows, tuple(differences))


def _rows(connection: Connection, model: ReadModel) -> Iterator[Row]:
    """Yield the rows of a table in the order of their keys, each with all of it as text."""
    key = sql.SQL(", ").join(map(sql.Identifier, model.key))
    query = sql.SQL("SELECT {key}, listed::text FROM {table} AS listed ORDER BY {key}").format(
        key=key, table=sql.Identifier(SCHEMA, model.name)
    )
    # Named, so that PostgreSQL keeps the result and hands it out in parts.
    with connection.cursor(f"rows_of_{model.name}", row_factory=tuple_row) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        for *columns, text in cursor.execute(query):
            yield tuple(columns), text


def _compare(served: Iterator[Row], made: Iterator[Row]) -> Iterator[tuple[tuple[Any, ...], Kind | None]]:
    """Yield every key that one of the two has, with what is wrong with it."""
    one, other = next(served, None), next(made, None)
    while one is not None or other is not None:
        if one is not None and (other is None or one[0] < other[0]):
            yield one[0], "unexpected"
            one = next(served, None)
        elif other is not None and (one is None or one[0] > other[0]):
            yield other[0], "missing"
            other = next(made, None)
        elif one is not None and other is not None:
            yield one[0], None if one[1] == other[1] else "different"
            one, other = next(served, None), next(made, None)
