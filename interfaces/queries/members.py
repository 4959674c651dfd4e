"""The members that people read: rows of the read model joined with the names of people and accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from application.identity.invitations import KnownMember
from projections.members import MemberRow, list_members, list_memberships
from projections.paging import Page, PageRequest, all_items

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from application.identity.users import Users
    from application.store.database import Database
    from domain.permissions import Role
    from interfaces.queries.accounts import Accounts


class KnownMembership(NamedTuple):
    """The roles of a user in one place; account_id and account_name are None for the whole tenant."""

    account_id: UUID | None
    account_name: str | None
    roles: Collection[Role]


class Members:
    """Reads the members of accounts and of the tenant."""

    def __init__(self, database: Database, users: Users, accounts: Accounts) -> None:
        self._database = database
        self._users = users
        self._accounts = accounts

    def page(self, scope_id: UUID, page: PageRequest, *, for_tenant: bool = False) -> Page[KnownMember]:
        """Return the members of an account, or of the tenant when `scope_id` is its id. Raises BadCursorError.

        for_tenant: the reader may know how all of them sign in, and not only whom the account vouched for.
        """
        rows, next_cursor = list_members(self._database, scope_id=scope_id, page=page)
        users = self._users.by_ids(row.user_id for row in rows)

        def known(row: MemberRow) -> KnownMember:
            user = users.get(row.user_id)
            return KnownMember(row, user, for_tenant or (user is not None and user.scope_id == scope_id))

        return Page(tuple(map(known, rows)), next_cursor)

    def memberships(self, user_id: UUID, tenant_id: UUID) -> list[KnownMembership]:
        """Return the roles of a user by the place where they hold."""
        rows = list(
            all_items(lambda page: list_memberships(self._database, tenant_id=tenant_id, user_id=user_id, page=page))
        )
        names = self._accounts.names(tenant_id, {row.account_id for row in rows if row.account_id})
        return [
            KnownMembership(row.account_id, names.get(row.account_id) if row.account_id else None, row.roles)
            for row in rows
        ]
