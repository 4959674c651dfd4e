"""The lists that people read: read models joined with the names of people."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from application.access import roles_of
from application.identity.invitations import KnownMember
from application.store.database import seconds_left
from domain import limits
from domain.ids import process_id
from projections.accounts import list_accounts
from projections.fence import ListIncompleteError
from projections.keys.queries import KeyFilter, count_keys, list_keys
from projections.keys.uses import UseRow, uses_of_keys
from projections.members import MemberRow, account_ids_of_user, list_members, list_memberships
from projections.paging import Page, PageRequest, all_items
from projections.processes.jobs import jobs_of_processes
from projections.processes.listing import list_processes
from projections.tracking import WAIT_SECONDS_MAX, wait_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.identity.users import Users
    from application.store.database import Database
    from domain.permissions import Role
    from domain.process import Process
    from projections.accounts import AccountRow
    from projections.keys.listing import KeyRow
    from projections.processes.jobs import ProcessJobsRow
    from projections.processes.listing import ProcessRow

T = TypeVar("T")

HOURS_SHOWN = 24
COUNTED_MAX = 1_000
"""More than so many are not counted for a number beside a word."""


class KnownMembership(NamedTuple):
    """What a user is, and where; account_id and account_name are None for a role in the whole tenant."""

    account_id: UUID | None
    account_name: str | None
    roles: Collection[Role]


class Lists:
    """Reads the read models. Lists in pages raise BadCursorError."""

    def __init__(self, database: Database, event_sourcing: EventSourcing, users: Users) -> None:
        self._database = database
        self._event_sourcing = event_sourcing
        self._users = users

    def wait_for(self, position: int) -> bool:
        """Wait until lists show the log up to a position, for a bounded time, and return whether they do."""
        return wait_for(self._database, position, min(WAIT_SECONDS_MAX, seconds_left()))

    def accounts_of(self, user_id: UUID, tenant_id: UUID, page: PageRequest) -> Page[AccountRow]:
        """Return the accounts that a user is a member of: all of them for a role in the tenant."""
        in_tenant = roles_of(self._event_sourcing, user_id, tenant_id, None)
        mine = None if in_tenant else account_ids_of_user(self._database, tenant_id=tenant_id, user_id=user_id)
        return self.accounts(tenant_id, page, mine)

    def accounts(
        self, tenant_id: UUID, page: PageRequest, account_ids: frozenset[UUID] | None = None
    ) -> Page[AccountRow]:
        """Return accounts of the tenant by name."""
        return list_accounts(self._database, tenant_id=tenant_id, page=page, account_ids=account_ids)

    def processes(
        self,
        account_id: UUID,
        page: PageRequest,
        *,
        visible: frozenset[UUID] | None = None,
        retired: bool | None = None,
    ) -> Page[ProcessRow]:
        """Return processes of an account by name; `visible` are the streams that the caller may see, None for all."""
        return list_processes(self._database, account_id=account_id, page=page, process_ids=visible, retired=retired)

    def jobs_of_processes(self, account_id: UUID, processes: Iterable[ProcessRow]) -> dict[UUID, ProcessJobsRow]:
        """Return what is known of the jobs of processes of an account, by process; nothing for one without jobs."""
        process_ids = [row.process_id for row in processes]
        return jobs_of_processes(self._database, account_id=account_id, process_ids=process_ids)

    def jobs_of_process(self, process: Process) -> ProcessJobsRow | None:
        """Return what is known of the jobs of a process; nothing while lists are made, since this answers changes."""
        with suppress(ListIncompleteError):
            jobs = jobs_of_processes(self._database, account_id=process.account_id, process_ids=[process.id])
            return jobs.get(process.id)
        return None

    def keys(self, account_id: UUID, page: PageRequest, now: datetime, only: KeyFilter) -> Page[KeyRow]:
        """Return keys of an account, as `page.sort` says. now: what time it is."""
        return list_keys(self._database, account_id=account_id, page=page, now=now, only=only)

    def count_keys(self, account_id: UUID, now: datetime, only: KeyFilter) -> int:
        """Return how many keys of an account these are; COUNTED_MAX when there are as many or more."""
        return count_keys(self._database, account_id=account_id, now=now, only=only, most=COUNTED_MAX)

    def process_names(self, account_id: UUID, flow_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the names of processes of an account by their flow ids."""
        names: dict[UUID, str] = {}
        for some in batched(sorted({process_id(account_id, flow_id) for flow_id in flow_ids}), limits.PAGE_ITEMS_MAX):
            request = PageRequest(limits.PAGE_ITEMS_MAX)
            page = list_processes(self._database, account_id=account_id, page=request, process_ids=some)
            names |= {row.flow_id: row.name for row in page.items}
        return names

    def uses_of_a_day(self, account_id: UUID, key_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[UseRow]]:
        """Return how often keys were used in this hour and the 23 before it, by the hour, the oldest first."""
        since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_SHOWN - 1)
        rows = self.uses(account_id, key_ids, since, now)
        known = {(row.key_id, row.hour): row for row in rows}
        hours = [since + timedelta(hours=number) for number in range(HOURS_SHOWN)]
        return {
            key_id: [known.get((key_id, hour), UseRow(account_id, key_id, hour)) for hour in hours]
            for key_id in key_ids
        }

    def uses(self, account_id: UUID, key_ids: Sequence[UUID], since: datetime, now: datetime) -> list[UseRow]:
        """Return the hours in which keys were used, from `since` on; those in which they were not are left out."""
        until = now + timedelta.resolution  # also the hour that begins now
        return uses_of_keys(self._database, account_id=account_id, key_ids=key_ids, since=since, until=until)

    def members(self, scope_id: UUID, page: PageRequest, *, for_tenant: bool = False) -> Page[KnownMember]:
        """Return the members of an account, or of the tenant when `scope_id` is its id.

        for_tenant: whoever looks may know how all of them sign in, and not only whom the account vouched for.
        """
        rows, next_cursor = list_members(self._database, scope_id=scope_id, page=page)
        users = self._users.by_ids(row.user_id for row in rows)

        def known(row: MemberRow) -> KnownMember:
            user = users.get(row.user_id)
            return KnownMember(row, user, for_tenant or (user is not None and user.scope_id == scope_id))

        return Page(tuple(map(known, rows)), next_cursor)

    def memberships(self, user_id: UUID, tenant_id: UUID) -> list[KnownMembership]:
        """Return what a user is, and where."""
        rows = list(
            all_items(lambda page: list_memberships(self._database, tenant_id=tenant_id, user_id=user_id, page=page))
        )
        names = self._account_names(tenant_id, {row.account_id for row in rows if row.account_id})
        return [
            KnownMembership(row.account_id, names.get(row.account_id) if row.account_id else None, row.roles)
            for row in rows
        ]

    def _account_names(self, tenant_id: UUID, account_ids: set[UUID]) -> dict[UUID, str]:
        names: dict[UUID, str] = {}
        for some in batched(sorted(account_ids), limits.PAGE_ITEMS_MAX):
            request = PageRequest(limits.PAGE_ITEMS_MAX)
            page = list_accounts(self._database, tenant_id=tenant_id, page=request, account_ids=some)
            names |= {row.account_id: row.name for row in page.items}
        return names


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in lists of `size` at most."""
    return (items[start : start + size] for start in range(0, len(items), size))
