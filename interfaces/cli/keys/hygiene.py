"""`rpawatch keys hygiene`: the keys that need attention, for a mail each week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from domain.hygiene import FindingKind, Rules, Severity, finding_of
from domain.limits import KEY_UNUSED_NOTICE
from domain.times import time_text
from interfaces.cli.keys.finding_labels import FINDING_LABELS, KeyFinding, number_of
from interfaces.cli.keys.group import KEYS
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.output import CommandResult, Group
from interfaces.cli.store_command import store_command
from interfaces.http.answers.keys import key_resource
from projections.keys.listing import KeyRow
from projections.paging import all_items

_COLUMNS: Final = {
    "account": "Account",
    "name": "Name",
    "prefix": "Prefix",
    "id": "Id",
    "what": "What is the matter",
    "to_do": "What to do",
}
_DAYS_MAX: Final = 36_500
_SOMETHING_TO_DO: Final = 1


@dataclass(frozen=True, slots=True)
class Review:
    """The keys that were checked, and the findings about them, the most pressing first."""

    findings: list[KeyFinding]
    keys: int
    accounts: int
    suspended: int

    def count(self, severity: Severity) -> int:
        """Return how many findings have this severity."""
        return sum(found.finding.severity is severity for found in self.findings)


@store_command(
    KEYS,
    "hygiene",
    examples="""
        rpawatch keys hygiene
        rpawatch keys hygiene --account Finance --unused-days 30 --max-age-days 365
        rpawatch keys hygiene --json | jq '.findings[] | select(.severity == "act") | .key.id'
    """,
)
def hygiene(
    context: OperatorContext,
    *,
    account: Annotated[
        str | None,
        typer.Option(metavar="ACCOUNT", help="Of this account only: its id or exact name."),
    ] = None,
    unused_days: Annotated[
        int, typer.Option(metavar="N", min=1, max=_DAYS_MAX, help="A key not used for so long is one to end.")
    ] = KEY_UNUSED_NOTICE.days,
    max_age_days: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=_DAYS_MAX,
            help="A key that never expires and is as old is one to replace; else that is advice only.",
        ),
    ] = None,
    advice: Annotated[bool, typer.Option("--advice", help="List the keys of advice too, not only how many.")] = False,
) -> CommandResult:
    """Show the keys that need attention, and what to do. Exits with 1 when there is something to do."""
    max_age = None if max_age_days is None else timedelta(days=max_age_days)
    now = context.services.clock()
    review = _review(context, account, now, Rules(unused=timedelta(days=unused_days), max_age=max_age))
    listed = [found for found in review.findings if advice or found.finding.severity is not Severity.ADVICE]
    return CommandResult(
        _document(review, now),
        _COLUMNS,
        groups=[
            Group(FINDING_LABELS[kind].heading, [_line(found) for found in findings])
            for kind, findings in groupby(listed, key=lambda found: found.finding.kind)
        ],
        last_line=_summary(review, advice_is_listed=advice),
        exit_code=_SOMETHING_TO_DO if review.count(Severity.ACT) else 0,
    )


def _review(context: OperatorContext, account: str | None, now: datetime, rules: Rules) -> Review:
    context.wait_for_lists()
    accounts = context.accounts() if account is None else [context.account(account)]
    findings: list[KeyFinding] = []
    keys = 0
    for item in accounts:
        for row in _keys_of(context, item.id):
            keys += 1
            at = row.stamp(now)
            finding = finding_of(row, at, rules, suspended=item.suspended_at is not None)
            if finding is not None:
                findings.append(KeyFinding(finding, row, item.name, at))
    findings.sort(key=lambda found: (*found.finding.urgency, found.account_name, found.row.sort_name, found.row.key_id))
    return Review(findings, keys, len(accounts), sum(item.suspended_at is not None for item in accounts))


def _keys_of(context: OperatorContext, account_id: UUID) -> Iterator[KeyRow]:
    now = context.services.clock()
    return all_items(lambda page: context.services.keys.page(account_id, page, now))


def _document(review: Review, now: datetime) -> dict[str, Any]:
    per_kind = {kind.value: sum(found.finding.kind is kind for found in review.findings) for kind in FindingKind}
    per_severity = {severity.value: review.count(severity) for severity in Severity}
    seen = {"accounts": review.accounts, "suspended_accounts": review.suspended, "keys": review.keys}
    return {
        "generated_at": time_text(now),
        "findings": [
            {
                "finding": found.finding.kind.value,
                "severity": found.finding.severity.value,
                "key": {**key_resource(found.row, now), "account_name": found.account_name},
                "detail": FINDING_LABELS[found.finding.kind].detail(found),
                "command": FINDING_LABELS[found.finding.kind].command(found),
            }
            for found in review.findings
        ],
        "counts": seen | per_severity | per_kind,
    }


def _line(found: KeyFinding) -> dict[str, str]:
    words = FINDING_LABELS[found.finding.kind]
    return {
        "account": found.account_name,
        "name": found.row.name,
        "prefix": found.row.prefix,
        "id": str(found.row.key_id),
        "what": words.what(found),
        "to_do": f"{words.to_do}: {words.command(found)}",
    }


def _summary(review: Review, *, advice_is_listed: bool) -> str:
    to_do = review.count(Severity.ACT)
    sentences = [f"{to_do or 'None'} of {number_of(review.keys, 'key')} need{'' if to_do > 1 else 's'} attention."]
    if under_way := review.count(Severity.NOTICE):
        sentences.append(f"{number_of(under_way, 'rotation')} under way.")
    if endless := review.count(Severity.ADVICE):
        hint = "" if advice_is_listed else " (--advice lists them, --max-age-days asks for old ones)"
        sentences.append(f"{endless} never expire{'s' if endless == 1 else ''}{hint}.")
    if review.suspended:
        suspended = number_of(review.suspended, "suspended account")
        sentences.append(f"Of {suspended}, only keys that have ended were looked at.")
    return " ".join(sentences)
