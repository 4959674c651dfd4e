"""The audit log as it looks on the wire: rows of the read model joined with the names of people."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.member import Member
from domain.model import SYSTEM_ACTOR
from interfaces.http.answers.fields import time_text
from projections.audit_queries import AuditFilter, list_audit_log, whole_audit_log
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from application.identity.users import Users
    from application.store.database import Database
    from interfaces.http.answers.audit import AuditItem
    from interfaces.lists import ListPage
    from projections.audit_log import AuditRow

MEMBER = Member.TOPIC


class AuditLog:
    """Reads the audit log of an account, or of the tenant when `scope_id` is its id."""

    def __init__(self, database: Database, users: Users) -> None:
        self._database = database
        self._users = users

    def page(self, scope_id: UUID, where: AuditFilter, limit: int, cursor: str | None) -> ListPage[AuditItem]:
        """Return one page of it, newest first. Raises BadCursorError."""
        page = list_audit_log(self._database, scope_id=scope_id, where=where, page=PageRequest(limit, cursor))
        return self._items(page.items), page.next_cursor

    def pages(self, scope_id: UUID, where: AuditFilter) -> Iterator[list[AuditItem]]:
        """Yield all of it as it is when this begins, oldest first; see whole_audit_log."""
        return map(self._items, whole_audit_log(self._database, scope_id=scope_id, where=where))

    def _items(self, rows: Sequence[AuditRow]) -> list[AuditItem]:
        ids = {found for row in rows for found in _people(row)}
        users = self._users.by_ids(ids) if ids else {}
        names = {str(user_id): user.name for user_id, user in users.items()}
        return [_item(row, names) for row in rows]


def _people(row: AuditRow) -> Iterator[UUID]:
    if row.kind == MEMBER:
        yield row.resource_id
    if _actor_kind(row) == "user":
        with suppress(ValueError):
            yield UUID(row.actor)


def _actor_kind(row: AuditRow) -> str:
    if row.actor == SYSTEM_ACTOR:
        return "system"
    # A key does nothing but what happens to itself.
    return "key" if row.kind == "api_key" and row.actor == str(row.resource_id) else "user"


def _item(row: AuditRow, names: dict[str, str]) -> AuditItem:
    kind = _actor_kind(row)
    return {
        "position": row.position,
        "at": time_text(row.at),
        "actor": row.actor,
        "actor_name": names.get(row.actor) if kind == "user" else None,
        "actor_kind": kind,
        "action": row.action,
        "resource": {
            "kind": row.kind,
            "id": str(row.resource_id),
            "label": names.get(str(row.resource_id)) if row.kind == MEMBER else _label(row),
        },
        "address": row.address,
        "request_id": row.request_id,
        "version": row.version,
        "changes": {name: _shown(name, value) for name, value in row.changes.items()},
    }


def _label(row: AuditRow) -> str | None:
    return row.name if row.prefix is None else f"{row.name} ({row.prefix})"


def _shown(name: str, value: Any) -> Any:  # noqa: ANN401 - of any event's fields
    return time_text(datetime.fromisoformat(value)) if name.endswith("_at") else value
