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
from interfaces.cli.keys.hygiene_words import FINDING_LABELS, Case, number_of
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.output import CommandResult, Group
from interfaces.cli.store_command import store_command
from projections.keys.listing import KeyRow
from projections.keys.queries import list_keys
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
class Looked:
    """What was looked at, and what came of it, the most pressing first."""

    cases: list[Case]
    keys: int
    accounts: int
    suspended: int

    def count(self, severity: Severity) -> int:
        """Return how many findings ask for this."""
        return sum(case.finding.severity is severity for case in self.cases)


def add_to(keys: typer.Typer) -> None:
    store_command(
        keys,
        "hygiene",
        examples="""
            rpawatch keys hygiene
            rpawatch keys hygiene --account Finance --unused-days 30 --max-age-days 365
            rpawatch keys hygiene --json | jq '.findings[] | select(.severity == "act") | .key.id'
        """,
    )(hygiene)


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
    looked = _look(context, account, now, Rules(unused=timedelta(days=unused_days), max_age=max_age))
    listed = [case for case in looked.cases if advice or case.finding.severity is not Severity.ADVICE]
    return CommandResult(
        _document(looked, now),
        _COLUMNS,
        groups=[
            Group(FINDING_LABELS[kind].heading, [_line(case) for case in cases])
            for kind, cases in groupby(listed, key=lambda case: case.finding.kind)
        ],
        last_line=_summary(looked, advice_is_listed=advice),
        exit_code=_SOMETHING_TO_DO if looked.count(Severity.ACT) else 0,
    )


def _look(context: OperatorContext, account: str | None, now: datetime, rules: Rules) -> Looked:
    context.lists()  # so that the list of keys shows what is in the log now
    accounts = context.accounts() if account is None else [context.account(account)]
    cases: list[Case] = []
    keys = 0
    for item in accounts:
        for row in _keys_of(context, item.id):
            keys += 1
            at = row.stamp(now)
            finding = finding_of(row, at, rules, suspended=item.suspended_at is not None)
            if finding is not None:
                cases.append(Case(finding, row, item.name, at))
    cases.sort(key=lambda case: (*case.finding.urgency, case.account_name, case.row.sort_name, case.row.key_id))
    return Looked(cases, keys, len(accounts), sum(item.suspended_at is not None for item in accounts))


def _keys_of(context: OperatorContext, account_id: UUID) -> Iterator[KeyRow]:
    database, now = context.services.database, context.services.clock()
    return all_items(lambda page: list_keys(database, account_id=account_id, page=page, now=now))


def _document(looked: Looked, now: datetime) -> dict[str, Any]:
    per_kind = {kind.value: sum(case.finding.kind is kind for case in looked.cases) for kind in FindingKind}
    per_severity = {severity.value: looked.count(severity) for severity in Severity}
    seen = {"accounts": looked.accounts, "suspended_accounts": looked.suspended, "keys": looked.keys}
    return {
        "generated_at": time_text(now),
        "findings": [
            {
                "finding": case.finding.kind.value,
                "severity": case.finding.severity.value,
                "key": _key(case),
                "detail": FINDING_LABELS[case.finding.kind].detail(case),
                "command": FINDING_LABELS[case.finding.kind].command(case),
            }
            for case in looked.cases
        ],
        "counts": seen | per_severity | per_kind,
    }


def _key(case: Case) -> dict[str, Any]:
    row = case.row
    return {
        "id": str(row.key_id),
        "name": row.name,
        "prefix": row.prefix,
        "account_id": str(row.account_id),
        "account_name": case.account_name,
        "flow_id": str(row.flow_id) if row.flow_id else None,
        "status": row.status(case.at).value,
    }


def _line(case: Case) -> dict[str, str]:
    words = FINDING_LABELS[case.finding.kind]
    return {
        "account": case.account_name,
        "name": case.row.name,
        "prefix": case.row.prefix,
        "id": str(case.row.key_id),
        "what": words.what(case),
        "to_do": f"{words.to_do}: {words.command(case)}",
    }


def _summary(looked: Looked, *, advice_is_listed: bool) -> str:
    to_do = looked.count(Severity.ACT)
    sentences = [f"{to_do or 'None'} of {number_of(looked.keys, 'key')} need{'' if to_do > 1 else 's'} attention."]
    if under_way := looked.count(Severity.NOTICE):
        sentences.append(f"{number_of(under_way, 'rotation')} under way.")
    if endless := looked.count(Severity.ADVICE):
        hint = "" if advice_is_listed else " (--advice lists them, --max-age-days asks for old ones)"
        sentences.append(f"{endless} never expire{'s' if endless == 1 else ''}{hint}.")
    if looked.suspended:
        suspended = number_of(looked.suspended, "suspended account")
        sentences.append(f"Of {suspended}, only keys that have ended were looked at.")
    return " ".join(sentences)
