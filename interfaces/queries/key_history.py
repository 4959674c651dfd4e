"""What happened to a key, and what it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from application.identity.actors import actor_of
from application.keys import key_of_account
from projections.paging import BadCursorError, Page

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from application.identity.actors import Actor
    from application.identity.users import Users
    from application.replay.keys import Replay, ReplayedEvent
    from domain.api_key import ApiKey, KeyStatus
    from projections.paging import PageRequest

_CURSOR: Final = re.compile(r"v([1-9][0-9]{0,17})", re.ASCII)
"""The version that the page before ended with."""


class PastKey(NamedTuple):
    """A key as it was at an instant."""

    key: ApiKey
    at: datetime

    @property
    def status(self) -> KeyStatus:
        """What it was then."""
        return self.key.status(self.key.stamp(self.at))

    @property
    def is_active(self) -> bool:
        """Whether it let requests in then."""
        return self.key.is_active(self.key.stamp(self.at))


class HistoryEntry(NamedTuple):
    """One thing that happened to a key, and who did it."""

    event: ReplayedEvent
    by: Actor


class KeyHistory:
    """Reads the histories of keys from the log."""

    def __init__(self, replay: Replay, users: Users) -> None:
        self._replay = replay
        self._users = users

    def as_it_was(self, account_id: UUID, key_id: UUID, at: datetime | None, version: int | None) -> PastKey:
        """Return a key as it was at an instant, or after so many events.

        Raises NotFoundError, also for one of another account, and for a moment before it was made.
        """
        if at is not None:
            version = self._replay.version_at(key_id, at)
        key = key_of_account(self._replay.at_version(key_id, version or 0), account_id)
        return PastKey(key, key.modified_on if at is None else at)

    def page(self, account_id: UUID, key_id: UUID, page: PageRequest, *, lifecycle_only: bool) -> Page[HistoryEntry]:
        """Return one page of what happened to a key, in order. Raises NotFoundError, BadCursorError."""
        key_of_account(self._replay.at_version(key_id, 1), account_id)
        after, limit = _after(page.cursor), page.limit
        events = self._replay.page(key_id, after=after, limit=limit + 1, lifecycle_only=lifecycle_only)
        shown_here = events[:limit]
        next_cursor = f"v{shown_here[-1].version}" if len(events) > limit else None
        names = self._users.names(event.actor for event in shown_here)
        entries = (HistoryEntry(event, actor_of(event.actor, names, key_id)) for event in shown_here)
        return Page(tuple(entries), next_cursor)


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursorError
    return int(found[1])
