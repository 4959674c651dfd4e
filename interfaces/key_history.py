"""What happened to a key, and what it was, as it looks on the wire and at the command line."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

from application.keys import key_of_account
from domain.model import SYSTEM_ACTOR
from domain.times import time_text
from interfaces.http.answers.keys import key_event, key_resource
from projections.paging import BadCursorError, Page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from application.identity.users import Users
    from application.replay.keys import Happening, Replay
    from interfaces.http.answers.keys import HistoryItem, KeyAsOf

_CURSOR: Final = re.compile(r"v([1-9][0-9]{0,17})", re.ASCII)
"""The version that the page before ended with."""


LIFECYCLE_FIELDS: Final = ("name", "limit", "expires_at", "status", "rotated_to")
"""Of the key resource: what changes in its life, but for its uses."""


class KeyHistory:
    """Reads the histories of keys from the log."""

    def __init__(self, replay: Replay, users: Users) -> None:
        self._replay = replay
        self._users = users

    def as_it_was(self, account_id: UUID, key_id: UUID, at: datetime | None, version: int | None) -> KeyAsOf:
        """Return the key resource as it was at an instant, or after so many events; and which moment that was.

        Raises NotFoundError, also for one of another account, and for a moment before it was made.
        """
        if at is not None:
            version = self._replay.version_at(key_id, at)
        key = key_of_account(self._replay.at_version(key_id, version or 0), account_id)
        moment = key.modified_on if at is None else at
        return {**key_resource(key, moment), "as_of": {"version": key.version, "at": time_text(moment)}}

    def page(
        self, account_id: UUID, key_id: UUID, *, lifecycle_only: bool, limit: int, cursor: str | None
    ) -> Page[HistoryItem]:
        """Return one page of what happened to a key, in order. Raises NotFoundError, BadCursorError."""
        key_of_account(self._replay.at_version(key_id, 1), account_id)
        after = _after(cursor)
        happenings = self._replay.page(key_id, after=after, limit=limit + 1, lifecycle_only=lifecycle_only)
        shown_here = happenings[:limit]
        next_cursor = f"v{shown_here[-1].version}" if len(happenings) > limit else None
        return Page(tuple(self._named(key_id, shown_here)), next_cursor)

    def _named(self, key_id: UUID, happenings: Sequence[Happening]) -> list[HistoryItem]:
        ids = set()
        for happening in happenings:
            if _actor_kind(happening.actor, key_id) == "user":
                with suppress(ValueError):
                    ids.add(UUID(happening.actor))
        names = {str(user_id): user.name for user_id, user in self._users.by_ids(ids).items()} if ids else {}
        return [
            {
                **key_event(happening),
                "actor_name": names.get(happening.actor),
                "actor_kind": _actor_kind(happening.actor, key_id),
            }
            for happening in happenings
        ]


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursorError
    return int(found[1])


def _actor_kind(actor: str, key_id: UUID) -> str:
    if actor == SYSTEM_ACTOR:
        return "system"
    return "key" if actor == str(key_id) else "user"
