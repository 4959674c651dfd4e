"""The audit log as it looks on the wire: rows of the read model joined with the names of people."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from domain.member import Member
from interfaces.http.answers.audit import actor_kind, audit_item
from projections.audit_queries import AuditFilter, list_audit_log, whole_audit_log
from projections.paging import Page, PageRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from application.identity.users import Users
    from application.store.database import Database
    from interfaces.http.answers.audit import AuditItem
    from projections.audit_log import AuditRow


class AuditLog:
    """Reads the audit log of an account, or of the tenant when `scope_id` is its id."""

    def __init__(self, database: Database, users: Users) -> None:
        self._database = database
        self._users = users

    def page(self, scope_id: UUID, where: AuditFilter, limit: int, cursor: str | None) -> Page[AuditItem]:
        """Return one page of it, newest first. Raises BadCursorError."""
        page = list_audit_log(self._database, scope_id=scope_id, where=where, page=PageRequest(limit, cursor))
        return Page(tuple(self._items(page.items)), page.next_cursor)

    def pages(self, scope_id: UUID, where: AuditFilter) -> Iterator[list[AuditItem]]:
        """Yield all of it as it is when this begins, oldest first; see whole_audit_log."""
        return map(self._items, whole_audit_log(self._database, scope_id=scope_id, where=where))

    def _items(self, rows: Sequence[AuditRow]) -> list[AuditItem]:
        ids = {found for row in rows for found in _people(row)}
        users = self._users.by_ids(ids) if ids else {}
        names = {str(user_id): user.name for user_id, user in users.items()}
        return [audit_item(row, names) for row in rows]


def _people(row: AuditRow) -> Iterator[UUID]:
    if row.kind == Member.TOPIC:
        yield row.resource_id
    if actor_kind(row) == "user":
        with suppress(ValueError):
            yield UUID(row.actor)
