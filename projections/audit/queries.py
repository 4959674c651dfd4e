"""Reading the audit log: pages of it, newest first, or all of it from the first row on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.limits import PAGE_ITEMS_MAX
from projections.audit.listing import AUDIT_LOG, KINDS, AuditRow
from projections.paging import Column, Order, Page, PagedQuery, PageRequest, any_of
from projections.tracking import position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from projections.read_model import Pool

_OLDEST_FIRST = "position"
_LOG = PagedQuery(
    "audit",
    AUDIT_LOG,
    {
        "-position": Order([Column("position", int)], descending=True),
        _OLDEST_FIRST: Order([Column("position", int)]),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows. None is for any.

    actors: user ids, key ids and "system".
    actions: these, and kinds.
    resource_ids, position: as rows have it.
    since: this time and later.
    before: earlier than this.

    Times of different things may cross, since each keeps its own from running backwards: rows are in the order in which
    they came to be.
    """

    actors: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    resource_ids: frozenset[UUID] | None = None
    since: datetime | None = None
    before: datetime | None = None
    position: int | None = None

    def conditions(self, scope_id: UUID) -> dict[str, object]:
        """Return SQL with one %s each, to its value."""
        found: dict[str, object] = {"at >= %s": self.since, "at < %s": self.before, "position = %s": self.position}
        return {
            "scope_id = %s": scope_id,
            **_of_actions(self.actions),
            **any_of("actor", self.actors),
            **any_of("resource_id", self.resource_ids),
            **{sql: value for sql, value in found.items() if value is not None},
        }


def _of_actions(actions: frozenset[str] | None) -> dict[str, object]:
    kinds = None if actions is None else actions & set(KINDS)
    if actions is None or not kinds:
        return any_of("action", actions)
    if kinds == actions:
        return any_of("kind", kinds)
    return {"(kind = ANY(%s) OR action = ANY(%s))": (sorted(kinds), sorted(actions - kinds))}


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
