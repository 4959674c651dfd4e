"""Finding the jobs that hold every word of a search, newest first, in about the same time whatever the words.

How common a word is nobody knows beforehand, and the index of terms (job_terms.py) knows no order: to sort what it
finds of a common word takes as long as there are jobs. So there are three steps, each of bounded work, and the next one
only where the page is not full yet:

1. The next jobs of the account, whatever they hold, are looked at: enough for a word of one job in a hundred.
2. The index is asked for all jobs that hold the words. Where they are few, that's all there is.
3. Else day by day, by the index: a common word need not go far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql
from psycopg.rows import kwargs_row, tuple_row

from projections.fence import reading
from projections.jobs.listing import BY_TIME, HEADS
from projections.jobs.terms import JOB_TERMS, day_of, day_term, filter_term, word_term
from projections.paging import Page
from projections.words import words_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from application.store.session import Connection
    from projections.jobs.listing import JobFilter, JobHead
    from projections.paging import PageRequest
    from projections.read_model import Pool

LOOKED_AT_MAX = 6_000
"""Jobs of the first step: 10 ms when it is in vain, one for a word that every job holds."""
FEW_MAX = 1_000
"""Jobs of the second step: to fetch them takes 2 ms, when they are far apart."""

# OFFSET 0 keeps PostgreSQL from turning it round: to begin with all that hold the words.
_AMONG_NEXT = """
WITH next AS MATERIALIZED (
    SELECT received_at, position FROM {jobs} WHERE account_id = %(account)s AND {between}
    ORDER BY {by} LIMIT %(looked_at_max)s
)
SELECT next.received_at, next.position FROM next, LATERAL (
    SELECT FROM {terms} AS held WHERE held.position = next.position AND {holds} OFFSET 0
) AS looked_at
ORDER BY {by} LIMIT %(rows_max)s
"""
_OF_FEW = """
WITH few AS MATERIALIZED (SELECT received_at, position FROM {terms} WHERE {holds} LIMIT %(few_max)s + 1)
SELECT received_at, position FROM few WHERE {between} AND (SELECT count(*) FROM few) <= %(few_max)s
UNION ALL SELECT NULL, NULL FROM few HAVING count(*) > %(few_max)s
ORDER BY {by} LIMIT %(rows_max)s
"""
_SPAN = "SELECT min(received_at), max(received_at) FROM {jobs} WHERE account_id = %(account)s AND {between}"
# What is LATERAL is done for one day after the other, in the order of the array, and not beyond the LIMIT.
_DAY_BY_DAY = """
SELECT page.received_at, page.position FROM unnest(%(days)s::bigint[]) AS days (term), LATERAL (
    SELECT received_at, position FROM {terms} WHERE terms @> ARRAY[days.term] AND {holds} AND {between}
    ORDER BY {by} LIMIT %(rows_max)s
) AS page LIMIT %(rows_max)s
"""
_JOBS = """
SELECT {columns} FROM unnest(%(times)s::timestamptz[], %(positions)s::bigint[]) AS found (at, place)
JOIN {jobs} AS listed ON account_id = %(account)s AND received_at = at AND position = place ORDER BY {by}
"""


class _Found(NamedTuple):
    received_at: datetime
    position: int


def search_jobs(pool: Pool, *, account_id: UUID, query: str, wanted: JobFilter, page: PageRequest) -> Page[JobHead]:
    """Return jobs of an account that hold every word of `query`, by the time of receipt.

    Raises BadCursorError, ListIncompleteError, ValueError for a query without a word.
    """
    words = words_of(query)
    if not words:
        raise ValueError("no word to search for")
    values: dict[str, Any] = {
        "account": account_id,
        "rows_max": page.limit + 1,
        "looked_at_max": LOOKED_AT_MAX,
        "few_max": FEW_MAX,
        "terms": [word_term(account_id, word) for word in words],
    }
    holds = "terms @> %(terms)s::bigint[]"
    for name, wished in {"status": wanted.statuses, "process": wanted.processes, "key": wanted.key_ids}.items():
        if wished is not None and len(wished) == 1:
            values["terms"] += [filter_term(account_id, name, one) for one in wished]
        elif wished is not None:
            holds += f" AND terms && %({name})s::bigint[]"
            values[name] = [filter_term(account_id, name, one) for one in wished]
    between, bounds = _between(wanted, page)
    parts = {
        "jobs": HEADS.table,
        "terms": JOB_TERMS.table,
        "columns": HEADS.columns,
        "by": BY_TIME.order(page).by,
        "holds": sql.SQL(holds),
        "between": sql.SQL(between),
    }
    if wanted.processes is not None and not wanted.processes:
        return Page((), None)
    with reading(pool, [account_id], HEADS.name, JOB_TERMS.name) as connection:
        return _Search(connection, parts, values | bounds).page(account_id, page)


def _between(wanted: JobFilter, page: PageRequest) -> tuple[str, dict[str, object]]:
    """Return the condition on the time of receipt, with its values."""
    conditions = ["true"]
    values: dict[str, object] = {"since": wanted.since, "until": wanted.until}
    if wanted.since is not None:
        conditions.append("received_at >= %(since)s")
    if wanted.until is not None:
        conditions.append("received_at < %(until)s")
    after = BY_TIME.after(page)
    if after is not None:
        sign = "<" if BY_TIME.order(page).descending else ">"
        conditions.append(f"(received_at, position) {sign} (%(after_time)s, %(after_position)s)")
        values |= dict(zip(("after_time", "after_position"), after, strict=True))
    return " AND ".join(conditions), values


class _Search:
    """The three steps, in one transaction."""

    def __init__(self, connection: Connection, parts: dict[str, sql.Composable], values: dict[str, Any]) -> None:
        self._connection = connection
        self._parts = parts
        self._values = values

    def page(self, account_id: UUID, page: PageRequest) -> Page[JobHead]:
        """Return the page that is asked for."""
        found = self._find(account_id, descending=BY_TIME.order(page).descending)
        shown = found[: page.limit]
        self._values |= {"times": [one.received_at for one in shown], "positions": [one.position for one in shown]}
        with self._connection.cursor(row_factory=kwargs_row(HEADS.make_row)) as cursor:
            items = tuple(cursor.execute(self._composed(_JOBS), self._values).fetchall())
        return Page(items, BY_TIME.cursor(page, shown[-1]) if len(found) > page.limit else None)

    def _find(self, account_id: UUID, *, descending: bool) -> list[_Found]:
        found = self._rows(_AMONG_NEXT)
        if len(found) < self._values["rows_max"]:
            found = self._rows(_OF_FEW)
            if (None, None) in found:
                self._values["days"] = self._days(account_id, descending=descending)
                found = self._rows(_DAY_BY_DAY)
        return [_Found(*row) for row in found]

    def _days(self, account_id: UUID, *, descending: bool) -> list[int]:
        [(first, last)] = self._rows(_SPAN)
        if first is None:
            return []
        days = [day_term(account_id, day) for day in range(day_of(first), day_of(last) + 1)]
        return days[::-1] if descending else days

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(self._composed(query), self._values).fetchall()

    def _composed(self, query: str) -> sql.Composed:
        return sql.SQL(query).format(**self._parts)
