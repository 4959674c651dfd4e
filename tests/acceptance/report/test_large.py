"""Large reports: taken in like any other, one at a time, and one with a key at a time."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg

from domain.api_key import ApiKey
from domain.job import Job
from interfaces.http.large_bodies import LARGE_BYTES_MIN, WAITING_MAX
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    import pytest

    from tests.support.world import Robot, World

DETAILS = 3_000


def details(**of_one: Any) -> list[dict[str, Any]]:
    rows = [
        {"sequence_no": number, "status": "failed" if number % 3 else "success", "result": f"booked {number} " * 5}
        for number in range(DETAILS)
    ]
    rows[7] |= of_one
    return rows


def large_body(robot: Robot, **fields: Any) -> bytes:
    body = json.dumps(robot.report_body(**{"details": details()} | fields)).encode()
    assert len(body) > LARGE_BYTES_MIN
    return body


def staged_states(url: str) -> int:
    with psycopg.connect(url) as connection:
        [count] = connection.execute("SELECT count(*) FROM rpawatch.staged_states").fetchone() or ()
    return int(count)


def test_a_large_report_is_in_the_log_as_it_was_sent_and_answered_like_any_other(
    over_socket: World, database_url: str
) -> None:
    robot = over_socket.robot()
    data = {"kept": ["as", "sent"]}
    for headers, body in (
        ({}, large_body(robot, data=data)),
        ({"Content-Encoding": "gzip"}, gzip.compress(large_body(robot, data=data))),
    ):
        answer, appended = over_socket.appended_by(lambda: robot.send(body, headers))  # noqa: B023 - called at once
        assert answer.status == 201, answer.body
        assert answer.json["counts"] == {"total": DETAILS, "success": 1_000, "failed": 2_000, "skipped": 0}
        assert answer.json["received_at"] == over_socket.clock.now.isoformat(timespec="microseconds")[:-6] + "Z"
        assert [event.topic for event in appended] == ["api_key.used", "job.reported"]
        [reported] = over_socket.application.events(UUID(answer.json["job_id"]))
        assert isinstance(reported, Job.Reported)
        assert (reported.details, json.loads(reported.data or "")) == (details(), data)
        assert (reported.actor, reported.request_id) == (str(robot.key_id), answer.headers["x-request-id"])
    over_socket.wait_for_lists()
    assert staged_states(database_url) == 0


def test_a_large_report_that_breaks_a_rule_is_refused_like_any_other_and_is_a_use(
    world: World, database_url: str
) -> None:
    robot = world.robot()
    for body, status, problem in (
        (large_body(robot, details=details(status="lost")), 422, "invalid-report"),
        (large_body(robot)[:-1], 400, "malformed-json"),
        (large_body(robot, flow_id=str(uuid4())), 404, "process-not-found"),
        (b" " * (world.services.body_bytes_max + 1), 413, "too-large"),
    ):
        answer = robot.send(body)
        assert (answer.status, answer.problem) == (status, problem)
    assert robot.send(large_body(robot, details=details(status="lost"))).errors.keys() == {"/details/7/status"}
    key = world.application.event_sourcing.find(ApiKey, robot.key_id)
    assert key is not None
    assert key.uses == 4, "what is too large by its length is refused before the key is looked at"
    assert staged_states(database_url) == 0


def test_a_large_report_that_is_sent_again_makes_one_job(world: World, database_url: str) -> None:
    robot = world.robot()
    body, headers = large_body(robot), {"Idempotency-Key": "large-1"}
    first, again = robot.send(body, headers), robot.send(body, headers)
    assert (first.status, again.status, again.headers["idempotent-replayed"]) == (201, 201, "true")
    assert first.body == again.body
    zipped = robot.send(gzip.compress(body), headers | {"Content-Encoding": "gzip"})
    assert zipped.body == first.body, "compressed or not, it is the same body"
    other = robot.send(large_body(robot, robot_id="another"), headers)
    assert (other.status, other.problem) == (422, "idempotency-key-reuse")
    assert staged_states(database_url) == 0


def test_of_many_large_reports_at_once_a_key_with_a_limit_of_one_gets_one_in(world: World) -> None:
    robot = world.robot(limit=1)
    body = large_body(robot)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: robot.send(body), range(6)))
    assert sorted({answer.status for answer in answers} - {429, 503}) == [201]
    assert [answer.status for answer in answers].count(201) == 1
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status != 201)
    assert robot.send(body).status == 429


def test_a_key_that_was_used_up_while_it_waited_is_refused_before_its_body_is_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = world.robot(limit=1)
    body = large_body(robot)
    bodies = world.services.large_reports.bodies
    with ThreadPoolExecutor(1) as threads:
        with bodies.turn(uuid4(), uuid4()):
            waiting = threads.submit(robot.send, body)
            wait_until(lambda: bodies.waiting == 1, "it waits")
            assert robot.report().status == 201
            monkeypatch.setattr(world.services.large_reports, "staged", None)
        assert waiting.result().status == 429


def test_when_too_many_wait_the_next_is_told_when_to_come_again_and_it_is_no_use(world: World) -> None:
    robot = world.robot()
    bodies = world.services.large_reports.bodies
    body = large_body(robot)
    with ThreadPoolExecutor(WAITING_MAX) as threads, ExitStack() as turn:
        turn.enter_context(bodies.turn(uuid4(), uuid4()))
        waiting = threads.submit(robot.send, body)
        wait_until(lambda: bodies.waiting == 1, "it waits")
        answer, appended = world.appended_by(lambda: robot.send(body))
        assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "2")
        assert "this key" in answer.json["detail"]
        assert appended == []
        assert robot.report().status == 201, "small ones are taken in meanwhile"
        turn.close()
        assert waiting.result().status == 201
