"""`POST …/keys/{id}/rotate` and `PATCH …/keys/{id}`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain import key_secret
from domain.ids import key_id
from domain.limits import RATE_LIMIT_MAX, REFUSALS_NOTED_EVERY
from domain.times import time_text
from tests.support.api import OWN_KEY
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.api import Answer
    from tests.support.world import World


def rotate(world: World, key: UUID, *, idempotency: str | None = None, **body: Any) -> Answer:
    headers = world.signed_in("alice") | ({"Idempotency-Key": idempotency} if idempotency else {})
    return world.ask("POST", world.account(f"/keys/{key}/rotate"), headers=headers, json=body)


def change(world: World, key: UUID, **body: Any) -> Answer:
    return world.ask("PATCH", world.account(f"/keys/{key}"), headers=world.signed_in("alice"), json=body)


def shown(world: World, key: UUID) -> dict[str, Any]:
    answer = world.ask("GET", world.account(f"/keys/{key}"), headers=world.signed_in("alice"))
    body: dict[str, Any] = answer.json
    return body


def test_the_new_key_is_shown_with_its_secret_this_once_and_the_old_one_ends_at_the_instant(world: World) -> None:
    robot = world.robot(limit=7)
    answer = rotate(world, robot.key_id, overlap_seconds=3600)
    assert (answer.status, answer.headers["cache-control"]) == (201, "no-store")
    secret = key_secret.parse(answer.json["key"])
    assert secret is not None
    stream = str(key_id(secret.sha256_hex))
    assert answer.headers["location"] == world.account(f"/keys/{stream}")
    assert (answer.json["id"], answer.json["rotated_from"]) == (stream, str(robot.key_id))
    old = shown(world, robot.key_id)
    assert old["rotated_to"] == stream
    assert (old["name"], old["limit"], old["flow_id"]) == (
        answer.json["name"],
        answer.json["limit"],
        answer.json["flow_id"],
    )
    assert (old["expires_at"], old["status"]) == (time_text(world.clock.now + timedelta(hours=1)), "expiring")
    world.clock.advance(timedelta(hours=1) - timedelta(microseconds=1))
    assert robot.look().status == 200
    world.clock.advance(timedelta(microseconds=1))
    assert robot.look().status == 401
    assert world.ask("GET", OWN_KEY, headers={"X-API-Key": secret.text}).status == 200
    assert shown(world, robot.key_id)["status"] == "expired"


def test_without_a_body_the_old_key_has_a_day(world: World) -> None:
    robot = world.robot()
    path = world.account(f"/keys/{robot.key_id}/rotate")
    assert world.ask("POST", path, headers=world.signed_in("alice")).status == 201
    assert shown(world, robot.key_id)["expires_at"] == time_text(world.clock.now + timedelta(days=1))


def test_with_no_overlap_the_old_key_ends_with_the_answer(world: World) -> None:
    robot = world.robot()
    assert rotate(world, robot.key_id, overlap_seconds=0).status == 201
    assert robot.look().status == 401
    old = shown(world, robot.key_id)
    assert (old["status"], old["deactivation_reason"]) == ("deactivated", "Rotated without overlap")


def test_a_repeat_shows_no_secret_and_names_the_one_key(world: World) -> None:
    robot = world.robot()
    first = rotate(world, robot.key_id, idempotency=str(robot.key_id), overlap_seconds=60)
    again, appended = world.appended_by(
        lambda: rotate(world, robot.key_id, idempotency=str(robot.key_id), overlap_seconds=60)
    )
    without = rotate(world, robot.key_id, overlap_seconds=60)
    for answer in (again, without):
        assert (answer.status, answer.problem) == (409, "already-created")
        assert answer.json["resource"] == {name: value for name, value in first.json.items() if name != "key"}
        assert answer.headers["location"] == first.headers["location"]
        assert first.json["key"].encode() not in answer.body
    assert appended == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"overlap_seconds": -1}, {"/overlap_seconds": "must be at least 0"}),
        ({"overlap_seconds": 604_801}, {"/overlap_seconds": "must be at most 604800"}),
        ({"overlap_seconds": "60"}, {"/overlap_seconds": "must be a whole number"}),
        ({"overlap_seconds": 61}, {"/overlap_seconds": "must be at most 60, since the key expires then by itself"}),
        ({"overlap_seconds": 0, "expires_at": "2020-01-01T00:00:00Z"}, {"/expires_at": "must be in the future"}),
        ({"overlap": 60}, {"/overlap": "is not a known field"}),
    ],
)
def test_what_is_wrong_with_a_rotation_is_told(world: World, body: dict[str, Any], errors: dict[str, str]) -> None:
    robot = world.robot(expires_at=world.clock.now + timedelta(seconds=60))
    answer, appended = world.appended_by(lambda: rotate(world, robot.key_id, **body))
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)
    assert appended == []


def test_a_key_that_has_ended_is_neither_changed_nor_rotated(world: World) -> None:
    deactivated, expired = world.robot(), world.robot(expires_at=world.clock.now + timedelta(seconds=1))
    world.application.execute(world.cast.deactivate_key_command(deactivated.key_id))
    world.clock.advance(timedelta(seconds=1))
    for robot in (deactivated, expired):
        for answer in (change(world, robot.key_id, name="x"), rotate(world, robot.key_id)):
            assert (answer.status, answer.problem) == (409, "key-ended")


def test_a_key_of_a_retired_process_is_not_rotated(world: World) -> None:
    robot = world.robot(flow_id=world.cast.flow_a)
    path = world.account(f"/processes/{world.cast.flow_a}")
    assert world.ask("PATCH", path, headers=world.signed_in("alice"), json={"retired": True}).status == 200
    answer = rotate(world, robot.key_id)
    assert (answer.status, answer.problem) == (409, "process-retired")
    assert robot.look().status == 200
    assert robot.report().problem == "process-retired"


def test_a_key_is_renamed_limited_and_ended_sooner(world: World) -> None:
    robot = world.robot()
    robot.look()
    ends = world.clock.now + timedelta(days=30)
    answer = change(world, robot.key_id, name=" Nightly, old ", limit=2, expires_at=ends.isoformat())
    assert answer.status == 200
    assert (answer.json["name"], answer.json["limit"], answer.json["expires_at"]) == (
        "Nightly, old",
        2,
        time_text(ends),
    )
    assert answer.json == shown(world, robot.key_id)
    assert robot.look().headers["ratelimit"] == '"per-key";r=0;t=60'
    assert robot.look().status == 429
    assert change(world, robot.key_id, limit=3).status == 200
    assert robot.look().status == 200


def test_what_is_left_out_or_null_stays_and_no_change_is_no_event(world: World) -> None:
    robot = world.robot()
    for body in ({}, {"name": None, "limit": None, "expires_at": None}, {"limit": 60}):
        answer, appended = world.appended_by(lambda body=body: change(world, robot.key_id, **body))
        assert (answer.status, appended) == (200, [])


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"name": ""}, {"/name": "must have at least 1 character"}),
        ({"name": " \t"}, {"/name": "must not be blank"}),
        ({"name": "x" * 201}, {"/name": "must have at most 200 characters"}),
        ({"limit": 0}, {"/limit": "must be at least 1"}),
        ({"limit": 10**9}, {"/limit": f"must be at most {RATE_LIMIT_MAX}"}),
        ({"expires_at": "2020-01-01T00:00:00Z"}, {"/expires_at": "must be in the future"}),
        (
            {"expires_at": "2199-01-01T00:00:00Z"},
            {"/expires_at": "must not be later than it is: a key can only end sooner"},
        ),
        ({"flow_id": None}, {"/flow_id": "is not a known field"}),
    ],
)
def test_what_is_wrong_with_a_change_is_told(world: World, body: dict[str, Any], errors: dict[str, str]) -> None:
    robot = world.robot(expires_at=world.clock.now + timedelta(days=60))
    answer, appended = world.appended_by(lambda: change(world, robot.key_id, **body))
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)
    assert appended == []


def test_a_forgotten_bot_shows_on_its_key_and_costs_the_log_one_event_an_hour(world: World) -> None:
    robot = world.robot()
    world.application.execute(world.cast.deactivate_key_command(robot.key_id))

    def refusals() -> int:
        return int(shown(world, robot.key_id)["refusals"])

    def attempt(expected: int) -> None:
        for _ in range(5):
            assert robot.look().status == 401
        wait_until(lambda: refusals() == expected, "it is written down")

    _, appended = world.appended_by(lambda: attempt(1))
    assert [row.topic for row in appended] == ["api_key.refused"]
    world.clock.advance(REFUSALS_NOTED_EVERY)
    last = world.clock.now
    _, appended = world.appended_by(lambda: attempt(6))
    assert [row.topic for row in appended] == ["api_key.refused"]
    key = shown(world, robot.key_id)
    assert (key["refused_at"], key["uses"]) == (time_text(last), 0)
    assert key["refused_address"]


def test_an_expired_key_counts_its_refusals_too_and_an_unknown_one_nowhere(world: World) -> None:
    robot = world.robot(expires_at=world.clock.now + timedelta(seconds=1))
    world.clock.advance(timedelta(seconds=1))
    assert robot.look().status == 401
    wait_until(lambda: shown(world, robot.key_id)["refusals"] == 1, "it is written down")
    _, appended = world.appended_by(
        lambda: world.ask("GET", OWN_KEY, headers={"X-API-Key": key_secret.generate().text})
    )
    assert appended == []
