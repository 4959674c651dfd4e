"""The labels of events and of their fields, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from domain.api_key import ApiKey
from domain.model import AGGREGATES, events_of
from interfaces.web.roles import role_names
from projections.audit.listing import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS: Final[Mapping[str, str]] = {
    "keep_addresses": "Client addresses",
    "process_id": "Process",
    "flow_id": "Process",
    "account_id": "Account",
    "prefix": "Begins with",
    "expires_at": "Expires",
    "rotated_from": "In place of",
    "rotated_to": "New key",
    "last_attempt_at": "Last attempt",
}
"""Labels of fields whose names people don't use."""
_KINDS: Final = {
    "prefix": "prefix",
    "rotated_from": "key",
    "rotated_to": "key",
    "process_id": "code",
    "account_id": "code",
}
"""Kinds of fields that are shown as more than text."""


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:].replace("_", " ")


EVENT_LABELS: Final = {
    topic: _sentence(f"{AGGREGATES[topic.partition('.')[0]].NOUN} {event.LABEL}".strip())
    for topic, event in ACTIONS.items()
}
"""Every action in words."""
KEY_EVENT_LABELS: Final = {topic: _sentence(event.LABEL) for topic, event in events_of(ApiKey).items() if event.LABEL}
"""Those of keys, where it is plain that it happened to one."""


@dataclass(frozen=True, slots=True)
class LabelledField:
    """One thing that an entry says. kind: how `value` is shown: "text", "time", "prefix", "key" or "code"."""

    label: str
    kind: str
    value: Any


def labelled_fields(changes: Mapping[str, Any], process_names: Mapping[str, str]) -> list[LabelledField]:
    """Return what an entry says of its own. process_names: by flow id, as far as they are known."""
    shown = {**changes}
    if "flow_id" in shown and "process" in shown:
        del shown["flow_id"]  # the name as it was then says more, and is there already
    return [_labelled_field(name, value, process_names) for name, value in shown.items()]


def _labelled_field(name: str, value: Any, process_names: Mapping[str, str]) -> LabelledField:  # noqa: ANN401 - of any event's fields
    kind = "time" if name.endswith("_at") else _KINDS.get(name, "text")
    if name == "flow_id" and str(value) not in process_names:
        kind = "code"
    return LabelledField(_FIELDS.get(name) or _sentence(name), kind, _in_words(name, value, process_names))


def _in_words(name: str, value: Any, process_names: Mapping[str, str]) -> Any:  # noqa: ANN401 - as above
    match name:
        case "role":
            return role_names([value])
        case "keep_addresses":
            return "kept" if value else "not kept"
        case "limit":
            return f"{value} in any 60 seconds"
        case "flow_id":
            return process_names.get(str(value), value)
        case _:
            return value
