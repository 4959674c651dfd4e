"""The processes that people read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from domain.ids import process_id
from domain.limits import PAGE_ITEMS_MAX
from interfaces.queries.batches import batched
from projections.fence import ListIncompleteError
from projections.paging import PageRequest
from projections.processes.jobs import jobs_of_processes
from projections.processes.listing import list_processes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from application.store.database import Database
    from domain.process import Process
    from projections.paging import Page
    from projections.processes.jobs import ProcessJobsRow
    from projections.processes.listing import ProcessRow


class Processes:
    """Reads the processes of an account. Pages raise BadCursorError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        account_id: UUID,
        page: PageRequest,
        *,
        visible: frozenset[UUID] | None = None,
        retired: bool | None = None,
    ) -> Page[ProcessRow]:
        """Return processes by name; `visible` are the streams that the caller may see, None for all."""
        return list_processes(self._database, account_id=account_id, page=page, process_ids=visible, retired=retired)

    def jobs(self, account_id: UUID, processes: Iterable[ProcessRow]) -> dict[UUID, ProcessJobsRow]:
        """Return what is known of the jobs of processes, by process; nothing for one without jobs."""
        process_ids = [row.process_id for row in processes]
        return jobs_of_processes(self._database, account_id=account_id, process_ids=process_ids)

    def jobs_of(self, process: Process) -> ProcessJobsRow | None:
        """Return what is known of the jobs of a process; nothing while lists are made, since this answers changes."""
        with suppress(ListIncompleteError):
            jobs = jobs_of_processes(self._database, account_id=process.account_id, process_ids=[process.id])
            return jobs.get(process.id)
        return None

    def names(self, account_id: UUID, flow_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the names of processes by their flow ids."""
        names: dict[UUID, str] = {}
        for some in batched(sorted({process_id(account_id, flow_id) for flow_id in flow_ids}), PAGE_ITEMS_MAX):
            request = PageRequest(PAGE_ITEMS_MAX)
            page = list_processes(self._database, account_id=account_id, page=request, process_ids=some)
            names |= {row.flow_id: row.name for row in page.items}
        return names
