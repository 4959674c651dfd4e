"""An event once written stays readable for ever: a file for every shape that was released, with its exact bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from application.store.mapper import EventMapper
from domain.api_key import ApiKey
from tests.support.examples import event_classes, example_events
from tests.support.golden import (
    FOLDER,
    Golden,
    all_golden,
    example_snapshot,
    file_of,
    history_of,
    replay,
    state_of,
)

if TYPE_CHECKING:
    from domain.model import Event, Snapshot

MAPPER = EventMapper()
GOLDEN = all_golden()
_EXAMPLES: list[Event | Snapshot] = [*example_events(), example_snapshot(example_events())]
EXAMPLES = {file_of(example.TOPIC, example.class_version).name: example for example in _EXAMPLES}


@pytest.mark.parametrize("kind", event_classes(), ids=lambda kind: kind.TOPIC)
def test_every_event_there_is_has_a_golden_file_of_each_of_its_shapes(kind: type[Event]) -> None:
    for version in range(1, kind.class_version + 1):
        assert file_of(kind.TOPIC, version).exists(), "make derived writes it"


def test_every_golden_file_is_of_an_event_or_snapshot_that_there_is() -> None:
    topics = {kind.TOPIC for kind in event_classes()} | {example.TOPIC for example in EXAMPLES.values()}
    assert {golden.stored.topic for golden in GOLDEN.values()} == topics
    assert {path.name for path in FOLDER.iterdir()} == set(GOLDEN)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_golden_event_is_read(name: str) -> None:
    stored = GOLDEN[name].stored
    event = MAPPER.to_domain_event(stored)
    assert (event.originator_id, event.originator_version) == (stored.originator_id, stored.originator_version)
    assert stored.topic == type(event).TOPIC


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_golden_event_is_read_to_the_event_that_was_written(name: str) -> None:
    assert MAPPER.to_domain_event(GOLDEN[name].stored) == EXAMPLES[name]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_event_is_written_with_the_bytes_of_its_golden_file(name: str) -> None:
    stored = MAPPER.to_stored_event(EXAMPLES[name])
    assert stored.state.decode() == GOLDEN[name].stored.state.decode()
    assert stored == GOLDEN[name].stored


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_golden_history_replays_to_the_recorded_state(name: str) -> None:
    golden = GOLDEN[name]
    if golden.stored.topic.endswith(".snapshot"):
        history = [golden.stored]
    else:
        before = golden.stored.originator_version - 1
        history = [*history_of(golden.stored.originator_id, before, GOLDEN.values()), golden.stored]
    state = state_of(replay(MAPPER.to_domain_event(stored) for stored in history))
    # What a later release adds to the state is not in an older file.
    assert {field: state.get(field) for field in golden.replays_to} == golden.replays_to


@pytest.mark.parametrize("name", [name for name in sorted(GOLDEN) if ".snapshot." in name])
def test_a_snapshot_is_the_state_that_its_events_lead_to(name: str) -> None:
    snapshot = GOLDEN[name].stored
    history = history_of(snapshot.originator_id, snapshot.originator_version, GOLDEN.values())
    from_events = replay(MAPPER.to_domain_event(stored) for stored in history)
    from_snapshot = replay([MAPPER.to_domain_event(snapshot)])
    assert isinstance(from_snapshot, ApiKey)
    # What a later release adds to the state was in no older snapshot.
    known = GOLDEN[name].replays_to.keys()
    assert [state_of(from_snapshot)[field] for field in known] == [state_of(from_events)[field] for field in known]


def test_no_golden_file_holds_personal_data_or_a_secret() -> None:
    for golden in GOLDEN.values():
        state = golden.stored.state.decode()
        for word in ("@", "rpakey_", "password", "argon2"):
            assert word not in state


def test_a_golden_file_is_never_written_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    golden: Golden = next(iter(GOLDEN.values()))
    path = tmp_path_factory.mktemp("golden") / "account.opened.v1.json"
    golden.write(path)
    with pytest.raises(FileExistsError):
        golden.write(path)
