"""The accounts that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.access import roles_of
from domain.limits import PAGE_ITEMS_MAX
from interfaces.queries.batches import batched
from projections.accounts import list_accounts
from projections.members import account_ids_of_user
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.store.database import Database
    from projections.accounts import AccountRow
    from projections.paging import Page


class Accounts:
    """Reads the accounts of a tenant. Pages raise BadCursorError."""

    def __init__(self, database: Database, event_sourcing: EventSourcing) -> None:
        self._database = database
        self._event_sourcing = event_sourcing

    def page(self, tenant_id: UUID, page: PageRequest, account_ids: Collection[UUID] | None = None) -> Page[AccountRow]:
        """Return accounts of the tenant by name."""
        return list_accounts(self._database, tenant_id=tenant_id, page=page, account_ids=account_ids)

    def of_user(self, user_id: UUID, tenant_id: UUID, page: PageRequest) -> Page[AccountRow]:
        """Return the accounts that a user is a member of: all of them for a role in the tenant."""
        in_tenant = roles_of(self._event_sourcing, user_id, tenant_id, None)
        mine = None if in_tenant else account_ids_of_user(self._database, tenant_id=tenant_id, user_id=user_id)
        return self.page(tenant_id, page, mine)

    def names(self, tenant_id: UUID, account_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the names of accounts of the tenant by their ids."""
        names: dict[UUID, str] = {}
        for some in batched(sorted(account_ids), PAGE_ITEMS_MAX):
            names |= {row.account_id: row.name for row in self.page(tenant_id, PageRequest(PAGE_ITEMS_MAX), some).items}
        return names
