"""The members of an account or of the tenant, and the memberships of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from domain.member import Member, MemberState
from projections.paging import Column, Order, PagedQuery
from projections.stream_table import StreamTable
from projections.versions import versioned

if TYPE_CHECKING:
    from domain.model import Event
    from projections.paging import Page, PageRequest
    from projections.read_model import Pool


@dataclass(kw_only=True)
class MemberRow(MemberState):
    """What a user is in one scope.

    scope_id: the account's id, or the tenant's.
    member_id: the stream.
    """

    scope_id: UUID
    member_id: UUID

    def complete(self, last: Event) -> None:
        self.scope_id = self.account_id or self.tenant_id
        self.member_id = last.originator_id


# Events after the first don't name the scope, hence the index on the stream alone.
INDEXES = """
CREATE INDEX ON {table} (user_id, scope_id);
CREATE INDEX ON {table} (member_id);
"""


MEMBER_LIST = StreamTable(
    name=versioned("member_list"),
    row=MemberRow,
    stream="member_id",
    key=["scope_id", "user_id"],
    indexes=INDEXES,
    fence=["scope_id", "tenant_id"],
    of=Member,
)
_BY_USER = PagedQuery("members", MEMBER_LIST, {"user": Order([Column("user_id", UUID)])})
_BY_SCOPE = PagedQuery("memberships", MEMBER_LIST, {"scope": Order([Column("scope_id", UUID)])})

# The stream goes on after the last role was revoked (processes are unassigned next, a role may be granted again), so
# the row stays, and whoever has no role is left out here.
_HAS_A_ROLE = "cardinality(roles) > %s"


def list_members(pool: Pool, *, scope_id: UUID, page: PageRequest) -> Page[MemberRow]:
    """Return the members of an account, or of the tenant when `scope_id` is its id. Raises BadCursorError."""
    return _BY_USER.page(pool, [scope_id], {"scope_id = %s": scope_id, _HAS_A_ROLE: 0}, page)


def list_memberships(pool: Pool, *, tenant_id: UUID, user_id: UUID, page: PageRequest) -> Page[MemberRow]:
    """Return what a user is in every scope of the tenant, the tenant itself included. Raises BadCursorError."""
    return _BY_SCOPE.page(
        pool, [tenant_id], {"user_id = %s": user_id, "tenant_id = %s": tenant_id, _HAS_A_ROLE: 0}, page
    )


def account_ids_of_user(pool: Pool, *, tenant_id: UUID, user_id: UUID) -> frozenset[UUID]:
    """Return the accounts that a user is a member of, all of them, to ask for by id."""
    rows = _BY_SCOPE.all(pool, [tenant_id], {"user_id = %s": user_id, "tenant_id = %s": tenant_id, _HAS_A_ROLE: 0})
    return frozenset(row.account_id for row in rows if row.account_id is not None)
