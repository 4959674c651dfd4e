"""The processes of an account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from domain.process import Process
from projections.paging import Column, Listing, Order, sort_name
from projections.stream_table import StreamTable

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from projections.paging import Page, PageRequest
    from projections.read_model import Pool


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process. process_id: its stream, which is what members are assigned; sort_name: what the list is ordered by."""

    account_id: UUID
    process_id: UUID
    flow_id: UUID
    name: str
    sort_name: str
    registered_at: datetime
    retired_at: datetime | None


# Events after the first don't name the account, hence the index on the stream alone.
TABLES = """
CREATE TABLE {table} (
    account_id uuid NOT NULL,
    process_id uuid NOT NULL,
    flow_id uuid NOT NULL,
    name text NOT NULL,
    sort_name text COLLATE "C" NOT NULL,
    registered_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (account_id, process_id)
);
CREATE INDEX ON {table} (account_id, sort_name, process_id);
CREATE INDEX ON {table} (process_id);
"""


def _registered(_: None, event: Process.Registered) -> ProcessRow:
    return ProcessRow(
        account_id=event.account_id,
        process_id=event.originator_id,
        flow_id=event.flow_id,
        name=event.name,
        sort_name=sort_name(event.name),
        registered_at=event.timestamp,
        retired_at=None,
    )


def _renamed(row: ProcessRow, event: Process.Renamed) -> ProcessRow:
    return replace(row, name=event.name, sort_name=sort_name(event.name))


def _retired(row: ProcessRow, event: Process.Retired) -> ProcessRow:
    return replace(row, retired_at=event.timestamp)


def _restored(row: ProcessRow, _: Process.Restored) -> ProcessRow:
    return replace(row, retired_at=None)


PROCESS_LIST = StreamTable(
    name="process_list_v2",
    row=ProcessRow,
    stream="process_id",
    key=["account_id", "process_id"],
    tables=TABLES,
    handlers={
        Process.Registered.TOPIC: _registered,
        Process.Renamed.TOPIC: _renamed,
        Process.Retired.TOPIC: _retired,
        Process.Restored.TOPIC: _restored,
    },
)
_BY_NAME = Listing("processes", PROCESS_LIST, {"name": Order([Column("sort_name"), Column("process_id", UUID)])})


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
