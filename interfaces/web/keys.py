"""The list of an account's keys."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import limits
from domain.permissions import Action
from interfaces.http.parameters import choice_parameter, parameter, text_parameter, uuid_parameter
from interfaces.web.page import ViewPage
from projections.keys.queries import KEY_SORTS, KeyFilter
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import falcon

    from interfaces.web.page import PageContext
    from projections.keys.listing import KeyRow

SHOWN = {"active": True, "inactive": False, "all": None}
"""Which keys: those that let requests in, unless something else is asked for."""
NOTES = ("unused", "expiring")
"""Filters that a note above the list leads to."""
_SORT_DEFAULT = "-created_at"


class KeysPage(ViewPage):
    """One page of it, as the address says."""

    path = "/accounts/{account_id}/keys"
    template, tab, action = "keys.html", "keys", Action.READ_KEYS
    parameters = ("q", "show", "note", "scope", "sort", "cursor")

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        now = self._services.clock()
        asked = {
            "q": text_parameter(req, "q", limits.SEARCH_CHARS_MAX) or "",
            "show": choice_parameter(req, "show", tuple(SHOWN)) or "active",
            "note": choice_parameter(req, "note", NOTES) or "",
            "scope": str(uuid_parameter(req, "scope") or ""),
            "sort": choice_parameter(req, "sort", KEY_SORTS) or _SORT_DEFAULT,
        }
        page = PageRequest(cursor=parameter(req, "cursor"), sort=asked["sort"])
        keys, next_cursor = self._services.keys.page(context.account_id, page, now, _filter(asked, now))
        return {
            "asked": asked,
            "shown": {show: show.capitalize() for show in SHOWN},
            "keys": keys,
            "next_cursor": next_cursor,
            **self._beside(context, keys, now),
        }

    def _beside(self, context: PageContext, keys: Sequence[KeyRow], now: datetime) -> dict[str, Any]:
        """Return what stands beside the keys: their uses, what they are for, who made them, and how many others."""
        all_keys, account = self._services.keys, context.account_id

        def count(only: KeyFilter) -> int:
            return all_keys.count(account, now, only)

        return {
            "uses": all_keys.uses_of_a_day(account, [key.id for key in keys], now),
            "process_names": self._process_names(context, (key.flow_id for key in keys)),
            "people": self._services.users.names(person for key in keys for person in key.people),
            **self._choosable_processes(context),
            "inactive": count(KeyFilter(active=False)),
            "unused": count(_filter({"show": "active", "note": "unused"}, now)),
            "expiring": count(_filter({"show": "active", "note": "expiring"}, now)),
            "any_key": bool(keys) or count(KeyFilter()) > 0,
        }


def _filter(asked: dict[str, str], now: datetime) -> KeyFilter:
    note = asked.get("note")
    return KeyFilter(
        active=SHOWN[asked["show"]],
        search=asked.get("q") or None,
        flow_ids=frozenset([UUID(asked["scope"])]) if asked.get("scope") else None,
        unused_since=now - limits.KEY_UNUSED_NOTICE if note == "unused" else None,
        ends_before=now + limits.KEY_EXPIRY_NOTICE + timedelta(microseconds=1) if note == "expiring" else None,
    )
