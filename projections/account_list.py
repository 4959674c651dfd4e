"""The accounts of the tenant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from domain.account import Account
from projections.paging import Column, Listing, Order, sort_name
from projections.stream_table import StreamTable

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from projections.paging import Page, PageRequest
    from projections.read_model import Pool


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account. sort_name: what the list is ordered by."""

    account_id: UUID
    tenant_id: UUID
    name: str
    sort_name: str
    opened_at: datetime
    keep_addresses: bool
    suspended_at: datetime | None

    @property
    def id(self) -> UUID:
        """As the aggregate calls it."""
        return self.account_id


TABLES = """
CREATE TABLE {table} (
    account_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    sort_name text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    keep_addresses boolean NOT NULL,
    suspended_at timestamptz
);
CREATE INDEX ON {table} (tenant_id, sort_name, account_id);
"""


def _opened(_: None, event: Account.Opened) -> AccountRow:
    return AccountRow(
        account_id=event.originator_id,
        tenant_id=event.tenant_id,
        name=event.name,
        sort_name=sort_name(event.name),
        opened_at=event.timestamp,
        keep_addresses=True,
        suspended_at=None,
    )


def _renamed(row: AccountRow, event: Account.Renamed) -> AccountRow:
    return replace(row, name=event.name, sort_name=sort_name(event.name))


def _settings_changed(row: AccountRow, event: Account.SettingsChanged) -> AccountRow:
    return replace(row, keep_addresses=event.keep_addresses)


def _suspended(row: AccountRow, event: Account.Suspended) -> AccountRow:
    return replace(row, suspended_at=event.timestamp)


def _resumed(row: AccountRow, _: Account.Resumed) -> AccountRow:
    return replace(row, suspended_at=None)


ACCOUNT_LIST = StreamTable(
    name="account_list_v2",
    row=AccountRow,
    stream="account_id",
    key=["account_id"],
    tables=TABLES,
    fence=["tenant_id"],
    handlers={
        Account.Opened.TOPIC: _opened,
        Account.Renamed.TOPIC: _renamed,
        Account.SettingsChanged.TOPIC: _settings_changed,
        Account.Suspended.TOPIC: _suspended,
        Account.Resumed.TOPIC: _resumed,
    },
)
_BY_NAME = Listing("accounts", ACCOUNT_LIST, {"name": Order([Column("sort_name"), Column("account_id", UUID)])})


def list_accounts(
    pool: Pool, *, tenant_id: UUID, page: PageRequest, account_ids: Collection[UUID] | None = None
) -> Page[AccountRow]:
    """Return accounts of the tenant by name; with `account_ids` only those of them. Raises BadCursorError."""
    conditions: dict[str, object] = {"tenant_id = %s": tenant_id}
    if account_ids is not None:
        conditions["account_id = ANY(%s::uuid[])"] = list(account_ids)
    return _BY_NAME.page(pool, [tenant_id], conditions, page)
