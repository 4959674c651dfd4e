"""The audit log of an account: who did what, when, to what and from where."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from application.identity.actors import ActorKind
from domain import limits
from domain.account import Account
from domain.api_key import ApiKey
from domain.member import Member
from domain.model import SYSTEM_ACTOR
from domain.permissions import Action
from domain.process import Process
from domain.times import time_text
from interfaces.audit_export import EXPORT_FORMATS
from interfaces.http.audit import actor_parameter
from interfaces.http.parameters import check_order, choice_parameter, only, parameter, refused, uuid_parameter
from interfaces.web.event_labels import EVENT_LABELS, labelled_fields
from interfaces.web.page import ViewPage
from projections.audit.listing import ACTIONS, KINDS
from projections.audit.queries import AuditFilter
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import falcon

    from interfaces.queries.audit_log import AuditEntry
    from interfaces.web.page import PageContext
    from projections.audit.listing import AuditRow

KIND_NAMES: Final[Mapping[str, str]] = {
    Account.TOPIC: "The account",
    Process.TOPIC: "Processes",
    Member.TOPIC: "Members",
    ApiKey.TOPIC: "API keys",
}
_TREE_BEHIND_MAX: Final = timedelta(seconds=10)
"""Most that the tree may be behind the log when its head is signed."""
_PATH_TO: Final[Mapping[str, tuple[str, Action]]] = {ApiKey.TOPIC: ("keys", Action.READ_KEYS)}
"""The page of each kind of thing that has one, and the permission that it takes to see it."""
_DAYS: Final = (limits.TIME_MIN.date(), limits.TIME_MAX.date() - timedelta(days=2))
"""The first and the last day that can be asked for: the API's times end with the year, and a day ends in the next."""


class AuditPage(ViewPage):
    """One page of it, as the address says; newest first."""

    path = "/accounts/{account_id}/audit"
    template, tab, action = "audit.html", "audit", Action.READ_AUDIT
    parameters = ("actor", "action", "resource", "from", "to", "cursor")

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        first, last = _day(req, "from"), _day(req, "to")
        check_order(first, last)
        actor, action = actor_parameter(req), choice_parameter(req, "action", (*KINDS, *ACTIONS))
        resource = uuid_parameter(req, "resource")
        where = AuditFilter(
            actors=only(actor),
            actions=only(action),
            resource_ids=only(resource),
            since=None if first is None else _begin(first),
            before=None if last is None else _begin(last + timedelta(days=1)),
        )
        found, next_cursor = self._services.audit_log.page(
            context.account_id, where, PageRequest(cursor=parameter(req, "cursor"))
        )
        asked = {
            "actor": actor or "",
            "action": action or "",
            "resource": str(resource or ""),
            "from": first.isoformat() if first else "",
            "to": last.isoformat() if last else "",
        }
        head = self._services.log_proofs.latest_head()
        provable_before = head.signed_at - _TREE_BEHIND_MAX if head else limits.TIME_MIN
        flow_ids = [UUID(flow_id) for entry in found if (flow_id := entry.row.changes.get("flow_id"))]
        process_names = {str(flow_id): name for flow_id, name in self._process_names(context, flow_ids).items()}
        return {
            "asked": asked,
            "query": {name: value for name, value in asked.items() if value},
            "entries": [
                {
                    "row": entry.row,
                    "by": entry.by,
                    "label": entry.label,
                    "link": _link(context, entry.row),
                    "told": labelled_fields(entry.row.typed_changes, process_names),
                    "provable": entry.row.at < provable_before,
                }
                for entry in found
            ],
            "next_cursor": next_cursor,
            "people": self._choosable(context, found, actor),
            "choices": {
                kind: {one: EVENT_LABELS[one] for one in ACTIONS if one.startswith(f"{kind}.")} for kind in KINDS
            },
            "kind_names": KIND_NAMES,
            "event_labels": EVENT_LABELS,
            "resource_label": _label(found) if resource else None,
            "exports": list(EXPORT_FORMATS),
            "export_query": {
                name: value
                for name, value in (asked | {"from": time_text(where.since), "to": time_text(where.before)}).items()
                if value
            },
        }

    def _choosable(self, context: PageContext, found: Sequence[AuditEntry], actor: str | None) -> dict[str, str]:
        """Return whom the log can be narrowed to, by id: members, for who may see them, and who is on the page."""
        people = {
            entry.row.actor: entry.by.name or entry.row.actor for entry in found if entry.by.kind is ActorKind.USER
        }
        if context.may(Action.READ_MEMBERS):
            members, _ = self._services.members.page(context.account_id, PageRequest(limits.PAGE_ITEMS_MAX))
            people |= {
                str(known.member.user_id): known.user.name if known.user else str(known.member.user_id)
                for known in members
            }
        if actor is not None and actor != SYSTEM_ACTOR:
            people.setdefault(actor, actor)
        return dict(sorted(people.items(), key=lambda person: person[1].casefold()))


def _day(req: falcon.Request, name: str) -> date | None:
    text = parameter(req, name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise refused(f"{name} must be a day, as in 2026-03-10") from None
    if not _DAYS[0] <= day <= _DAYS[1]:
        raise refused(f"{name} must be from {_DAYS[0]} to {_DAYS[1]}")
    return day


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _link(context: PageContext, row: AuditRow) -> str | None:
    """Return where something is shown, or None where it has no page or the visitor must not see it."""
    path, action = _PATH_TO.get(row.kind, ("", None))
    return f"{context.base}/{path}/{row.resource_id}" if action is not None and context.may(action) else None


def _label(found: Sequence[AuditEntry]) -> str | None:
    """Return what that is called which all of the rows are about."""
    return next((entry.label for entry in found if entry.label), None)
