"""The details of jobs: a hundred of them in a row, so that a job of 50,000 is 500 rows and a page reads one or two."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

import orjson
from psycopg import sql
from psycopg.rows import tuple_row

from domain.job import Job
from domain.report import DetailStatus
from projections.event_table import EventTable
from projections.fence import reading
from projections.paging import Column, Order, Page, PagedQuery, number
from projections.versions import versioned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from domain.report import Detail
    from projections.paging import PageRequest
    from projections.read_model import Pool
    from projections.table import Int16, Int32

CHUNK_DETAILS_MAX = 100
CHUNK_BYTES_MAX = 64 * 1024
"""A row is full at this size too, so that a page of long texts does not read many that it does not show."""


@dataclass
class DetailsRow:
    """Some details of a job, in the order of their numbers.

    position: the job's (job_list.py).
    last_no: the number of the last one.
    success, failed, skipped: how many there are of each status.
    details: a JSON array as text.
    """

    account_id: UUID
    position: int
    last_no: Int32
    success: Int16
    failed: Int16
    skipped: Int16
    details: str


def _reported(event: Job.Reported, position: int) -> Iterator[DetailsRow]:
    details = sorted(event.details or (), key=itemgetter("sequence_no"))
    for start in range(0, len(details), CHUNK_DETAILS_MAX):
        yield from _rows(event.account_id, position, details[start : start + CHUNK_DETAILS_MAX])


def _rows(account_id: UUID, position: int, details: list[Detail]) -> Iterator[DetailsRow]:
    text = orjson.dumps(details)
    if len(text) > CHUNK_BYTES_MAX and len(details) > 1:
        middle = len(details) // 2
        yield from _rows(account_id, position, details[:middle])
        yield from _rows(account_id, position, details[middle:])
        return
    statuses = [detail["status"] for detail in details]
    yield DetailsRow(
        account_id=account_id,
        position=position,
        last_no=details[-1]["sequence_no"],
        success=statuses.count("success"),  # type: ignore[arg-type] # it is a text too
        failed=statuses.count("failed"),  # type: ignore[arg-type] # as above
        skipped=statuses.count("skipped"),  # type: ignore[arg-type] # as above
        details=text.decode(),
    )


JOB_DETAILS = EventTable(
    name=versioned("job_details"),
    row=DetailsRow,
    key=["account_id", "position", "last_no"],
    makers={Job.Reported.TOPIC: _reported},
)


@dataclass(frozen=True, slots=True)
class _Place:
    sequence_no: int


_BY_NUMBER = PagedQuery("job details", JOB_DETAILS, {"sequence_no": Order([Column("sequence_no", number)])})
_BEFORE_ALL = -1

# `before`: how many details that are asked for stand in the chunks between the cursor and this one. Chunks with none
# are left out, so a page never needs more chunks than it has details.
_CHUNKS = """
SELECT details FROM (
    SELECT last_no, details, sum({count}) OVER (ORDER BY last_no) - {count} AS before
    FROM {table} WHERE account_id = %s AND position = %s AND last_no > %s AND {count} > 0
) AS chunks WHERE before < %s ORDER BY last_no
"""


def _count_of(statuses: frozenset[str] | None) -> str:
    """Return the SQL of how many details of a chunk have one of these. Raises ValueError for one that there is not."""
    wanted = tuple(DetailStatus) if statuses is None else sorted(map(DetailStatus, statuses))
    return f"({' + '.join(wanted)})"


def list_details(
    pool: Pool, *, account_id: UUID, position: int, page: PageRequest, statuses: frozenset[str] | None = None
) -> Page[Detail]:
    """Return details of a job by number, as they were sent; `statuses`: only those.

    position: of the job. Raises BadCursorError, ListIncompleteError, ValueError for a status that there is not.
    """
    [after] = _BY_NUMBER.after(page) or [_BEFORE_ALL]
    query = sql.SQL(_CHUNKS).format(table=JOB_DETAILS.table, count=sql.SQL(_count_of(statuses)))
    # Of the first chunk, some may stand before the cursor.
    values = (account_id, position, after, page.limit + 1 + CHUNK_DETAILS_MAX)
    with (
        reading(pool, [account_id], JOB_DETAILS.name) as connection,
        connection.cursor(row_factory=tuple_row) as cursor,
    ):
        chunks = cursor.execute(query, values).fetchall()
    found: list[Detail] = []
    for (details,) in chunks:
        found += [
            detail
            for detail in orjson.loads(details)
            if detail["sequence_no"] > after and (statuses is None or detail["status"] in statuses)
        ]
        if len(found) > page.limit:
            last = _Place(found[page.limit - 1]["sequence_no"])
            return Page(tuple(found[: page.limit]), _BY_NUMBER.cursor(page, last))
    return Page(tuple(found), None)
