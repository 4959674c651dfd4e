from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.key_secret import generate
from domain.limits import BAD_KEYS_PER_MINUTE_MAX
from tests.support.api import OWN_KEY, REPORT

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

SECOND = timedelta(seconds=1)
LITTLE = timedelta(microseconds=1)


def test_over_its_limit_a_key_is_told_how_long_to_wait_and_gets_through_after_that(world: World) -> None:
    robot = world.robot(limit=3)
    for _ in range(3):
        assert robot.report().status == 201
        world.clock.advance(10 * SECOND)
    answer = robot.report()
    assert (answer.status, answer.problem) == (429, "rate-limited")
    assert answer.headers["retry-after"] == "30"
    assert answer.headers["ratelimit"] == '"per-key";r=0;t=30'
    assert answer.headers["ratelimit-policy"] == '"per-key";q=3;w=60'
    world.clock.advance(30 * SECOND)
    assert robot.report().status == 201
    assert robot.report().status == 429


def test_the_wait_is_rounded_up_so_that_it_is_never_too_short(world: World) -> None:
    robot = world.robot(limit=1)
    assert robot.report().status == 201
    world.clock.advance(59 * SECOND + LITTLE)
    assert robot.report().headers["retry-after"] == "1"
    world.clock.advance(SECOND - 2 * LITTLE)
    assert robot.report().status == 429
    world.clock.advance(LITTLE)
    assert robot.report().status == 201


def test_a_throttled_request_is_no_use_and_the_log_grows_by_one_event_for_all_of_a_minute(world: World) -> None:
    robot = world.robot(limit=1)
    robot.report()
    answers, appended = world.appended_by(lambda: [robot.report().status for _ in range(50)])
    assert answers == [429] * 50
    assert [event.topic for event in appended] == ["api_key.throttled"]


def test_refused_requests_use_the_limit_up_too(world: World) -> None:
    robot = world.robot(limit=4)
    answers = [robot.report(robot_id=""), robot.send(b"{"), robot.look(), robot.report(flow_id=str(world.cast.flow_b))]
    assert [answer.status for answer in answers] == [422, 400, 200, 404]
    assert robot.report().status == 429


def test_the_limit_is_that_of_the_key_and_not_of_its_account_or_address(world: World) -> None:
    first, second = world.robot(limit=1), world.robot(limit=1)
    assert [robot.report().status for robot in (first, second, first)] == [201, 201, 429]


def test_over_its_limit_a_key_is_told_nothing_of_the_rest_of_its_request(world: World) -> None:
    robot = world.robot(limit=1)
    robot.look()
    plain = robot.report()
    for answer in (robot.send(b"{"), robot.send(b"", {"Content-Type": "text/plain"}), robot.report(robot_id="")):
        assert answer.without_request_id == plain.without_request_id


def ask_with(world: World, key: str, address: str = "192.0.2.66") -> Answer:
    return world.ask("GET", OWN_KEY, headers={"X-API-Key": key}, address=address)


@pytest.mark.parametrize("kind", ["unknown", "wrong form"])
def test_an_address_that_keeps_presenting_bad_keys_is_told_to_slow_down(world: World, kind: str) -> None:
    good = world.robot()
    keys = [generate().text if kind == "unknown" else "x" for _ in range(BAD_KEYS_PER_MINUTE_MAX + 1)]
    answers = [ask_with(world, key) for key in keys]
    assert [answer.status for answer in answers[:-1]] == [401] * BAD_KEYS_PER_MINUTE_MAX
    refusal = answers[-1]
    assert (refusal.status, refusal.problem) == (429, "rate-limited")
    assert refusal.headers["retry-after"] == "60"
    assert "ratelimit" not in refusal.headers
    assert ask_with(world, good.secret.text).status == 200, "valid keys still pass"
    assert ask_with(world, keys[0], "192.0.2.67").status == 401, "other addresses are not concerned"
    world.clock.advance(59 * SECOND)
    assert ask_with(world, keys[0]).status == 429
    world.clock.advance(SECOND)
    assert ask_with(world, keys[0]).status == 401


def test_bad_keys_are_counted_over_all_addresses_of_the_ingest_api(world: World) -> None:
    headers = {"X-API-Key": "x"}
    paths = [("GET", OWN_KEY), ("POST", REPORT)] * (BAD_KEYS_PER_MINUTE_MAX // 2)
    answers = [world.ask(method, path, headers=headers, json={}).status for method, path in [*paths, ("POST", REPORT)]]
    assert answers == [401] * BAD_KEYS_PER_MINUTE_MAX + [429]


def test_an_address_does_not_wait_for_a_clock_that_was_set_back(world: World) -> None:
    address, day = "192.0.2.68", timedelta(days=1)
    world.clock.advance(day)
    answers = [ask_with(world, generate().text, address).status for _ in range(BAD_KEYS_PER_MINUTE_MAX + 1)]
    assert answers == [401] * BAD_KEYS_PER_MINUTE_MAX + [429]
    world.clock.advance(-day)
    assert ask_with(world, generate().text, address).status == 401
