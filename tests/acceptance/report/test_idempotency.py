from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from domain.limits import IDEMPOTENCY_KEY_CHARS_MAX
from interfaces.bootstrap import Services
from interfaces.http.app import create_app
from tests.support.api import InProcess, zipped
from tests.support.world import Robot

if TYPE_CHECKING:
    from tests.support.world import World

MOST = "k" * IDEMPOTENCY_KEY_CHARS_MAX


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


def test_a_repeat_gets_the_same_answer_and_makes_no_second_job(world: World) -> None:
    robot = world.robot()
    first = robot.report(key("job-1"))
    again, appended = world.appended_by(lambda: robot.report(key("job-1")))
    assert (again.status, again.body) == (first.status, first.body) == (201, first.body)
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert [event.topic for event in appended] == ["api_key.used"], "a repeat is a use, too"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("job-1", '"job-1"'),
        ('"job-1"', "job-1"),
        ("job-1", "  job-1  "),
        ('"say \\"yes\\""', '"say \\"yes\\""'),
        (MOST, f'"{MOST}"'),
        ("!", '"!"'),
    ],
)
def test_a_key_is_the_same_bare_and_quoted(world: World, first: str, second: str) -> None:
    robot = world.robot()
    assert robot.report(key(first)).status == 201
    assert robot.report(key(second)).headers["idempotent-replayed"] == "true"


def test_keys_that_differ_are_different_jobs(world: World) -> None:
    robot = world.robot()
    keys = ("job-1", "Job-1", "job-1 2", "job", str(robot.flow_id))
    assert len({robot.report(key(value)).json["job_id"] for value in keys}) == len(keys)


@pytest.mark.parametrize(
    "value", ["", " ", '""', '"', '"open', '"a"b', '"\\x"', MOST + "k", f'"{MOST}k"', "a\tb", "schlüssel", "a\x7fb"]
)
def test_a_key_that_is_empty_too_long_or_not_printable_is_refused(world: World, value: str) -> None:
    answer, appended = world.appended_by(lambda: world.robot().report(key(value)))
    assert (answer.status, answer.problem) == (422, "invalid-request")
    assert "Idempotency-Key" in answer.errors[""]
    assert "job.reported" not in [event.topic for event in appended]


def test_the_same_key_with_another_body_is_refused_and_changes_nothing(world: World) -> None:
    robot = world.robot()
    first = robot.report(key("job-1"))
    answer, appended = world.appended_by(lambda: robot.report(key("job-1"), robot_id="robot-8"))
    assert (answer.status, answer.problem) == (422, "idempotency-key-reuse")
    assert [event.topic for event in appended] == ["api_key.used"]
    assert robot.report(key("job-1")).body == first.body


def test_the_body_is_the_same_when_its_bytes_are_whether_compressed_or_not(world: World) -> None:
    robot = world.robot()
    body = robot.report_body()
    assert robot.report(key("job-1")).status == 201
    packed = robot.send(zipped(body), {**key("job-1"), "Content-Encoding": "gzip"})
    assert packed.headers["idempotent-replayed"] == "true"
    spaced = robot.send(json.dumps(body, indent=1).encode(), key("job-1"))
    assert spaced.problem == "idempotency-key-reuse"


def test_another_key_of_the_account_gets_the_same_answer(world: World) -> None:
    first = world.robot().report(key("job-1"))
    again = world.robot().report(key("job-1"))
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")


def test_accounts_do_not_share_keys(world: World) -> None:
    jobs = [world.robot(account).report(key("job-1")) for account in (world.cast.account_a, world.cast.account_b)]
    assert [job.status for job in jobs] == [201, 201]
    assert jobs[0].json["job_id"] != jobs[1].json["job_id"]
    assert "idempotent-replayed" not in jobs[1].headers


def test_a_refused_request_leaves_its_key_free(world: World) -> None:
    robot = world.robot()
    assert robot.report(key("job-1"), robot_id="").status == 422
    assert robot.report(key("job-1")).status == 201


def test_it_holds_in_other_processes_and_after_a_restart(world: World, database_url: str) -> None:
    robot = world.robot()
    first = robot.report(key("job-1"))
    with Services(database_url, clock=world.clock) as other:
        elsewhere = Robot(InProcess(create_app(other.begin())), robot.secret, robot.account_id, robot.flow_id)
        again = elsewhere.report(key("job-1"))
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
