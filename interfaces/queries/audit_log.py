"""The audit log: rows of the read model joined with the names of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from application.identity.actors import actor_of
from domain.api_key import ApiKey
from domain.member import Member
from projections.audit.queries import AuditFilter, list_audit_log, whole_audit_log
from projections.paging import Page, PageRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from application.identity.actors import Actor
    from application.identity.users import Users
    from application.store.database import Database
    from projections.audit.listing import AuditRow


class AuditEntry(NamedTuple):
    """Something that was done, and who did it.

    label: what it was done to, as that was called then, a key with its prefix; a member as they are called now, and
    None when that was erased.
    """

    row: AuditRow
    by: Actor
    label: str | None


class AuditLog:
    """Reads the audit log of an account, or of the tenant when `scope_id` is its id."""

    def __init__(self, database: Database, users: Users) -> None:
        self._database = database
        self._users = users

    def page(self, scope_id: UUID, where: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
        """Return one page of it, newest first. Raises BadCursorError."""
        rows, next_cursor = list_audit_log(self._database, scope_id=scope_id, where=where, page=page)
        return Page(tuple(self._entries(rows)), next_cursor)

    def pages(self, scope_id: UUID, where: AuditFilter) -> Iterator[list[AuditEntry]]:
        """Yield all of it as it is when this begins, oldest first; see whole_audit_log."""
        return map(self._entries, whole_audit_log(self._database, scope_id=scope_id, where=where))

    def _entries(self, rows: Sequence[AuditRow]) -> list[AuditEntry]:
        names = self._users.names(person for row in rows for person in (row.actor, _member(row)))
        return [_entry(row, names) for row in rows]


def _entry(row: AuditRow, names: Mapping[str, str]) -> AuditEntry:
    by = actor_of(row.actor, names, row.resource_id if row.kind == ApiKey.TOPIC else None)
    member = _member(row)
    if member is not None:
        return AuditEntry(row, by, names.get(member))
    return AuditEntry(row, by, row.name if row.prefix is None else f"{row.name} ({row.prefix})")


def _member(row: AuditRow) -> str | None:
    return str(row.resource_id) if row.kind == Member.TOPIC else None
