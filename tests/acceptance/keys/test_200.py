from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.api import Answer
    from tests.support.world import World


def shown(world: World, key_id: UUID, *, to: str = "alice") -> dict[str, Any]:
    answer = world.ask("GET", world.account(f"/keys/{key_id}"), headers=world.signed_in(to))
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.json
    return body


def deactivate(world: World, key_id: UUID, *, by: str = "alice", key: str | None = None, **body: Any) -> Answer:
    headers = world.signed_in(by) | ({"Idempotency-Key": key} if key else {})
    return world.ask("POST", world.account(f"/keys/{key_id}/deactivate"), headers=headers, json=body)


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_who_may_read_keys_is_shown_how_one_was_used(world: World, name: str) -> None:
    robot = world.robot()
    robot.look()
    world.clock.advance(timedelta(seconds=1))
    assert robot.report(robot_id="").status == 422
    body = shown(world, robot.key_id, to=name)
    assert body["uses"] == 2
    assert body["last_used_at"] == world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert body["created_by"] == "system"


def test_what_is_shown_of_a_key_is_what_it_meets_when_it_is_used(world: World) -> None:
    robot = world.robot(expires_at=world.clock.now + timedelta(days=8))
    for wait, status in ((0, "active"), (1, "expiring"), (7, "expired")):
        world.clock.advance(timedelta(days=wait))
        body = shown(world, robot.key_id)
        assert (body["status"], body["active"]) == (status, robot.look().status == 200)


def test_the_secret_is_shown_to_nobody_again(world: World) -> None:
    robot = world.robot()
    text = str(shown(world, robot.key_id, to="tess"))
    assert robot.secret.text not in text
    assert robot.secret.text.removeprefix("rpakey_")[8:] not in text
    assert robot.secret.sha256_hex not in text


def test_a_key_is_ended_for_good_with_who_when_and_why(world: World) -> None:
    robot = world.robot()
    answer = deactivate(world, robot.key_id, reason="left the company")
    assert answer.status == 200
    now = world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    ended = {name: answer.json[name] for name in ("active", "status", "deactivated_at", "deactivated_by")}
    assert ended == {
        "active": False,
        "status": "deactivated",
        "deactivated_at": now,
        "deactivated_by": world.cast.alice,
    }
    assert answer.json["deactivation_reason"] == "left the company"
    assert robot.look().status == 401


def test_ending_it_again_changes_nothing(world: World) -> None:
    robot = world.robot()
    first = deactivate(world, robot.key_id, reason="first")
    world.clock.advance(timedelta(seconds=5))
    again, appended = world.appended_by(lambda: deactivate(world, robot.key_id, by="tess", reason="second"))
    assert (again.status, again.json) == (200, first.json)
    assert appended == []


def test_an_expired_key_can_still_be_ended(world: World) -> None:
    robot = world.robot(expires_at=world.clock.now + timedelta(seconds=1))
    world.clock.advance(timedelta(seconds=1))
    assert deactivate(world, robot.key_id).json["status"] == "deactivated"


def test_a_reason_is_not_needed_and_neither_is_a_body(world: World) -> None:
    first, second = world.robot(), world.robot()
    assert deactivate(world, first.key_id).json["deactivation_reason"] is None
    path = world.account(f"/keys/{second.key_id}/deactivate")
    assert world.ask("POST", path, headers=world.signed_in("alice")).json["active"] is False


def test_a_repeat_with_the_same_idempotency_key_gets_the_same_answer(world: World) -> None:
    robot = world.robot()
    first = deactivate(world, robot.key_id, key=str(robot.key_id), reason="once")
    again, appended = world.appended_by(lambda: deactivate(world, robot.key_id, key=str(robot.key_id), reason="once"))
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (200, first.body, "true")
    assert appended == []
