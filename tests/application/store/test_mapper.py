"""Events to bytes and back: old shapes are brought up to date, and what can't be read is named by its place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from application.store.mapper import EventMapper, UnreadableEventError
from domain import key_snapshot
from domain.api_key import ApiKey
from domain.job import Job
from domain.model import Aggregate, Event, added, added_fields
from tests.support.examples import ACCOUNT, COMMAND, KEY, a_job, example_events
from tests.support.golden import example_snapshot

if TYPE_CHECKING:
    from domain.model import Snapshot

MAPPER = EventMapper()
ROOT = Path(__file__).parents[3]
STREAM = UUID("00000000-0000-4000-8000-0000000000aa")
_UTC = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
HEAD = {"timestamp": "2026-03-10T12:00:00Z", "actor": "system", "request_id": "-", "command_id": str(COMMAND)}


class Fence(Aggregate):
    """A made-up aggregate, whose event has had three shapes: `color`, then `colour`, then `colour` and `coats`."""

    TOPIC: ClassVar[str] = "fence"

    class Painted(Event):
        TOPIC: ClassVar[str] = "fence.painted"
        class_version: ClassVar[int] = 3
        colour: str
        coats: int

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["colour"] = state.pop("color")

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["coats"] = 1


def stored(topic: str, state: bytes, version: int = 7) -> StoredEvent:
    return StoredEvent(STREAM, version, topic, state)


def json_of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def refusal(topic: str, state: bytes) -> str:
    with pytest.raises(UnreadableEventError) as refused:
        MAPPER.to_domain_event(stored(topic, state))
    return str(refused.value)


@pytest.mark.parametrize("event", example_events(), ids=lambda event: event.TOPIC)
def test_an_event_comes_back_as_it_was_written(event: Event) -> None:
    written = MAPPER.to_stored_event(event)
    assert MAPPER.to_domain_event(written) == event
    assert written.topic == event.TOPIC
    assert json.loads(written.state)["v"] == event.class_version
    assert written.state.startswith(b'{"v":')


@pytest.mark.parametrize("minutes", [-23 * 60 - 59, -16 * 60, 60, 16 * 60, 23 * 60 + 59])
@pytest.mark.parametrize(
    "event", [*example_events(), example_snapshot(example_events())], ids=lambda event: event.TOPIC
)
def test_every_time_of_an_event_is_in_utc_whatever_zone_it_was_stored_with(
    event: Event | Snapshot, minutes: int
) -> None:
    written = MAPPER.to_stored_event(event)

    def elsewhere(found: re.Match[bytes]) -> bytes:
        zone = timezone(timedelta(minutes=minutes))
        return datetime.fromisoformat(found[0].decode()).astimezone(zone).isoformat().encode()

    state, times = _UTC.subn(elsewhere, written.state)
    assert times > 0
    read = MAPPER.to_domain_event(replace(written, state=state))
    assert MAPPER.to_stored_event(read).state == written.state


def test_data_of_a_report_comes_back_to_the_letter() -> None:
    data = (
        '{"null":null,"list":[null,{"deep":1.10}],"small":1e-400,"none":-0,"long":' + "9" * 400 + ',"":"Größe \\" 🤖"}'
    )
    event = next(event for event in example_events() if isinstance(event, Job.Reported))
    event = event.model_copy(update={"data": data})
    assert MAPPER.to_domain_event(MAPPER.to_stored_event(event)).data == data


def test_a_field_that_is_none_takes_no_room_in_the_log() -> None:
    (event,) = a_job().collect_events()
    assert b"null" not in MAPPER.to_stored_event(event).state


@pytest.mark.parametrize(
    ("state", "read"),
    [
        ({"v": 1, "color": "red"}, ("red", 1)),
        ({"v": 2, "colour": "red"}, ("red", 1)),
        ({"v": 3, "colour": "red", "coats": 2}, ("red", 2)),
    ],
)
def test_an_old_shape_is_brought_up_to_date(state: dict[str, Any], read: tuple[str, int]) -> None:
    event = MAPPER.to_domain_event(stored("fence.painted", json_of(**HEAD, **state)))
    assert isinstance(event, Fence.Painted)
    assert (event.colour, event.coats) == read
    assert (event.originator_id, event.originator_version) == (STREAM, 7)


def test_a_shape_of_a_newer_release_is_refused_rather_than_guessed() -> None:
    message = refusal("fence.painted", json_of(**HEAD, v=4, colour="red", coats=2))
    assert "version 7 of stream" in message
    assert "newer" in message


@pytest.mark.parametrize(
    "topic",
    [
        "api_key.exploded",
        "nothing",
        "no.such.module:Class",
        "",
        ".",
        "..relative",
        ":",
        "api_key.used:",
        "json",
        "json:JSONDecoder",
        "api_key",
        "ä",
    ],
)
def test_an_unknown_topic_gives_an_error_that_names_it_and_the_place(topic: str) -> None:
    message = refusal(topic, json_of(v=1, **HEAD))
    assert f"version 7 of stream {STREAM}" in message
    assert topic in message


def test_a_topic_in_the_log_does_not_make_the_service_import_a_module() -> None:
    sys.modules.pop("this", None)
    refusal("this:anything", json_of(v=1))
    assert "this" not in sys.modules


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"garbage",
        b"\x00\xff\xfe",
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"v":1}',
        b'{"v":"1"}',
        b'{"v":null}',
        b'{"v":0}',
        b'{"v":-1}',
        b'{"v":1.5}',
        json_of(v=1, **HEAD, reason=5),
        json_of(v=1, **HEAD, reason="x", colour="red"),
        json_of(v=1, **HEAD | {"timestamp": "noon"}, reason="x"),
    ],
    ids=lambda state: repr(state[:20]),
)
def test_bytes_that_make_no_event_give_an_error_that_names_the_place(state: bytes) -> None:
    message = refusal("api_key.deactivated", state)
    assert f"version 7 of stream {STREAM}" in message


def test_an_error_of_the_mapper_is_one_line() -> None:
    assert "\n" not in refusal("fence.painted", json_of(v=3, **HEAD, colour=5))


def test_a_mapper_alone_knows_every_topic_of_the_domain() -> None:
    rows = [MAPPER.to_stored_event(event) for event in example_events()]
    script = (
        "import json, sys, uuid\n"
        "from eventsourcing.persistence import StoredEvent\n"
        "from application.store.mapper import EventMapper\n"
        "for id_, version, topic, state in json.load(sys.stdin):\n"
        "    EventMapper().to_domain_event(StoredEvent(uuid.UUID(id_), version, topic, state.encode()))\n"
    )
    told = json.dumps([(str(row.originator_id), row.originator_version, row.topic, row.state.decode()) for row in rows])
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, input=told, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr.splitlines()[-1]


def test_events_of_two_attempts_at_one_command_have_the_same_bytes_and_of_two_commands_not() -> None:
    used = next(event for event in example_events() if isinstance(event, ApiKey.Used))
    again = type(used).model_validate(dict(used))
    other = type(used).model_validate(dict(used) | {"command_id": uuid4()})
    assert MAPPER.to_stored_event(used) == MAPPER.to_stored_event(again)
    assert MAPPER.to_stored_event(used) != MAPPER.to_stored_event(other)


def test_the_stream_and_the_version_stand_beside_the_bytes_and_not_in_them() -> None:
    used = next(event for event in example_events() if isinstance(event, ApiKey.Used))
    state = json.loads(MAPPER.to_stored_event(used).state)
    assert not {"originator_id", "originator_version"} & state.keys()
    moved = StoredEvent(ACCOUNT, 99, "api_key.used", MAPPER.to_stored_event(used).state)
    event = MAPPER.to_domain_event(moved)
    assert (event.originator_id, event.originator_version) == (ACCOUNT, 99) != (KEY, 2)


def test_a_snapshot_from_before_there_was_some_field_is_not_read_with_its_default() -> None:
    written = MAPPER.to_stored_event(example_snapshot(example_events()))
    state = json.loads(written.state)
    del state["state"]["refusals"]
    assert "it is without refusals" in refusal(written.topic, json.dumps(state).encode())


def test_a_snapshot_from_before_a_field_was_added_has_what_it_was_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = example_snapshot(example_events())
    written = MAPPER.to_stored_event(snapshot)
    older = json.loads(written.state)
    del older["state"]["refusals"]
    since = snapshot.class_version + 1
    monkeypatch.setattr(key_snapshot, "added_fields", lambda _state: {"refusals": (since, 4)})
    monkeypatch.setattr(type(snapshot), "class_version", since)

    assert MAPPER.to_domain_event(replace(written, state=json.dumps(older).encode())).state.refusals == 4

    newer = json.dumps(older | {"v": since}).encode()
    assert "it is without refusals" in refusal(written.topic, newer)


@dataclass
class _Grown:
    first: int
    second: str = added(2, "")
    third: int | None = added(3, None)


def test_fields_that_were_added_say_since_when_and_what_they_were_before() -> None:
    assert added_fields(_Grown) == {"second": (2, ""), "third": (3, None)}
    assert _Grown(first=1) == _Grown(first=1, second="", third=None)
