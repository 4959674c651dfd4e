"""The accounts of the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from domain.account import Account, AccountState
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
class AccountRow(AccountState):
    """An account. sort_name: what the list is ordered by."""

    account_id: UUID
    sort_name: Bytewise

    def complete(self, last: Event) -> None:
        self.account_id = last.originator_id
        self.sort_name = sort_name(self.name)

    @property
    def id(self) -> UUID:
        """As the aggregate calls it."""
        return self.account_id


INDEXES = """
CREATE INDEX ON {table} (tenant_id, sort_name, account_id);
"""


ACCOUNT_LIST = StreamTable(
    name=versioned("account_list"),
    row=AccountRow,
    stream="account_id",
    key=["account_id"],
    indexes=INDEXES,
    fence=["tenant_id"],
    of=Account,
)
_BY_NAME = PagedQuery("accounts", ACCOUNT_LIST, {"name": Order([Column("sort_name"), Column("account_id", UUID)])})


def list_accounts(
    pool: Pool, *, tenant_id: UUID, page: PageRequest, account_ids: Collection[UUID] | None = None
) -> Page[AccountRow]:
    """Return accounts of the tenant by name; with `account_ids` only those of them. Raises BadCursorError."""
    conditions: dict[str, object] = {"tenant_id = %s": tenant_id}
    if account_ids is not None:
        conditions["account_id = ANY(%s::uuid[])"] = list(account_ids)
    return _BY_NAME.page(pool, [tenant_id], conditions, page)
