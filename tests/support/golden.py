"""The golden files: one for every shape of every event that was ever released, with the exact bytes in the log.

    python -m tests.support.golden

writes the files that are missing, from the examples. A file that is there is never written again: what it holds stands
in somebody's log.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from pydantic_core import to_jsonable_python

from application.store.mapper import EventMapper
from domain.key_snapshot import ApiKeySnapshot
from domain.rate_limit import Window
from tests.support.examples import event_classes, example_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.model import Aggregate, Event

FOLDER = Path(__file__).parents[1] / "golden" / "events"


@dataclass(frozen=True)
class Golden:
    """What a golden file holds: a row of the log, and the state of its aggregate after it.

    The files of one stream are one history, in the order of their versions.
    """

    stored: StoredEvent
    replays_to: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Golden:
        """Read a file."""
        content = json.loads(path.read_text("utf-8"))
        stored = StoredEvent(
            UUID(content["originator_id"]),
            content["originator_version"],
            content["topic"],
            content["state"].encode(),
        )
        return cls(stored, content["replays_to"])

    def write(self, path: Path) -> None:
        """Write a file, unless it is there."""
        content = {
            "topic": self.stored.topic,
            "originator_id": str(self.stored.originator_id),
            "originator_version": self.stored.originator_version,
            "state": self.stored.state.decode(),
            "replays_to": self.replays_to,
        }
        with path.open("x", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")


def file_of(topic: str, class_version: int) -> Path:
    """Return where the golden file of a shape is."""
    return FOLDER / f"{topic}.v{class_version}.json"


def all_golden() -> dict[str, Golden]:
    """Return the golden files of events and snapshots by their names."""
    return {path.name: Golden.read(path) for path in sorted(FOLDER.glob("*.json"))}


def history_of(stream: UUID | str, up_to: int, golden: Iterable[Golden]) -> list[StoredEvent]:
    """Return the golden events of a stream, up to a version, in order, each in the last shape that is given of it.

    Snapshots are not among them.
    """
    events = {
        one.stored.originator_version: one.stored
        for one in golden
        if one.stored.originator_id == stream
        and one.stored.originator_version <= up_to
        and not one.stored.topic.endswith(".snapshot")
    }
    return [events[version] for version in sorted(events)]


def replay(events: Iterable[Event | ApiKeySnapshot]) -> Any:
    """Return the aggregate that these events lead to."""
    aggregate: Any = None
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def state_of(aggregate: Aggregate) -> dict[str, Any]:
    """Return everything that an aggregate is made of, as JSON knows it; sets in order."""
    return {
        name.removeprefix("_"): to_jsonable_python(
            sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, Window) else value
        )
        for name, value in sorted(vars(aggregate).items())
        if name != "_pending_events"
    }


def example_snapshot(events: list[Event]) -> ApiKeySnapshot:
    """Return a snapshot of the key among the examples: after the last of them, so that each field has been set.

    Where its shape has a golden file, it is of the version that stands there: examples may have been added since.
    """
    path = file_of(ApiKeySnapshot.TOPIC, ApiKeySnapshot.class_version)
    key = [event for event in events if event.TOPIC.startswith("api_key.")]
    version = Golden.read(path).stored.originator_version if path.exists() else len(key)
    return ApiKeySnapshot.of(replay(key[:version]))


def main() -> None:
    """Write the files that are missing."""
    mapper = EventMapper()
    events = example_events()
    known = {kind.TOPIC for kind in event_classes()} - {event.TOPIC for event in events}
    if known:
        sys.exit(f"tests/support/examples.py has no example of {', '.join(sorted(known))}")
    for event in events:
        path = file_of(event.TOPIC, event.class_version)
        if not path.exists():
            stored = mapper.to_stored_event(event)
            version = stored.originator_version
            before = history_of(stored.originator_id, version - 1, all_golden().values())
            aggregate = replay(map(mapper.to_domain_event, [*before, stored]))
            Golden(stored, state_of(aggregate)).write(path)
            sys.stdout.write(f"wrote {path.name}\n")
    snapshot = example_snapshot(events)
    path = file_of(snapshot.TOPIC, snapshot.class_version)
    if not path.exists():
        Golden(mapper.to_stored_event(snapshot), state_of(replay([snapshot]))).write(path)
        sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    main()
