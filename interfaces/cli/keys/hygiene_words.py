"""How `rpawatch keys hygiene` tells what is the matter with a key: to people, to scripts, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.hygiene import Finding, FindingKind
from domain.times import time_text
from projections.keys.listing import KeyRow

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Case:
    """A key with a finding. at: now, as the key knows it."""

    finding: Finding
    row: KeyRow
    account_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FindingLabels:
    """How a kind of finding is shown. what: to people. detail: to scripts. to_do: in a word, and the command for it."""

    heading: str
    what: Callable[[Case], str]
    detail: Callable[[Case], Mapping[str, Any]]
    to_do: str
    command: Callable[[Case], str]


def number_of(count: int, what: str) -> str:
    """Return so many of something, in words."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _span(span: timedelta) -> str:
    if span >= _DAY:
        return number_of(span // _DAY, "day")
    return number_of(span // _HOUR, "hour") if span >= _HOUR else "less than an hour"


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}Z"


def _last_refusal(case: Case) -> str:
    row = case.row
    times = "once" if row.refusals == 1 else f"{row.refusals} times"
    origin = f" from {row.refused_address}" if row.refused_address else ""
    return f"refused {times} since its end, last {_minute(case.finding.at)}{origin}"


def _end_too(case: Case) -> str:
    """Say what happens by itself to a key that nobody uses."""
    expires_at = case.row.expires_at
    return "" if expires_at is None else f"; expires in {_span(expires_at - case.at)}"


def _idle_detail(case: Case) -> dict[str, Any]:
    row = case.row
    return {
        "created_at": time_text(row.created_at),
        "last_used_at": time_text(row.last_used_at),
        "uses": row.uses,
        "days": (case.at - case.finding.at) // _DAY,
        "expires_at": time_text(row.expires_at),
    }


def _refusal_detail(case: Case) -> dict[str, Any]:
    row = case.row
    return {
        "refusals": row.refusals,
        "refused_at": time_text(row.refused_at),
        "refused_address": row.refused_address,
        "ended_at": time_text(row.deactivated_at or row.expires_at),
        "rotated_to": str(row.rotated_to) if row.rotated_to else None,
    }


def _end_detail(case: Case) -> dict[str, Any]:
    row = case.row
    return {
        "expires_at": time_text(row.expires_at),
        "days_left": (case.finding.at - case.at) // _DAY,
        "last_used_at": time_text(row.last_used_at),
    }


def _rotation_detail(case: Case) -> dict[str, Any]:
    row = case.row
    return _end_detail(case) | {"rotated_at": time_text(row.rotated_at), "rotated_to": str(row.rotated_to)}


def _give_another(case: Case) -> str:
    row = case.row
    if row.rotated_to is not None:
        return f"rpawatch keys show {row.rotated_to}"
    scope = f" --process {row.flow_id}" if row.flow_id else ""
    return f"rpawatch keys create {shlex.quote(row.name)} --account {row.account_id}{scope} --limit {row.limit}"


def _rotate(case: Case) -> str:
    row = case.row
    left = None if row.expires_at is None else row.expires_at - case.at
    # The overlap must end before the key does, also when the command is run some time after it was read.
    overlap = f" --overlap {left // 2 // timedelta(seconds=1)}" if left is not None and left < 2 * _DAY else ""
    return f"rpawatch keys rotate {row.key_id}{overlap}"


def _deactivate(case: Case) -> str:
    return f"rpawatch keys deactivate {case.row.key_id} --reason Unused"


FINDING_LABELS: Final[Mapping[FindingKind, FindingLabels]] = {
    FindingKind.STILL_PRESENTED: FindingLabels(
        "Ended, and still presented: a robot was forgotten",
        _last_refusal,
        _refusal_detail,
        "Stop the robot, or give it another key",
        _give_another,
    ),
    FindingKind.EXPIRES_SOON: FindingLabels(
        "Expires soon: the robot stops then",
        lambda case: f"expires in {_span(case.finding.at - case.at)}, {_minute(case.finding.at)}",
        _end_detail,
        "Replace it",
        _rotate,
    ),
    FindingKind.NEVER_USED: FindingLabels(
        "Never used",
        lambda case: f"made {_span(case.at - case.finding.at)} ago{_end_too(case)}",
        _idle_detail,
        "End it",
        _deactivate,
    ),
    FindingKind.UNUSED: FindingLabels(
        "Not used any more",
        lambda case: f"last used {_span(case.at - case.finding.at)} ago{_end_too(case)}",
        _idle_detail,
        "End it",
        _deactivate,
    ),
    FindingKind.TOO_OLD: FindingLabels(
        "Too old for a key that never expires",
        lambda case: f"made {_span(case.at - case.finding.at)} ago",
        _idle_detail,
        "Replace it",
        _rotate,
    ),
    FindingKind.NOT_SWITCHED: FindingLabels(
        "Rotated, and used since: a robot has yet to switch",
        lambda case: f"rotated, ends at {_minute(case.finding.at)}, in {_span(case.finding.at - case.at)}",
        _rotation_detail,
        "Give the robot the new key",
        lambda case: f"rpawatch keys show {case.row.rotated_to}",
    ),
    FindingKind.NEVER_EXPIRES: FindingLabels(
        "Never expires (advice)",
        lambda case: f"made {_span(case.at - case.finding.at)} ago",
        _idle_detail,
        "Give it an end",
        lambda case: f"rpawatch keys change {case.row.key_id} --expires-at TIME",
    ),
}
