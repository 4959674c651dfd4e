from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.api import OWN_KEY

if TYPE_CHECKING:
    from tests.support.world import World


def test_a_robot_is_told_what_it_may_know_of_its_key(world: World) -> None:
    ends = world.clock.now + timedelta(days=30)
    robot = world.robot(flow_id=world.cast.flow_a, limit=7, expires_at=ends)
    answer = robot.look()
    assert answer.status == 200
    assert answer.json == {
        "name": "Nightly run",
        "prefix": robot.secret.prefix,
        "account_id": str(world.cast.account_a),
        "account_name": "Account A",
        "flow_id": str(world.cast.flow_a),
        "expires_at": ends.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "limit": 7,
    }
    assert answer.headers["ratelimit"] == '"per-key";r=6;t=60'
    assert answer.headers["ratelimit-policy"] == '"per-key";q=7;w=60'


def test_a_key_of_the_account_that_never_ends_has_null_for_both(world: World) -> None:
    body = world.robot().look().json
    assert (body["flow_id"], body["expires_at"]) == (None, None)


def test_it_tells_nothing_of_the_secret_but_its_public_prefix(world: World) -> None:
    robot = world.robot()
    answer = robot.look()
    assert robot.secret.text.encode() not in answer.body
    assert robot.secret.sha256_hex.encode() not in answer.body
    assert str(robot.key_id).encode() not in answer.body


def test_it_is_one_use(world: World) -> None:
    robot = world.robot()
    _, appended = world.appended_by(robot.look)
    assert [event.topic for event in appended] == ["api_key.used"]


def test_over_the_limit_it_is_refused_as_a_report_is(world: World) -> None:
    robot = world.robot(limit=1)
    assert [robot.look().status for _ in range(2)] == [200, 429]
    refusal = robot.look()
    assert (refusal.problem, refusal.headers["retry-after"]) == ("rate-limited", "60")


def test_a_body_that_comes_with_it_is_left_alone(world: World) -> None:
    robot = world.robot()
    assert world.ask("GET", OWN_KEY, headers=robot.headers, body=b"{").status == 200
