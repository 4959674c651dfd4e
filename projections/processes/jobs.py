"""The last job of each process, and how many there were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import args_row

from domain.ids import process_id
from domain.job import Job
from projections.fence import reading
from projections.table import Table
from projections.versions import versioned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from application.store.log.reading import Recorded
    from application.store.session import Connection
    from projections.read_model import Pool


@dataclass(slots=True)
class ProcessJobsRow:
    """The job of a process that was reported last, and how many jobs were. process_id: the process's stream."""

    account_id: UUID
    process_id: UUID
    last_job_id: UUID
    last_job_status: str
    last_job_at: datetime
    jobs: int


@dataclass(frozen=True, kw_only=True)
class ProcessJobs(Table[ProcessJobsRow]):
    """The read model: a batch changes the row of a process once."""

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({Job.Reported.TOPIC})

    def batch_writer(self) -> _JobsWriter:
        return _JobsWriter(self)


class _JobsWriter:
    """Keeps a row of each process."""

    def __init__(self, table: ProcessJobs) -> None:
        self._table = table
        self._rows: dict[tuple[UUID, UUID], ProcessJobsRow] = {}

    def add(self, events: Sequence[Recorded]) -> None:
        rows = self._rows
        for recorded in events:
            event: Any = recorded.event
            process = event.account_id, event.flow_id
            before = rows.get(process)
            if before is None:
                rows[process] = ProcessJobsRow(
                    event.account_id,
                    process_id(*process),
                    event.originator_id,
                    event.status,
                    event.timestamp,
                    1,
                )
            else:
                before.last_job_id, before.last_job_status = event.originator_id, event.status
                before.last_job_at = event.timestamp
                before.jobs += 1

    def store(self, connection: Connection) -> None:
        self._table.store(connection, self._rows.values())


PROCESS_JOBS = ProcessJobs(
    name=versioned("process_jobs"), row=ProcessJobsRow, key=["account_id", "process_id"], fillfactor=50, sums=["jobs"]
)


def jobs_of_processes(pool: Pool, *, account_id: UUID, process_ids: Collection[UUID]) -> dict[UUID, ProcessJobsRow]:
    """Return what is known of the jobs of these processes of an account, by process; nothing for one without jobs."""
    query = sql.SQL("SELECT {} FROM {} WHERE account_id = %s AND process_id = ANY(%s::uuid[])").format(
        PROCESS_JOBS.columns, PROCESS_JOBS.table
    )
    with (
        reading(pool, [account_id], PROCESS_JOBS.name) as connection,
        connection.cursor(row_factory=args_row(ProcessJobsRow)) as cursor,
    ):
        return {row.process_id: row for row in cursor.execute(query, (account_id, list(process_ids)))}
