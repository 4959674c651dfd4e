"""`rpawatch audit replay`, `diff`, `uses`, `limits`: what happened to a key, and whether its limit was kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from application.replay.keys import Replay, ReplayedEvent
from application.replay.limits import Breach, breaches
from application.replay.order import ClockSteps
from domain.proof.check import DOES_NOT_HOLD, HOLDS
from domain.report import Time
from domain.times import time_text
from interfaces.cli.audit.group import AUDIT, checks
from interfaces.cli.inputs import check_order, checked, checked_period
from interfaces.cli.long_answers import show_items
from interfaces.cli.operator_context import OperatorContext, open_context
from interfaces.cli.options import AsJson, DatabaseUrl, DataDir, KeyId, Since, Until, uuid_of
from interfaces.cli.output import CommandResult, WrongUsageError, show
from interfaces.cli.progress_line import ProgressBar
from interfaces.cli.store_command import command, store_command
from interfaces.http.answers.keys import KeyEvent, changes_item, key_event, key_resource, shown

_HISTORY_COLUMNS: Final = {
    "version": "Version",
    "at": "Time",
    "actor": "By",
    "action": "Event",
    "what": "What changed",
    "position": "Position",
}
_HISTORY_CSV: Final = (
    "version", "at", "actor", "action", "changes", "outcome", "problem", "job_id", "address", "request_id", "position",
)  # fmt: skip
_USE_COLUMNS: Final = {
    "at": "Time",
    "outcome": "Outcome",
    "problem": "Problem",
    "job_id": "Job",
    "address": "From where",
    "version": "Version",
    "position": "Position",
}
_BREACH_COLUMNS: Final = {
    "kind": "Breach",
    "key_id": "Key",
    "at": "Time",
    "uses": "Uses",
    "limit": "Limit",
    "text": "Details",
}
_BREACHES_MAX: Final = 1_000
"""Most breaches that are named."""

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]
FromStart = Annotated[
    bool, typer.Option("--from-start", help="Replay every event, and trust no snapshot that the service kept.")
]


@command(
    AUDIT,
    "replay",
    examples="""
        rpawatch audit replay 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11
        rpawatch audit replay 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --at 2026-03-10T21:43:51Z
        rpawatch audit replay 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --all --csv > life.csv
    """,
)
def replay(  # noqa: PLR0913 - each is an option
    key_id: KeyId,
    *,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="As it was then: 2026-03-10T21:43:51Z."),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="As it was after N events.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Its uses too, of which there may be millions.")] = False,
    from_start: FromStart = False,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the life of a key, or what it was at an instant, replayed from the log by the code that decided then."""
    if at is not None and version is not None:
        raise WrongUsageError("--at and --version are two ways to name an instant. Name one of them.")
    instant = None if at is None else _time(at, "at")
    with open_context(data_dir, database_url) as context:
        replays = Replay(context.services.event_sourcing)
        if instant is None and version is None:
            events = replays.events(key_id, lifecycle_only=not is_all)
            show_items(_for_people(events), _HISTORY_COLUMNS, as_json=as_json, as_csv=as_csv, csv_columns=_HISTORY_CSV)
            return
        if as_csv:
            raise WrongUsageError("--csv is for a history. Leave it out, or leave out --at and --version.")
        if instant is not None:
            key = replays.at(key_id, instant, from_start=from_start)
        else:
            key = replays.at_version(key_id, version or 0, from_start=from_start)
            instant = key.modified_on
        document = {"as_of": time_text(instant), "version": key.version, **key_resource(key, instant)}
        columns = {name: name.replace("_", " ").capitalize() for name in document}
        show(CommandResult(document, columns), as_json=as_json)


@store_command(
    AUDIT,
    "diff",
    examples="rpawatch audit diff 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --from 2026-03-01T00:00:00Z"
    " --to 2026-04-01T00:00:00Z",
)
def diff(
    context: OperatorContext,
    key_id: KeyId,
    *,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="The earlier instant.")],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="The later one.")],
) -> CommandResult:
    """Show what changed about a key between two instants, and how often it was used in between."""
    begins, ends = _time(since, "from"), _time(until, "to")
    check_order(begins, ends)
    found = Replay(context.services.event_sourcing).difference(key_id, begins, ends)
    document: dict[str, Any] = {
        "from": time_text(begins),
        "to": time_text(ends),
        "versions": [found.before.version if found.before else 0, found.after.version if found.after else 0],
        "changes": changes_item(found.changes),
        "uses": dict(found.uses),
        "items": [key_event(event) for event in found.events],
    }
    rows = [
        {"field": name, "before": shown(before), "after": shown(after)}
        for name, (before, after) in found.changes.items()
    ]
    uses = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(found.uses.items())) or "none"
    return CommandResult(
        document,
        {"field": "Field", "before": "Before", "after": "After"},
        rows=rows,
        note=f"Uses in between: {uses}. Other events in between: {len(found.events):,}.",
    )


@command(
    AUDIT,
    "uses",
    examples="""
        rpawatch audit uses 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --from 2026-03-10T00:00:00Z
        rpawatch audit uses 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --csv > uses.csv
    """,
)
def uses(  # noqa: PLR0913 - each is an option
    key_id: KeyId,
    *,
    since: Since = None,
    until: Until = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List every use of a key: when, from where, what came of it, and the job that it was about."""
    begins, ends = checked_period(since, until)
    with open_context(data_dir, database_url) as context:
        found = Replay(context.services.event_sourcing).uses(key_id, begins, ends)
        items = map(_use, found)
        show_items(items, _USE_COLUMNS, as_json=as_json, as_csv=as_csv, csv_columns=(*_USE_COLUMNS, "request_id"))


@command(
    AUDIT,
    "limits",
    examples="""
        rpawatch audit limits
        rpawatch audit limits 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --json
    """,
)
@checks
def limits(
    key_id: Annotated[
        UUID | None,
        typer.Argument(metavar="[KEY_ID]", parser=uuid_of, help="Of this key; else of all."),
    ] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Recompute from the log that no 60 seconds of any key hold more uses than its limit then, and name every breach.

    A use after the end of its key, time that runs backwards and a missing version are breaches too; so is a use that a
    clock let in that was ahead of others, as the order of the log shows. The exit code is 0 when there is none, 1 when
    there are some, 2 when it could not be checked.
    """
    with open_context(data_dir, database_url) as context:
        found: list[Breach] = []
        steps = ClockSteps()
        with ProgressBar("Reading the log") as progress:
            for breach in breaches(context.services.event_sourcing, key_id, progress.update, steps):
                found.append(breach)
                if len(found) == _BREACHES_MAX:
                    break
        items = [{**asdict(breach), "key_id": str(breach.key_id), "at": time_text(breach.at)} for breach in found]
        document = {"holds": not found, "clock_steps": asdict(steps), "items": items}
        notes = ["There may be more."] if len(found) == _BREACHES_MAX else []
        if steps.count:
            notes.append(
                f"Time ran back {steps.count:,} times in the log, by {steps.seconds_max:,.0f} s at most, from position"
                f" {steps.first} to {steps.last}: clocks were wrong. docs/auditing.md says what is checked then."
            )
        note = "\n".join(notes) or None
        if found:
            show(CommandResult(document, _BREACH_COLUMNS, note=note), as_json=as_json)
        else:
            line = "It holds: no limit was broken."
            show(CommandResult(document, {}, groups=[], last_line=line, note=note), as_json=as_json)
    return DOES_NOT_HOLD if found else HOLDS


def _time(text: str, name: str) -> datetime:
    found: datetime = checked(Time, text, name)
    return found


def _for_people(events: Iterator[ReplayedEvent]) -> Iterator[dict[str, Any]]:
    for event in events:
        item = key_event(event)
        yield {**item, "what": _what(item)}


def _use(event: ReplayedEvent) -> dict[str, object]:
    item: dict[str, object] = {**key_event(event)}
    return {name: item[name] for name in (*_USE_COLUMNS, "request_id")}


def _what(item: KeyEvent) -> str:
    """Return what an event changed, for people."""
    if item["outcome"] is not None:
        return " ".join(filter(None, (item["outcome"], item["problem"], item["job_id"] and f"job {item['job_id']}")))
    changes = item["changes"].items()
    return ", ".join(
        f"{name} {after}" if before is None else f"{name} {before} -> {'nothing' if after is None else after}"
        for name, (before, after) in changes
        if name != "account_id"
    )
