"""The processes of an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from domain.process import Process, ProcessState
from projections.paging import Column, Order, PagedQuery, sort_name
from projections.stream_table import StreamTable
from projections.versions import versioned

if TYPE_CHECKING:
    from collections.abc import Collection

    from domain.model import Event
    from projections.paging import Page, PageRequest
    from projections.read_model import Pool
    from projections.table import Bytewise


@dataclass(kw_only=True)
class ProcessRow(ProcessState):
    """A process.

    process_id: its stream, which is what members are assigned.
    sort_name: what the list is ordered by.
    """

    process_id: UUID
    sort_name: Bytewise

    def complete(self, last: Event) -> None:
        self.process_id = last.originator_id
        self.sort_name = sort_name(self.name)


# Events after the first don't name the account, hence the index on the stream alone.
INDEXES = """
CREATE INDEX ON {table} (account_id, sort_name, process_id);
CREATE INDEX ON {table} (process_id);
"""


PROCESS_LIST = StreamTable(
    name=versioned("process_list"),
    row=ProcessRow,
    stream="process_id",
    key=["account_id", "process_id"],
    indexes=INDEXES,
    of=Process,
)
_BY_NAME = PagedQuery("processes", PROCESS_LIST, {"name": Order([Column("sort_name"), Column("process_id", UUID)])})


def list_processes(
    pool: Pool,
    *,
    account_id: UUID,
    page: PageRequest,
    process_ids: Collection[UUID] | None = None,
    retired: bool | None = None,
) -> Page[ProcessRow]:
    """Return processes of an account by name; with `process_ids` only those of them (a user's assigned processes).

    retired: only those that are, or only those that are not. Raises BadCursorError.
    """
    conditions: dict[str, object] = {"account_id = %s": account_id}
    if process_ids is not None:
        conditions["process_id = ANY(%s::uuid[])"] = list(process_ids)
    if retired is not None:
        conditions["(retired_at IS NOT NULL) = %s"] = retired
    return _BY_NAME.page(pool, [account_id], conditions, page)
