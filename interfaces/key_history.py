"""What happened to a key as it looks on the wire and at the command line."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from interfaces.http.presenters import time_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.replay.keys import Happening


def happening_item(happening: Happening) -> dict[str, Any]:
    """Return an event of a key. changes: field to [before, after]; what came of a use stands beside it, else null."""
    return {
        "version": happening.version,
        "at": time_text(happening.at),
        "actor": happening.actor,
        "action": happening.action,
        "changes": changes_item(happening.changes),
        "outcome": happening.details.get("outcome"),
        "problem": happening.details.get("problem"),
        "job_id": shown(happening.details.get("job_id")),
        "address": happening.address,
        "request_id": happening.request_id,
        "position": happening.position,
    }


def changes_item(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Return changes as JSON knows them."""
    return {name: [shown(before), shown(after)] for name, (before, after) in changes.items()}


def shown(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a value of a key's state as JSON knows it."""
    if isinstance(value, datetime):
        return time_text(value)
    return value if value is None or isinstance(value, bool | int) else str(value)
