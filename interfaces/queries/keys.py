"""The keys that people read, and how often they were used."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from projections.keys.queries import KeyFilter, count_keys, list_keys
from projections.keys.uses import UseRow, uses_of_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from application.store.database import Database
    from projections.keys.listing import KeyRow
    from projections.paging import Page, PageRequest

HOURS_SHOWN = 24
COUNTED_MAX = 1_000
"""More keys than this are not counted for a number beside a word."""
_ALL = KeyFilter()


class Keys:
    """Reads the keys of an account. now: what time it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, account_id: UUID, page: PageRequest, now: datetime, only: KeyFilter = _ALL) -> Page[KeyRow]:
        """Return keys as `page.sort` says. Raises BadCursorError."""
        return list_keys(self._database, account_id=account_id, page=page, now=now, only=only)

    def count(self, account_id: UUID, now: datetime, only: KeyFilter) -> int:
        """Return how many keys these are; COUNTED_MAX when there are as many or more."""
        return count_keys(self._database, account_id=account_id, now=now, only=only, most=COUNTED_MAX)

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
