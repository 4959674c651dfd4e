"""The jobs of an account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import sql
from psycopg.rows import kwargs_row

from domain.ids import process_id
from domain.job import Job
from domain.report import Counts, duration_seconds
from projections.event_table import EventTable
from projections.fence import reading
from projections.paging import Column, Order, PagedQuery, moment, number
from projections.table import Table
from projections.versions import versioned

if TYPE_CHECKING:
    from datetime import datetime

    from projections.paging import Page, PageRequest
    from projections.read_model import Pool
    from projections.table import Bytewise, Int32


@dataclass(kw_only=True)
class JobHead:
    """A job as a list shows it. process_id: the process's stream, which is what members are assigned.

    position: of the report in the log. It stands for the job in the other read models of jobs, where an index of it
    grows at its end only, and it tells jobs apart that were received at the same instant.
    """

    account_id: UUID
    job_id: UUID
    position: int
    process_id: UUID
    flow_id: UUID
    key_id: UUID
    robot_id: str
    status: Bytewise
    started_at: datetime
    finished_at: datetime
    received_at: datetime
    total: Int32
    success: Int32
    failed: Int32
    skipped: Int32
    target: str | None
    source: str | None
    external_id: str | None
    result_summary: str | None
    error_message: str | None
    tags: list[str] | None

    @property
    def duration_seconds(self) -> float:
        """How long it ran."""
        return duration_seconds(self.started_at, self.finished_at)

    @property
    def counts(self) -> Counts:
        """How many records it worked on."""
        return Counts(total=self.total, success=self.success, failed=self.failed, skipped=self.skipped)


@dataclass(kw_only=True)
class JobRow(JobHead):
    """A job whole, but for its details. data: JSON as text, with its numbers as they were sent."""

    data: str | None


# Each index serves newest-first lists of one filter; `status` at its end leaves out others without a look at the table.
# Nine jobs of ten succeed: by time they are found as quickly, so the index of statuses goes without them.
INDEXES = """
CREATE INDEX ON {table} (account_id, received_at, position);
CREATE INDEX ON {table} (account_id, key_id, received_at, position, status);
CREATE INDEX ON {table} (account_id, process_id, received_at, position, status);
CREATE INDEX ON {table} (account_id, status, received_at, position) WHERE status <> 'success';
"""


_key_id = lru_cache(maxsize=10_000)(UUID)


def _reported(event: Job.Reported, position: int) -> tuple[JobRow]:
    counts = event.counts
    return (
        JobRow(
            account_id=event.account_id,
            job_id=event.originator_id,
            position=position,
            process_id=process_id(event.account_id, event.flow_id),
            flow_id=event.flow_id,
            key_id=_key_id(event.actor),
            robot_id=event.robot_id,
            status=event.status,
            started_at=event.started_at,
            finished_at=event.finished_at,
            received_at=event.timestamp,
            total=counts.total,
            success=counts.success,
            failed=counts.failed,
            skipped=counts.skipped,
            target=event.target,
            source=event.source,
            external_id=event.external_id,
            result_summary=event.result_summary,
            error_message=event.error_message,
            tags=event.tags,
            data=event.data,
        ),
    )


JOB_LIST = EventTable(
    name=versioned("job_list"),
    row=JobRow,
    key=["account_id", "job_id"],
    indexes=INDEXES,
    makers={Job.Reported.TOPIC: _reported},
)
HEADS = Table(name=JOB_LIST.name, row=JobHead, key=JOB_LIST.key)
"""The same table without `data`, which lists need not read: it may be 64 KiB for each job."""
ONE_BY_ONE_MAX = 100
"""Most processes, or processes and keys, of which the newest jobs of each are looked at, by the index. Who asks for
more asks for much of the account, and the jobs of others are passed over."""

_COLUMNS = [Column("received_at", moment), Column("position", number)]
BY_TIME = PagedQuery(
    "jobs", HEADS, {"-received_at": Order(_COLUMNS, descending=True), "received_at": Order(_COLUMNS, descending=False)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """What jobs are asked for: of any of these; None stands for all.

    since: received then or later.
    until: before.
    visible: the processes whose jobs may be seen (a user's assigned ones).
    """

    statuses: frozenset[str] | None = None
    process_ids: frozenset[UUID] | None = None
    key_ids: frozenset[UUID] | None = None
    since: datetime | None = None
    until: datetime | None = None
    visible: frozenset[UUID] | None = None

    @property
    def processes(self) -> frozenset[UUID] | None:
        """Those that are asked for and may be seen; None for all, empty when no job can be of them."""
        if self.process_ids is None or self.visible is None:
            return self.visible if self.process_ids is None else self.process_ids
        return self.process_ids & self.visible

    @property
    def times(self) -> dict[str, object]:
        """The conditions on the time of receipt, as a PagedQuery takes them."""
        conditions = {"received_at >= %s": self.since, "received_at < %s": self.until}
        return {condition: value for condition, value in conditions.items() if value is not None}


def list_jobs(pool: Pool, *, account_id: UUID, wanted: JobFilter, page: PageRequest) -> Page[JobHead]:
    """Return jobs of an account, by the time of receipt. Raises BadCursorError, ListIncompleteError."""
    clauses, values = BY_TIME.clauses({"account_id = %s": account_id, **wanted.times}, page)
    order, rows_max = BY_TIME.order(page), page.limit + 1
    several: dict[str, list[UUID]] = {}
    for column, ids in (("process_id", wanted.processes), ("key_id", wanted.key_ids)):
        if ids is not None and not ids:
            return BY_TIME.cut([], page)
        if ids is not None and len(ids) * prod(map(len, several.values())) > ONE_BY_ONE_MAX:
            clauses.append(sql.SQL("{} = ANY(%s::uuid[])").format(sql.Identifier(column)))
            values.append(list(ids))
        elif ids is not None and len(ids) > 1:
            clauses.append(sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier(f"of_{column}", "id")))
            several[column] = list(ids)
        elif ids is not None:
            clauses.append(sql.SQL("{} = %s").format(sql.Identifier(column)))
            values.append(next(iter(ids)))
    # Not as a parameter: a plan for any status could not use the index of some.
    statuses = [[]] if wanted.statuses is None else [[_HAS_STATUS.format(status)] for status in sorted(wanted.statuses)]
    queries = [BY_TIME.query([*clauses, *status], order) for status in statuses]
    if several:
        groups = sql.SQL(", ").join(_EACH.format(sql.Identifier(f"of_{column}")) for column in several)
        queries = [_OF_EACH.format(groups=groups, newest=query) for query in queries]
        values = [*several.values(), *values]
    values.append(rows_max)
    if len(queries) == 1 and not several:
        query = queries[0]
    else:
        found = sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(query) for query in queries)
        query = _FIRST_OF_ALL.format(columns=HEADS.columns, found=found, by=order.by)
        values = [*values * len(queries), rows_max]
    return BY_TIME.cut(BY_TIME.select(pool, [account_id], query, values), page)


_HAS_STATUS = sql.SQL("status = {}")
# The newest of each are found by an index, whose order is theirs: not all that there are of them.
_EACH = sql.SQL("unnest(%s::uuid[]) AS {} (id)")
_OF_EACH = sql.SQL("SELECT newest.* FROM {groups}, LATERAL ({newest}) AS newest")
_FIRST_OF_ALL = sql.SQL("SELECT {columns} FROM ({found}) AS found ORDER BY {by} LIMIT %s")


def find_job(pool: Pool, *, account_id: UUID, job_id: UUID) -> JobRow | None:
    """Return a job whole, or None when the account's list does not have it. Raises ListIncompleteError."""
    query = sql.SQL("SELECT {columns} FROM {table} WHERE account_id = %s AND job_id = %s").format(
        columns=JOB_LIST.columns, table=JOB_LIST.table
    )
    with (
        reading(pool, [account_id], JOB_LIST.name) as connection,
        connection.cursor(row_factory=kwargs_row(JOB_LIST.make_row)) as cursor,
    ):
        return cursor.execute(query, (account_id, job_id)).fetchone()
