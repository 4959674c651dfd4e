"""Times that are sent: each that is taken can be listed, searched and exported, whatever zone it is told in."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from projections.dead_letters import list_dead_letters
from projections.read_models import READ_MODELS

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

ZONES = ["Z", "+0000", "+05:45", "+15:59", "+16:00", "+23:59", "-15:59", "-16:00", "-23:59", "-2359"]

SIX_DIGITS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def get(world: World, path: str) -> Answer:
    answer = world.ask("GET", path, headers=world.signed_in("alice"))
    assert answer.status == 200, answer.body
    return answer


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def in_zone(zone: str, time: datetime) -> str:
    """Tell an instant in the clock of a zone."""
    if zone == "Z":
        return time.isoformat().replace("+00:00", "Z")
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    ahead = timedelta(hours=hours, minutes=minutes) * (-1 if zone.startswith("-") else 1)
    return time.astimezone(timezone(ahead)).replace(tzinfo=None).isoformat() + zone


@pytest.mark.parametrize("zone", ZONES)
def test_a_job_whose_times_are_told_in_any_zone_is_shown_with_its_instants(world: World, zone: str) -> None:
    robot = world.robot()
    ended = world.clock.now
    sent: dict[str, Any] = {
        "started_at": in_zone(zone, ended - timedelta(hours=1)),
        "finished_at": in_zone(zone, ended),
    }
    answer = robot.report(**sent, external_id="zoned")
    assert answer.status == 201, answer.body
    assert answer.json["duration_seconds"] == 3600
    world.wait_for_lists()
    [listed] = get(world, world.account("/jobs")).json["items"]
    [found] = get(world, world.account("/jobs?q=zoned")).json["items"]
    assert listed["id"] == found["id"] == answer.json["job_id"]
    assert {name: instant(listed[name]) for name in sent} == {name: instant(text) for name, text in sent.items()}
    assert all(SIX_DIGITS.fullmatch(listed[name]) for name in sent)
    assert none_is_set_aside(world)


def none_is_set_aside(world: World) -> bool:
    """Whether every event is in the lists of all read models."""
    world.wait_for_lists()
    return not list_dead_letters(world.services.database, READ_MODELS, 10)


def make_key(world: World, body: dict[str, Any]) -> dict[str, Any]:
    answer = world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json=body)
    assert answer.status == 201, answer.body
    key: dict[str, Any] = answer.json
    return key


def changed(world: World, key: dict[str, Any], method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    asked = world.account(f"/keys/{key['id']}{path}")
    answer = world.ask(method, asked, headers=world.signed_in("alice"), json=body)
    assert answer.status in {200, 201}, answer.body
    then: dict[str, Any] = answer.json
    return then


@pytest.mark.parametrize("zone", ZONES)
def test_a_key_whose_end_is_told_in_any_zone_is_in_every_list_and_ends_then(world: World, zone: str) -> None:
    ends = world.clock.now + timedelta(days=3)
    sooner = ends - timedelta(hours=1)
    kept = make_key(world, {"name": "kept", "expires_at": in_zone(zone, ends)})
    set_sooner = make_key(world, {"name": "sooner"})
    set_sooner = changed(world, set_sooner, "PATCH", "", {"expires_at": in_zone(zone, sooner)})
    successor = changed(
        world, make_key(world, {"name": "rotated"}), "POST", "/rotate", {"expires_at": in_zone(zone, ends)}
    )
    world.wait_for_lists()
    wanted = {kept["id"]: ends, set_sooner["id"]: sooner, successor["id"]: ends}
    listed = {item["id"]: item for item in get(world, world.account("/keys")).json["items"]}
    for key_id, end in wanted.items():
        told = [listed[key_id], get(world, world.account(f"/keys/{key_id}")).json]
        told.append(get(world, world.account(f"/keys/{key_id}?version=1")).json)
        for key in told[: 2 if end == sooner else 3]:
            assert instant(key["expires_at"]) == end
            assert SIX_DIGITS.fullmatch(key["expires_at"])
    entries = get(world, world.account("/audit?action=api_key")).json["items"]
    ends_told = [end for entry in entries if (end := entry["changes"].get("expires_at"))]
    exported = get(world, world.account("/audit/export?action=api_key&format=jsonl")).body.decode()
    assert {instant(end) for end in ends_told} >= {ends, sooner}
    assert all(SIX_DIGITS.fullmatch(end) for end in ends_told)
    assert all(end in exported for end in ends_told)
    assert none_is_set_aside(world)


def test_a_time_in_a_query_may_be_told_in_any_zone(world: World) -> None:
    robot = world.robot()
    assert robot.report().status == 201
    world.wait_for_lists()
    for zone in ZONES:
        since = in_zone(zone, world.clock.now - timedelta(minutes=1)).replace("+", "%2B")
        assert get(world, world.account(f"/jobs?from={since}")).json["items"]
