"""Lists in pages. A page begins after the last row of the one before, not at a number of rows.

So nobody misses a row or sees one twice because others were added meanwhile, and the hundredth page costs what the
first does. Every query of a list goes through `PagedQuery`, which is the place to set what the database may show.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from psycopg import sql
from psycopg.rows import kwargs_row, scalar_row

from domain.limits import NAME_CHARS_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX
from projections.fence import reading
from projections.table import R
from projections.words import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from uuid import UUID

    from projections.read_model import Pool
    from projections.table import Table

T = TypeVar("T")

CURSOR_CHARS_MAX = 2_000
"""The longest name with the longest encoding takes some 1,700."""


class BadCursorError(Exception):
    """A cursor that this list did not give out."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list is asked for.

    limit: rows at most, 1 to PAGE_ITEMS_MAX.
    cursor: `next_cursor` of the page before, None for the first.
    sort: one of the list's orders, None for its first.
    """

    limit: int = PAGE_ITEMS_DEFAULT
    cursor: str | None = None
    sort: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= PAGE_ITEMS_MAX:
            raise ValueError(f"limit must be from 1 to {PAGE_ITEMS_MAX}")


class Page(NamedTuple, Generic[T]):
    """Rows, and the cursor of the next page; None after the last row."""

    items: tuple[T, ...]
    next_cursor: str | None


def all_items(page: Callable[[PageRequest], Page[T]], sort: str | None = None) -> Iterator[T]:
    """Yield the items of all pages. page: returns the one that is asked for."""
    cursor = None
    while True:
        items, cursor = page(PageRequest(PAGE_ITEMS_MAX, cursor, sort))
        yield from items
        if cursor is None:
            return


def first_items(page: Callable[[PageRequest], Page[T]], limit: int) -> Page[T]:
    """Return up to `limit` items from the first page on, however many pages that takes, and where there are more.

    page: returns the one that is asked for.
    """
    found: list[T] = []
    cursor = None
    while len(found) < limit:
        items, cursor = page(PageRequest(min(PAGE_ITEMS_MAX, limit - len(found)), cursor))
        found += items
        if cursor is None:
            break
    return Page(tuple(found), cursor)


def moment(text: str) -> datetime:
    """Return the time in a cursor. Raises ValueError."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def number(text: str) -> int:
    """Return the whole number in a cursor. Raises ValueError, also for one that no column holds."""
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise ValueError(text)
    return value


@dataclass(frozen=True, slots=True)
class Column:
    """A column that orders a list, without nulls. parse: reads a value from a cursor; raises ValueError."""

    name: str
    parse: Callable[[str], object] = str

    @property
    def expression(self) -> sql.Composable:
        """What PostgreSQL orders by."""
        return sql.Identifier(self.name)

    def text(self, row: object) -> str:
        """Return the value of a row as it stands in a cursor."""
        return str(getattr(row, self.name))


@dataclass(frozen=True, slots=True)
class Order:
    """The columns that a list is ordered by, all of them up or all of them down; together they are unique."""

    columns: Sequence[Column]
    descending: bool = False

    @property
    def by(self) -> sql.Composed:
        """What comes after ORDER BY."""
        direction = sql.SQL(" DESC" if self.descending else "")
        return sql.SQL(", ").join(column.expression + direction for column in self.columns)

    @property
    def later(self) -> sql.Composed:
        """The condition for what comes after a row, with a %s for each of its columns."""
        return sql.SQL("({}) {} ({})").format(
            sql.SQL(", ").join(column.expression for column in self.columns),
            sql.SQL("<" if self.descending else ">"),
            sql.SQL(", ").join([sql.SQL("%s")] * len(self.columns)),
        )


@dataclass(frozen=True)
class PagedQuery(Generic[R]):
    """A query for the rows of a table, page by page.

    orders: by name; the first is what is taken where none is asked for.
    also: the names of further read models that a condition looks at.
    covered: the indexes hold all that rows are picked by. Then they are picked in an index alone, and only those of the
    page are read: half the time where many are passed over.
    """

    name: str
    source: Table[R]
    orders: Mapping[str, Order]
    also: Sequence[str] = ()
    covered: bool = False

    def page(
        self, pool: Pool, scope: Collection[UUID], conditions: Mapping[str, object], request: PageRequest
    ) -> Page[R]:
        """Return one page of the rows that meet all conditions: SQL to the value of its %s, or a tuple of several.

        scope: the accounts (or tenants) whose rows may be read. Raises BadCursorError, ListIncompleteError, KeyError
        for an order that there is not.
        """
        clauses, values = self.clauses(conditions, request)
        query = self.query(clauses, self.order(request))
        return self.cut(self.select(pool, scope, query, [*values, request.limit + 1]), request)

    def order(self, request: PageRequest) -> Order:
        """Return the order that is asked for. Raises KeyError for one that there is not."""
        return self.orders[self._sort(request)]

    def clauses(
        self, conditions: Mapping[str, object], request: PageRequest
    ) -> tuple[list[sql.Composable], list[object]]:
        """Return what the rows of a page meet, and the values of it: the conditions, and that they come after a cursor.

        Raises BadCursorError.
        """
        clauses: list[sql.Composable] = [sql.SQL(condition) for condition in conditions]
        after = self.after(request)
        if after is not None:
            clauses.append(self.order(request).later)
        return clauses, [*_values(conditions), *(after or ())]

    def cut(self, rows: Sequence[R], request: PageRequest) -> Page[R]:
        """Return the page of these rows, of which there is one more than asked for where there is a next page."""
        items = tuple(rows[: request.limit])
        return Page(items, self.cursor(request, items[-1]) if len(rows) > request.limit else None)

    def all(self, pool: Pool, scope: Collection[UUID], conditions: Mapping[str, object]) -> tuple[R, ...]:
        """Return all rows that meet the conditions; for what is bounded by its nature."""
        order = next(iter(self.orders.values()))
        query = self.query([sql.SQL(condition) for condition in conditions], order)
        return tuple(self.select(pool, scope, query, [*_values(conditions), None]))

    def count(self, pool: Pool, scope: Collection[UUID], conditions: Mapping[str, object], most: int) -> int:
        """Return how many rows meet the conditions, or `most` when there are as many or more: no more are looked at."""
        query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} AS listed WHERE {} LIMIT %s) AS found").format(
            self.source.table, sql.SQL(" AND ").join(map(sql.SQL, conditions))
        )
        with (
            reading(pool, scope, self.source.name, *self.also) as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            found: list[int] = cursor.execute(query, [*_values(conditions), most], prepare=False).fetchall()
        return found[0]

    def query(self, clauses: Sequence[sql.Composable], order: Order) -> sql.Composed:
        """Return the query of a page; the values of the clauses come first, then how many rows at most."""
        key = sql.SQL(", ").join(map(sql.Identifier, self.source.key))
        picked = sql.SQL("SELECT {} FROM {} AS listed WHERE {} ORDER BY {} LIMIT %s").format(
            key if self.covered else self.source.columns,
            self.source.table,
            sql.SQL(" AND ").join(clauses),
            order.by,
        )
        if not self.covered:
            return picked
        return sql.SQL("SELECT {} FROM {} AS listed WHERE ({}) IN ({}) ORDER BY {}").format(
            self.source.columns, self.source.table, key, picked, order.by
        )

    def select(self, pool: Pool, scope: Collection[UUID], query: sql.Composed, values: Sequence[object]) -> list[R]:
        """Return the rows that a query finds, in a transaction that may read the list."""
        with (
            reading(pool, scope, self.source.name, *self.also) as connection,
            connection.cursor(row_factory=kwargs_row(self.source.make_row)) as cursor,
        ):
            # Planned for these values: a plan for any would walk through a whole account in search of what is rare.
            return cursor.execute(query, values, prepare=False).fetchall()

    def cursor(self, request: PageRequest, row: object) -> str:
        """Return the cursor of what comes after a row, or after what has the same attributes to be ordered by."""
        keys = [self.name, self._sort(request), *(column.text(row) for column in self.order(request).columns)]
        return base64.urlsafe_b64encode(json.dumps(keys, ensure_ascii=False).encode()).rstrip(b"=").decode()

    def _sort(self, request: PageRequest) -> str:
        return next(iter(self.orders)) if request.sort is None else request.sort

    def after(self, request: PageRequest) -> list[object] | None:
        """Return what the page comes after, column by column of the order; None at the start. Raises BadCursorError."""
        if request.cursor is None:
            return None
        columns = self.order(request).columns
        try:
            keys = _read(request.cursor)
            if len(keys) != 2 + len(columns) or keys[:2] != [self.name, self._sort(request)]:
                raise BadCursorError
            return [column.parse(key) for column, key in zip(columns, keys[2:], strict=True)]
        except (ValueError, RecursionError) as error:
            raise BadCursorError from error


def any_of(column: str, values: Collection[object] | None) -> dict[str, object]:
    """Return the condition of a list that a column has one of these values; none where `values` is None."""
    if values is None:
        return {}
    # One by one is what indexes are in the order of.
    return {f"{column} = %s": next(iter(values))} if len(values) == 1 else {f"{column} = ANY(%s)": list(values)}


def _values(conditions: Mapping[str, object]) -> list[object]:
    values: list[object] = []
    for value in conditions.values():
        values += value if isinstance(value, tuple) else [value]
    return values


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
    return plain(name)[:NAME_CHARS_MAX]
