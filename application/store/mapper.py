"""Events to bytes and back. The topic names the class for ever; `v` in the bytes names the shape that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from eventsourcing.persistence import Mapper, StoredEvent
from pydantic import ValidationError

from application.store.staging import token_of
from domain import account, api_key, job, key_snapshot, member, process, receipt  # noqa: F401 - so that their events are known
from domain.model import KINDS, Event, Snapshot

if TYPE_CHECKING:
    from application.store.log.reading import LoggedEvent


class UnreadableEventError(Exception):
    """An event in the log can't be read: it names its position in its stream, and what is wrong with it."""


class EventMapper(Mapper[UUID]):
    """Encodes with pydantic-core, decodes with upcasts of old shapes and full validation."""

    def __init__(self) -> None:
        """No transcoder, compressor or cipher: pydantic models encode themselves."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:  # noqa: ANN401 - an event or a snapshot of ours
        """Return the row of an event or a snapshot; the version of the shape comes first.

        Of an event that is staged, the token that stands for it in an append (staging.py).
        """
        if isinstance(domain_event, job.Job.Reported) and domain_event.staged is not None:
            state = token_of(domain_event.staged)
        else:
            body = domain_event.__pydantic_serializer__.to_json(
                domain_event, exclude_none=isinstance(domain_event, Event)
            )
            state = b'{"v":%d,' % domain_event.class_version + body[1:]
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=domain_event.TOPIC,
            state=state,
        )

    def to_domain_event(self, stored_event: StoredEvent | LoggedEvent) -> Any:  # noqa: ANN401 - whichever class the topic names
        """Return the event of a row. Raises UnreadableEventError."""
        kind = KINDS.get(stored_event.topic)
        if kind is None:
            raise UnreadableEventError(
                f"{_place(stored_event)} has the topic {stored_event.topic!r}, which this release does not know;"
                " was it written by a newer one?"
            )
        try:
            state = orjson.loads(stored_event.state)
            _bring_up_to_date(kind, state)
            state["originator_id"] = stored_event.originator_id
            state["originator_version"] = stored_event.originator_version
            return kind.__pydantic_validator__.validate_python(state)
        except (ValueError, ValidationError, KeyError, AttributeError, TypeError) as error:
            why = "; ".join(str(error).splitlines()[:3])
            raise UnreadableEventError(f"{_place(stored_event)} ({stored_event.topic}) can't be read: {why}") from error


def _place(stored_event: StoredEvent | LoggedEvent) -> str:
    return f"version {stored_event.originator_version} of stream {stored_event.originator_id}"


def _bring_up_to_date(kind: type[Event | Snapshot], state: dict[str, Any]) -> None:
    written = state.pop("v")
    if written > kind.class_version:
        raise ValueError("a newer release has written it")
    if written < kind.class_version:
        kind.upcast(state, written)
