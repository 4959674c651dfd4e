"""Reading the list of keys: pages of it by filter and order, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from projections.keys.listing import KEY_LIST
from projections.keys.search import conditions_of
from projections.keys.words import KEY_WORDS
from projections.paging import Column, Order, PagedQuery, any_of, moment

if TYPE_CHECKING:
    from datetime import datetime

    from projections.keys.listing import KeyRow
    from projections.paging import Page, PageRequest
    from projections.read_model import Pool

_ID = Column("key_id", UUID)
_NAME, _CREATED = [Column("sort_name"), _ID], [Column("created_at", moment), _ID]
# A key that was never used was used before all others, and one that never expires expires after them.
_USED, _EXPIRES = [Column("used_order", moment), _ID], [Column("expires_order", moment), _ID]
_KEYS = PagedQuery(
    "keys",
    KEY_LIST,
    {
        direction + name: Order(columns, descending=bool(direction))
        for name, columns in {
            "name": _NAME,
            "created_at": _CREATED,
            "last_used_at": _USED,
            "expires_at": _EXPIRES,
        }.items()
        for direction in ("", "-")
    },
    also=[KEY_WORDS.name],
    covered=True,
)
KEY_SORTS = tuple(_KEYS.orders)


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which keys: None where it does not matter.

    active: whether they let requests in.
    search: see key_search.py.
    flow_ids: of the processes that they are for.
    unused_since: they were not used after that, nor made.
    ends_before: they have an end, and it is before that.
    """

    active: bool | None = None
    search: str | None = None
    flow_ids: frozenset[UUID] | None = None
    unused_since: datetime | None = None
    ends_before: datetime | None = None


_ALL = KeyFilter()


def list_keys(
    pool: Pool, *, account_id: UUID, page: PageRequest, now: datetime, only: KeyFilter = _ALL
) -> Page[KeyRow]:
    """Return keys of an account, sorted by one of KEY_SORTS. now: what time it is. Raises BadCursorError."""
    return _KEYS.page(pool, [account_id], _conditions(pool, account_id, now, only), page)


def count_keys(pool: Pool, *, account_id: UUID, now: datetime, only: KeyFilter, most: int) -> int:
    """Return how many keys these are, or `most` when there are as many or more."""
    return _KEYS.count(pool, [account_id], _conditions(pool, account_id, now, only), most)


def _conditions(pool: Pool, account_id: UUID, now: datetime, only: KeyFilter) -> dict[str, object]:
    conditions: dict[str, object] = {"account_id = %s": account_id}
    if only.active is not None:
        conditions["ends_at > %s" if only.active else "ends_at <= %s"] = now
    if only.ends_before is not None:
        conditions["ends_at < %s"] = only.ends_before
    if only.flow_ids is not None:
        conditions |= any_of("flow_id", only.flow_ids)
    if only.unused_since is not None:
        conditions["used_order < %s"] = only.unused_since
        conditions["created_at < %s"] = only.unused_since
    if only.search is not None:
        conditions |= conditions_of(pool, account_id, only.search)
    return conditions
