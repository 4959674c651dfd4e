"""JSON over the wire, case by case: what is JSON comes back, what is none is refused with where and why."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from domain.limits import RATE_LIMIT_MAX
from tests.acceptance.conftest import serving
from tests.support.api import OverSocket
from tests.support.json_cases import NO_JSON, OURS, TAKEN
from tests.support.world import ServiceCast, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

    from interfaces.bootstrap import Services
    from tests.support.api import Answer
    from tests.support.clock import FakeClock
    from tests.support.world import People, Robot

A_PLACE = re.compile(r"at line \d+, column \d+: .+|nests deeper than|is not UTF-8 from byte \d+")


@pytest.fixture(scope="module")
def world(services: Services, clock: FakeClock, app: falcon.App[Any, Any], people: People) -> Iterator[World]:
    """One for all of the cases, over a socket."""
    with serving(app) as server:
        yield World(services, clock, OverSocket(server.address), people, ServiceCast(services))


@pytest.fixture(scope="module")
def robot(world: World) -> Robot:
    return world.robot(limit=RATE_LIMIT_MAX)


def reported(robot: Robot, text: bytes) -> Answer:
    """Report a job with this in its data."""
    head = json.dumps(robot.report_body())[:-1].encode()
    return robot.send(head + b', "data": {"x": ' + text + b"}}")


def asked(world: World, text: bytes) -> Answer:
    """Ask for a key with this in a field that there is not: what is JSON is refused for nothing else."""
    headers = world.signed_in("alice") | {"Content-Type": "application/json"}
    body = b'{"name": "x", "colour": ' + text + b"}"
    return world.ask("POST", world.account("/keys"), headers=headers, body=body)


def tells_where_and_why(answer: Answer) -> bool:
    problem = answer.json
    return A_PLACE.search(problem["detail"]) is not None or all(
        error["pointer"] and error["message"] for error in problem["errors"]
    )


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_json_comes_back(world: World, robot: Robot, name: str) -> None:
    answer = reported(robot, TAKEN[name])
    assert answer.status == 201, answer.body[:500]
    job = world.ask("GET", answer.headers["location"], headers=world.signed_in("alice"))
    exact: Any = {"parse_float": str, "parse_int": str}
    assert json.loads(job.body, **exact)["data"] == {"x": json.loads(TAKEN[name], **exact)}
    refused = asked(world, TAKEN[name])
    assert (refused.status, refused.errors) == (422, {"/colour": "is not a known field"})


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_json_is_refused_with_where_and_why(world: World, robot: Robot, name: str) -> None:
    for answer in (reported(robot, NO_JSON[name]), asked(world, NO_JSON[name][:60_000])):
        if answer.status == 413:
            assert NO_JSON[name].count(b"[") + NO_JSON[name].count(b"{") > 2_000
            continue
        assert (answer.status, answer.problem) == (400, "malformed-json"), answer.body[:500]
        assert tells_where_and_why(answer)


@pytest.mark.parametrize("name", OURS)
def test_where_a_receiver_may_choose_it_is_as_the_documents_say(world: World, robot: Robot, name: str) -> None:
    text, expected = OURS[name]
    answer = reported(robot, text)
    assert f"{answer.status} {answer.problem if answer.status != 201 else ''}".startswith(expected), answer.body[:500]
    other = asked(world, text)
    assert other.status == (422 if answer.status == 201 else answer.status)
    if answer.status != 201:
        assert tells_where_and_why(answer)
        assert tells_where_and_why(other)


def test_there_are_as_many_cases_as_kinds_of_fault() -> None:
    assert len(TAKEN) >= 80
    assert len(NO_JSON) >= 150
