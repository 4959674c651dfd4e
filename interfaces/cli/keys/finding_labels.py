"""What `rpawatch keys hygiene` says of each kind of finding: to people, to scripts, and the command that helps."""

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
class KeyFinding:
    """A key with a finding. at: the present moment by the key's own times."""

    finding: Finding
    row: KeyRow
    account_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FindingLabels:
    """The words for a kind of finding.

    what: what is the matter, for people.
    detail: the same for scripts.
    to_do: what to do, in a word; command: the command that does it.
    """

    heading: str
    what: Callable[[KeyFinding], str]
    detail: Callable[[KeyFinding], Mapping[str, Any]]
    to_do: str
    command: Callable[[KeyFinding], str]


def number_of(count: int, what: str) -> str:
    """Return so many of something, in words."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _span(span: timedelta) -> str:
    if span >= _DAY:
        return number_of(span // _DAY, "day")
    return number_of(span // _HOUR, "hour") if span >= _HOUR else "less than an hour"


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}Z"


def _last_refusal(found: KeyFinding) -> str:
    row = found.row
    times = "once" if row.refusals == 1 else f"{row.refusals} times"
    origin = f" from {row.refused_address}" if row.refused_address else ""
    return f"refused {times} since its end, last {_minute(found.finding.at)}{origin}"


def _end_too(found: KeyFinding) -> str:
    """Say what happens by itself to a key that nobody uses."""
    expires_at = found.row.expires_at
    return "" if expires_at is None else f"; expires in {_span(expires_at - found.at)}"


def _idle_detail(found: KeyFinding) -> dict[str, Any]:
    row = found.row
    return {
        "created_at": time_text(row.created_at),
        "last_used_at": time_text(row.last_used_at),
        "uses": row.uses,
        "days": (found.at - found.finding.at) // _DAY,
        "expires_at": time_text(row.expires_at),
    }


def _refusal_detail(found: KeyFinding) -> dict[str, Any]:
    row = found.row
    return {
        "refusals": row.refusals,
        "refused_at": time_text(row.refused_at),
        "refused_address": row.refused_address,
        "ended_at": time_text(row.deactivated_at or row.expires_at),
        "rotated_to": str(row.rotated_to) if row.rotated_to else None,
    }


def _end_detail(found: KeyFinding) -> dict[str, Any]:
    row = found.row
    return {
        "expires_at": time_text(row.expires_at),
        "days_left": (found.finding.at - found.at) // _DAY,
        "last_used_at": time_text(row.last_used_at),
    }


def _rotation_detail(found: KeyFinding) -> dict[str, Any]:
    row = found.row
    return _end_detail(found) | {"rotated_at": time_text(row.rotated_at), "rotated_to": str(row.rotated_to)}


def _give_another(found: KeyFinding) -> str:
    row = found.row
    if row.rotated_to is not None:
        return f"rpawatch keys show {row.rotated_to}"
    scope = f" --process {row.flow_id}" if row.flow_id else ""
    return f"rpawatch keys create {shlex.quote(row.name)} --account {row.account_id}{scope} --limit {row.limit}"


def _rotate(found: KeyFinding) -> str:
    row = found.row
    left = None if row.expires_at is None else row.expires_at - found.at
    # The overlap must end before the key does, also when the command is run some time after it was read.
    overlap = f" --overlap {left // 2 // timedelta(seconds=1)}" if left is not None and left < 2 * _DAY else ""
    return f"rpawatch keys rotate {row.key_id}{overlap}"


def _deactivate(found: KeyFinding) -> str:
    return f"rpawatch keys deactivate {found.row.key_id} --reason Unused"


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
        lambda found: f"expires in {_span(found.finding.at - found.at)}, {_minute(found.finding.at)}",
        _end_detail,
        "Replace it",
        _rotate,
    ),
    FindingKind.NEVER_USED: FindingLabels(
        "Never used",
        lambda found: f"made {_span(found.at - found.finding.at)} ago{_end_too(found)}",
        _idle_detail,
        "End it",
        _deactivate,
    ),
    FindingKind.UNUSED: FindingLabels(
        "Not used any more",
        lambda found: f"last used {_span(found.at - found.finding.at)} ago{_end_too(found)}",
        _idle_detail,
        "End it",
        _deactivate,
    ),
    FindingKind.TOO_OLD: FindingLabels(
        "Too old for a key that never expires",
        lambda found: f"made {_span(found.at - found.finding.at)} ago",
        _idle_detail,
        "Replace it",
        _rotate,
    ),
    FindingKind.NOT_SWITCHED: FindingLabels(
        "Rotated, and used since: a robot has yet to switch",
        lambda found: f"rotated, ends at {_minute(found.finding.at)}, in {_span(found.finding.at - found.at)}",
        _rotation_detail,
        "Give the robot the new key",
        lambda found: f"rpawatch keys show {found.row.rotated_to}",
    ),
    FindingKind.NEVER_EXPIRES: FindingLabels(
        "Never expires (advice)",
        lambda found: f"made {_span(found.at - found.finding.at)} ago",
        _idle_detail,
        "Give it an end",
        lambda found: f"rpawatch keys change {found.row.key_id} --expires-at TIME",
    ),
}
