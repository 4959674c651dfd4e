"""A key as it was: at an instant, or after one of its events; and what has happened since."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from application.keys import key_of_account
from domain import limits
from domain.api_key import ApiKey, KeyState
from domain.errors import NotFoundError
from domain.permissions import Action
from domain.report import Time
from interfaces.http.parameters import int_parameter, parameter, refused, time_parameter
from interfaces.http.requests import path_uuid
from interfaces.queries.key_history import PastKey
from interfaces.web.event_labels import KEY_EVENT_LABELS
from interfaces.web.page import ViewPage
from projections.paging import PageRequest

if TYPE_CHECKING:
    from datetime import datetime

    import falcon

    from interfaces.web.page import PageContext

_SHOWN_MAX = 50
_TIME: TypeAdapter[datetime] = TypeAdapter(Time)
_TO_THE_MINUTE = len("2026-03-10T21:43")
"""Browsers leave seconds out that are none."""


class KeyThenPage(ViewPage):
    """As it was; without a moment in the address, as it is now."""

    path = "/accounts/{account_id}/keys/{key_id}/then"
    template, tab, action = "key_then.html", "keys", Action.READ_KEYS
    parameters = ("as_of", "version", "at")

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        key = key_of_account(self._get(ApiKey, path_uuid(ids["key_id"])), context.account_id)
        then = self._then(req, context, key)
        history = self._services.key_history
        since, more = history.page(
            context.account_id,
            key.id,
            PageRequest(_SHOWN_MAX, f"v{then.key.version}" if then else None),
            lifecycle_only=True,
        )
        return {
            "key": key,
            "then": then,
            "asked": (parameter(req, "at") or "").strip(),
            "versions": key.version,
            "since": since,
            "has_more": more is not None,
            "changed": _changed(then, PastKey(key, self._services.clock())) if then else [],
            "uses_since": key.uses - (then.key.uses if then else 0),
            "event_labels": KEY_EVENT_LABELS,
            "process_names": self._process_names(context, [key.flow_id]),
            "people": self._services.users.names([*key.people, *(then.key.people if then else ())]),
        }

    def _then(self, req: falcon.Request, context: PageContext, key: ApiKey) -> PastKey | None:
        """Return the key as it was at the moment that is asked for; None when it was not made yet.

        Raises ProblemError, and NotFoundError for a version that it did not have.
        """
        at, version, typed = (
            time_parameter(req, "as_of"),
            int_parameter(req, "version", 1, limits.POSITION_MAX),
            _typed(req),
        )
        if sum(one is not None for one in (at, version, typed)) > 1:
            raise refused("as_of, version and at name a moment each: send one of them")
        at = at or typed
        if at is None and version is None:
            version = key.version
        try:
            return self._services.key_history.as_it_was(context.account_id, key.id, at, version)
        except NotFoundError:
            if at is None:
                raise
            return None


def _typed(req: falcon.Request) -> datetime | None:
    """Return the time that the form sends, which has no zone and is meant in UTC. Raises ProblemError."""
    text = (parameter(req, "at") or "").strip()
    if not text:
        return None
    try:
        found: datetime = _TIME.validate_python(f"{text}{':00' if len(text) == _TO_THE_MINUTE else ''}Z")
    except ValidationError:
        raise refused("at must be a time, as in 2026-03-10T21:43") from None
    return found


def _changed(then: PastKey, now: PastKey) -> set[str]:
    """Return which fields are others now. The template says of which of them it tells."""
    names = {field.name for field in fields(KeyState)}
    changed = {name for name in names if getattr(then.key, name) != getattr(now.key, name)}
    return changed if then.status == now.status else changed | {"status"}
