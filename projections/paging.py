"""Lists in pages. A page begins after the last row of the one before, not at a number of rows.

So nobody misses a row or sees one twice because others were added meanwhile, and the hundredth page costs what the
first does. Every query of a list goes through `Listing`, which is the place to set what the database may show.
"""

from __future__ import annotations

import base64
import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from psycopg import sql
from psycopg.rows import kwargs_row

from domain.limits import NAME_CHARS_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from _typeshed import DataclassInstance

    from projections.read_model import Pool
    from projections.stream_table import StreamTable

R = TypeVar("R", bound="DataclassInstance")

CURSOR_CHARS_MAX = 2_000
"""The longest name with the longest encoding takes some 1,700."""


class BadCursorError(Exception):
    """A cursor that this list did not give out."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """limit: rows at most, 1 to PAGE_ITEMS_MAX. cursor: `next_cursor` of the page before, None for the first."""

    limit: int = PAGE_ITEMS_DEFAULT
    cursor: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= PAGE_ITEMS_MAX:
            raise ValueError(f"limit must be from 1 to {PAGE_ITEMS_MAX}")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Rows, and the cursor of the next page; None after the last row."""

    items: tuple[R, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Listing(Generic[R]):
    """A list of a table's rows. order: the columns that order it, with their types; together they are unique."""

    name: str
    source: StreamTable[R]
    order: Mapping[str, type]

    def page(self, pool: Pool, conditions: Mapping[str, object], request: PageRequest) -> Page[R]:
        """Return one page of the rows that meet all conditions: SQL with one %s each, to its value.

        Raises BadCursorError.
        """
        clauses: list[sql.Composable] = [sql.SQL(condition) for condition in conditions]
        values = list(conditions.values())
        if request.cursor is not None:
            after = self._after(request.cursor)
            clauses.append(sql.SQL("({}) > ({})").format(self._order, sql.SQL(", ").join([sql.SQL("%s")] * len(after))))
            values += after
        # One row more than asked for tells whether there is a next page.
        rows = self._select(pool, clauses, values, request.limit + 1)
        items = tuple(rows[: request.limit])
        return Page(items, self._cursor(items[-1]) if len(rows) > request.limit else None)

    def all(self, pool: Pool, conditions: Mapping[str, object]) -> tuple[R, ...]:
        """Return all rows that meet the conditions; for what is bounded by its nature."""
        return tuple(self._select(pool, [sql.SQL(condition) for condition in conditions], conditions.values(), None))

    def _select(
        self, pool: Pool, clauses: Sequence[sql.Composable], values: Iterable[object], limit: int | None
    ) -> list[R]:
        query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT %s").format(
            self.source.columns, self.source.table, sql.SQL(" AND ").join(clauses), self._order
        )
        with pool.get_connection() as lent, lent.cursor(row_factory=kwargs_row(self.source.make_row)) as cursor:
            return cursor.execute(query, (*values, limit)).fetchall()

    @property
    def _order(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.order))

    def _cursor(self, row: R) -> str:
        keys = [self.name, *(str(getattr(row, column)) for column in self.order)]
        return base64.urlsafe_b64encode(json.dumps(keys, ensure_ascii=False).encode()).rstrip(b"=").decode()

    def _after(self, cursor: str) -> list[object]:
        try:
            keys = _read(cursor)
            if len(keys) != 1 + len(self.order) or keys[0] != self.name:
                raise BadCursorError
            return [kind(key) for kind, key in zip(self.order.values(), keys[1:], strict=True)]
        except (ValueError, RecursionError) as error:
            raise BadCursorError from error


def _read(cursor: str) -> list[str]:
    if len(cursor) > CURSOR_CHARS_MAX:
        raise BadCursorError
    text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    keys: Any = json.loads(text)
    if not isinstance(keys, list) or not all(isinstance(key, str) and _is_storable(key) for key in keys):
        raise BadCursorError
    return keys


def _is_storable(text: str) -> bool:
    # PostgreSQL takes neither NUL nor half a surrogate pair, which JSON can spell.
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def sort_name(name: str) -> str:
    """Return what a name is ordered by: without case and accents, the same on every server whatever its locale.

    Cut to a length that an index takes: a name that is too long for it must not stop the projector.
    """
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))[:NAME_CHARS_MAX]
