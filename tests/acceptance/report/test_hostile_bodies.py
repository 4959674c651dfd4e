"""What a stranger may send where a report is expected: each gets its documented answer and leaves its use, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from domain import limits
from domain.api_key import ApiKey
from domain.job import Job
from domain.limits import RATE_WINDOW
from tests.acceptance.report.hostile_bodies import ACCEPTED, FLOW, HOSTILE, Hostile
from tests.support.api import InProcess
from tests.support.world import ServiceCast, World

if TYPE_CHECKING:
    import falcon

    from interfaces.bootstrap import Services
    from tests.support.clock import FakeClock
    from tests.support.world import People, Robot

ANSWER_BYTES_MAX = 32 * 1024


@pytest.fixture(scope="module")
def world(services: Services, clock: FakeClock, app: falcon.App[Any, Any], people: People) -> World:
    """One for all of the many bodies."""
    return World(services, clock, InProcess(app), people, ServiceCast(services))


@pytest.fixture(scope="module")
def module_robot(world: World) -> Robot:
    return world.robot()


@pytest.fixture
def robot(world: World, module_robot: Robot) -> Robot:
    world.clock.advance(RATE_WINDOW)
    return module_robot


def body_for(robot: Robot, hostile: Hostile) -> bytes:
    return hostile.body.replace(FLOW.encode(), str(robot.flow_id).encode()).replace(
        FLOW.encode("utf-16-be"), str(robot.flow_id).encode("utf-16-be")
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_gets_its_documented_answer_and_leaves_one_use_and_one_log_line(
    world: World, robot: Robot, name: str
) -> None:
    hostile = HOSTILE[name]
    with capture_logs() as lines:
        answer, appended = world.appended_by(lambda: robot.send(body_for(robot, hostile)))
    status, _, slug = hostile.answer.partition(" ")
    assert str(answer.status) == status, answer.body[:500]
    assert len(answer.body) < ANSWER_BYTES_MAX
    assert [line["event"] for line in lines] == ["request"]
    assert lines[0]["status"] == answer.status
    topics = [event.topic for event in appended]
    if hostile.answer == ACCEPTED:
        assert sorted(topics) == [ApiKey.Used.TOPIC, Job.Reported.TOPIC]
        assert world.application.kinds(UUID(answer.json["job_id"])) == ["Reported"], "it can be read again"
        return
    assert answer.problem == slug
    assert topics == [ApiKey.Used.TOPIC]
    used = world.application.events(robot.key_id)[-1]
    assert isinstance(used, ApiKey.Used)
    assert (used.outcome, used.problem) == ("rejected", slug)
    if hostile.pointer is not None:
        assert [error["pointer"] for error in answer.json["errors"]] == [hostile.pointer]
    if slug == "invalid-report":
        assert 1 <= len(answer.json["errors"]) <= limits.ERRORS_LISTED_MAX


def test_more_broken_rules_than_are_listed_are_told_and_not_counted(robot: Robot) -> None:
    answer = robot.send(body_for(robot, HOSTILE["more broken rules than are listed"]))
    assert (len(answer.json["errors"]), answer.json["more_errors"]) == (limits.ERRORS_LISTED_MAX, True)


def test_what_was_taken_in_is_told_as_it_was_sent(world: World, robot: Robot) -> None:
    answer = robot.send(body_for(robot, HOSTILE["line ends in error_message"]))
    reported = world.application.events(UUID(answer.json["job_id"]))[-1]
    assert isinstance(reported, Job.Reported)
    assert reported.error_message == "a\r\nX-Injected: 1\r\n\r\nb"


def test_the_table_has_more_than_sixty_bodies() -> None:
    assert len(HOSTILE) > 60
