"""A key: what it is, how it is used, what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from application.keys import key_of_account
from domain.api_key import ApiKey
from domain.hygiene import FindingKind, Rules, finding_of
from domain.permissions import Action
from interfaces.http.parameters import choice_parameter
from interfaces.http.requests import path_uuid
from interfaces.web.charts import OUTCOMES, usage_chart
from interfaces.web.event_labels import KEY_EVENT_LABELS
from interfaces.web.page import ViewPage
from interfaces.web.rendering import number_of
from projections.audit.queries import AuditFilter
from projections.jobs.listing import JobFilter
from projections.keys.uses import UseRow
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import falcon
    from markupsafe import Markup

    from interfaces.web.page import PageContext

ADVICE: Final = {
    FindingKind.STILL_PRESENTED: "A robot still presents this key, which has ended. Give it another one.",
    FindingKind.EXPIRES_SOON: "A robot that uses it stops when it expires. Rotate it before that.",
    FindingKind.NEVER_USED: "Nobody has used it since it was made. If no robot needs it, deactivate it.",
    FindingKind.UNUSED: "Nobody uses it any more. If no robot needs it, deactivate it.",
}
"""Advice on the page for each kind of finding; that a key never expires is not worth one."""
_JOBS_SHOWN = 5
_EVENTS_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that uses are shown of. step: of one bar."""

    name: str
    steps: int
    step: timedelta
    label: str

    def begin(self, now: datetime) -> datetime:
        """Return when the first bar begins, the last one being the hour or day that goes on now, in UTC."""
        whole = now.replace(minute=0, second=0, microsecond=0)
        if self.step >= timedelta(days=1):
            whole = whole.replace(hour=0)
        return whole - (self.steps - 1) * self.step


SPANS: Final = {
    "day": Span("24 hours", 24, timedelta(hours=1), "%H:00"),
    "month": Span("30 days", 30, timedelta(days=1), "%d %b"),
}


class KeyPage(ViewPage):
    """Never its secret."""

    path = "/accounts/{account_id}/keys/{key_id}"
    template, tab, action = "key.html", "keys", Action.READ_KEYS
    parameters = ("span",)

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        key = key_of_account(self._get(ApiKey, path_uuid(ids["key_id"])), context.account_id)
        now = self._services.clock()
        span = SPANS[choice_parameter(req, "span", tuple(SPANS)) or "day"]
        bars = self._uses(context, key.id, span, now)
        log, older = self._services.audit_log.page(
            context.account_id, AuditFilter(resource_ids=frozenset([key.id])), PageRequest(_EVENTS_SHOWN)
        )
        jobs, _ = self._services.jobs.page(
            context.account_id, JobFilter(key_ids=frozenset([key.id])), PageRequest(_JOBS_SHOWN)
        )
        return {
            "key": key,
            "advice": _advice(key, now, suspended=context.is_suspended),
            "process_names": self._process_names(context, [key.flow_id, *(job.flow_id for job in jobs)]),
            "people": self._services.users.names(key.people),
            "span": span,
            "spans": SPANS,
            "bars": bars,
            "chart": _chart(bars, span),
            "totals": {outcome: sum(getattr(bar, outcome) for bar in bars) for outcome in OUTCOMES},
            "log": log,
            "has_older": older is not None,
            "event_labels": KEY_EVENT_LABELS,
            "jobs": jobs,
        }

    def _uses(self, context: PageContext, key_id: UUID, span: Span, now: datetime) -> list[UseRow]:
        """Return uses by the hour or day, the oldest first, by what came of them."""
        begin = span.begin(now)
        bars = [UseRow(context.account_id, key_id, begin + number * span.step) for number in range(span.steps)]
        for row in self._services.keys.uses(context.account_id, [key_id], begin, now):
            bars[(row.hour - begin) // span.step].add(row)
        return bars


def _chart(bars: Sequence[UseRow], span: Span) -> Markup:
    uses = sum(getattr(bar, outcome) for bar in bars for outcome in OUTCOMES)
    words = f"{number_of(uses, 'use')} in {span.name}, by {'hour' if span.step < timedelta(days=1) else 'day'} in UTC"
    return usage_chart(bars, [f"{bar.hour:{span.label}}" for bar in bars], words)


def _advice(key: ApiKey, now: datetime, *, suspended: bool) -> str | None:
    """Return what should be done about a key, by the rules of `rpawatch keys hygiene`."""
    if key.rotated_to and key.is_active(key.stamp(now)):
        return None  # its end was chosen, and is shown beside it
    finding = finding_of(key, now, Rules(), suspended=suspended)
    return None if finding is None else ADVICE.get(finding.kind)
