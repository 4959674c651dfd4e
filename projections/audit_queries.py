"""Reading the audit log: pages of it, newest first, or all of it from the first row on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.limits import PAGE_ITEMS_MAX
from projections.audit_log import AUDIT_LOG, KINDS, AuditRow
from projections.paging import Column, Listing, Order, Page, PageRequest
from projections.tracking import position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from projections.read_model import Pool

_OLDEST_FIRST = "position"
_LOG = Listing(
    "audit",
    AUDIT_LOG,
    {
        "-position": Order([Column("position", int)], descending=True),
        _OLDEST_FIRST: Order([Column("position", int)]),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows. None is for any. actor: a user id, a key id or "system". action: one, or a kind.

    resource_id, position: as rows have it. since: this time and later; before: earlier than this. Times of different
    things may cross, since each keeps its own from running backwards: rows are in the order in which they came to be.
    """

    actor: str | None = None
    action: str | None = None
    resource_id: UUID | None = None
    since: datetime | None = None
    before: datetime | None = None
    position: int | None = None

    def conditions(self, scope_id: UUID) -> dict[str, object]:
        """Return SQL with one %s each, to its value."""
        found: dict[str, object] = {
            "kind = %s" if self.action in KINDS else "action = %s": self.action,
            "actor = %s": self.actor,
            "resource_id = %s": self.resource_id,
            "at >= %s": self.since,
            "at < %s": self.before,
            "position = %s": self.position,
        }
        return {"scope_id = %s": scope_id} | {sql: value for sql, value in found.items() if value is not None}


def list_audit_log(pool: Pool, *, scope_id: UUID, where: AuditFilter, page: PageRequest) -> Page[AuditRow]:
    """Return rows of an account, or of the tenant when `scope_id` is its; newest first. Raises BadCursorError."""
    return _LOG.page(pool, [scope_id], where.conditions(scope_id), page)


def whole_audit_log(pool: Pool, *, scope_id: UUID, where: AuditFilter) -> Iterator[tuple[AuditRow, ...]]:
    """Yield all rows that are there when it begins, page by page, the oldest first.

    Each page is a short transaction of its own, and no connection is kept between them: whoever reads may be slow.
    What was added meanwhile is left out, so that there is an end.
    """
    # Nothing can turn up below a position that the read model has reached.
    conditions = where.conditions(scope_id) | {"position <= %s": position(pool, [AUDIT_LOG])}
    cursor = None
    while True:
        page = _LOG.page(pool, [scope_id], conditions, PageRequest(PAGE_ITEMS_MAX, cursor, _OLDEST_FIRST))
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return
