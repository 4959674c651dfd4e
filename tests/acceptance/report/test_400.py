"""test_hostile_bodies.py has the many bodies that are no JSON; here is what else is malformed."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.api import zipped

if TYPE_CHECKING:
    from tests.support.world import World


def test_what_is_no_json_is_refused_with_the_place_and_nothing_of_the_body(world: World) -> None:
    answer = world.robot().send(b'{"robot_id": "secret words" oops}')
    assert (answer.status, answer.problem) == (400, "malformed-json")
    assert "line 1, column 29" in answer.json["detail"]
    assert b"secret" not in answer.body
    assert b"oops" not in answer.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip at all",
        zipped({})[:-3],
        zipped({}) + b"more",
        zipped({}) + zipped({})[:-3],
        zipped({})[:10] + b"\xff" * 8,
        gzip.compress(b"")[:5],
    ],
)
def test_what_is_no_whole_gzip_is_refused_when_it_is_announced_as_one(world: World, body: bytes) -> None:
    answer = world.robot().send(body, {"Content-Encoding": "gzip"})
    assert (answer.status, answer.problem) == (400, "malformed-json")


def test_gzip_that_is_not_announced_is_no_json(world: World) -> None:
    robot = world.robot()
    answer = robot.send(zipped(robot.report_body()))
    assert (answer.status, answer.problem) == (400, "malformed-json")


def test_a_refused_body_is_a_use_and_is_told_what_is_left(world: World) -> None:
    robot = world.robot(limit=5)
    assert robot.send(b"{").headers["ratelimit"] == '"per-key";r=4;t=60'
    assert world.application.kinds(robot.key_id) == ["Created", "Used"]


def test_json_that_is_fine_after_a_refusal_gets_through(world: World) -> None:
    robot = world.robot()
    assert robot.send(b"{").status == 400
    assert robot.send(json.dumps(robot.report_body()).encode()).status == 201
