from __future__ import annotations

import http.client
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from domain.job import Job
from tests.support.api import REPORT, OverSocket, zipped
from tests.support.clock import FakeClock
from tests.support.running import another_process

if TYPE_CHECKING:
    from tests.support.world import World


def details(*statuses: str) -> list[dict[str, Any]]:
    return [{"sequence_no": number, "status": status} for number, status in enumerate(statuses)]


def test_a_report_is_answered_with_what_became_of_it_and_where_it_is(world: World) -> None:
    robot = world.robot()
    answer = robot.report(
        started_at="2026-03-10T21:43:51Z",
        finished_at="2026-03-10T21:48:51Z",
        target="SAP",
        source="mailbox",
        result_summary="1 of 3",
        external_id="UIP-417",
        tags=["month-end"],
        data={"queue": "invoices", "nested": {"list": [1, 2.5, None, True]}},
        details=[
            {"sequence_no": 1, "status": "success", "record_id": "1", "record_name": "first", "result": "booked"},
            {"sequence_no": 2, "status": "failed", "error_message": "no such supplier"},
            {"sequence_no": 7, "status": "failed", "record_id": None},
        ],
    )
    assert answer.status == 201, answer.body
    assert answer.headers["content-type"] == "application/json"
    job_id = answer.json["job_id"]
    assert answer.headers["location"] == f"/api/v1/accounts/{robot.account_id}/jobs/{job_id}"
    assert answer.json == {
        "job_id": job_id,
        "account_id": str(robot.account_id),
        "flow_id": str(robot.flow_id),
        "status": "partial_success",
        "counts": {"total": 3, "success": 1, "failed": 2, "skipped": 0},
        "duration_seconds": 300.0,
        "received_at": world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


def test_what_was_answered_with_201_is_in_the_log_as_another_process_reads_it(world: World, database_url: str) -> None:
    robot = world.robot()
    data = {"kept": ["as", "sent", {"ä": 1.5}]}
    job_id = robot.report(data=data, details=details("success", "skipped")).json["job_id"]
    with another_process(database_url, FakeClock()) as other:
        [reported] = other.events(UUID(job_id))
        assert isinstance(reported, Job.Reported)
        assert (json.loads(reported.data or ""), reported.actor) == (data, str(robot.key_id))
        assert reported.counts.model_dump() == {"total": 2, "success": 1, "failed": 0, "skipped": 1}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "success"),
        ({"error_message": "it broke"}, "failed"),
        ({"error_message": ""}, "success"),
        ({"details": []}, "success"),
        ({"details": details("success", "success")}, "success"),
        ({"details": details("failed", "failed")}, "failed"),
        ({"details": details("success", "failed")}, "partial_success"),
        ({"details": details("success", "skipped")}, "success"),
        ({"details": details("failed", "skipped")}, "failed"),
        ({"details": details("skipped", "skipped")}, "success"),
        ({"details": details("SUCCESS", "Skipped")}, "success"),
        ({"details": details("success"), "error_message": "a hiccup"}, "success"),
        ({"details": details("success"), "status": "cancelled"}, "cancelled"),
        ({"details": details("success"), "status": "Cancelled"}, "cancelled"),
        ({"status": "PARTIAL_SUCCESS"}, "partial_success"),
        ({"details": details("failed"), "status": "success"}, "success"),
    ],
)
def test_the_status_is_the_one_that_was_sent_or_follows_from_the_details(
    world: World, fields: dict[str, Any], status: str
) -> None:
    assert world.robot().report(**fields).json["status"] == status


def test_without_an_end_the_job_ended_when_it_was_received(world: World) -> None:
    started = world.clock.now - timedelta(seconds=90, milliseconds=500)
    assert world.robot().report(started_at=started.isoformat()).json["duration_seconds"] == 90.5


def test_a_robot_whose_clock_is_ahead_has_no_negative_duration(world: World) -> None:
    started = world.clock.now + timedelta(hours=1)
    assert world.robot().report(started_at=started.isoformat()).json["duration_seconds"] == 0


def test_a_job_whose_end_is_told_in_whole_seconds_may_begin_later_in_that_second(world: World) -> None:
    times: dict[str, Any] = {"started_at": "2026-03-10T11:55:00.863Z", "finished_at": "2026-03-10T11:55:00Z"}
    receipt = world.robot().report(**times)
    assert (receipt.status, receipt.json["duration_seconds"]) == (201, 0)
    job = world.ask("GET", receipt.headers["location"], headers=world.signed_in("alice")).json
    assert (job["started_at"], job["finished_at"]) == ("2026-03-10T11:55:00.863000Z", "2026-03-10T11:55:00.000000Z")
    assert job["duration_seconds"] == 0


def test_optional_fields_may_be_null(world: World) -> None:
    names = ("finished_at", "status", "target", "source", "result_summary", "error_message", "external_id", "tags")
    assert world.robot().report(**dict.fromkeys((*names, "data", "details"))).status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": 'Application/JSON;charset="UTF-8"'},
        {"Content-Encoding": "identity"},
    ],
)
def test_json_may_be_announced_in_every_way_that_means_the_same(world: World, headers: dict[str, str]) -> None:
    assert world.robot().report(headers=headers).status == 201


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_a_body_may_be_compressed(world: World, encoding: str) -> None:
    robot = world.robot()
    body = zipped(robot.report_body(details=details(*["success"] * 1_000)))
    answer = robot.send(body, {"Content-Encoding": encoding})
    assert answer.status == 201
    assert answer.json["counts"]["total"] == 1_000


def test_a_key_for_one_process_reports_that_process(world: World) -> None:
    assert world.robot(flow_id=world.cast.other_flow_a).report().status == 201


def test_a_key_of_the_account_reports_every_process_of_it(world: World) -> None:
    robot = world.robot()
    for flow_id in (world.cast.flow_a, world.cast.other_flow_a):
        assert robot.report(flow_id=str(flow_id)).json["flow_id"] == str(flow_id)


def test_two_reports_without_an_idempotency_key_are_two_jobs(world: World) -> None:
    robot = world.robot()
    jobs = {robot.report().json["job_id"] for _ in range(2)}
    assert len(jobs) == 2


def test_each_answer_says_what_is_left_of_the_limit(world: World) -> None:
    robot = world.robot(limit=3)
    for left in (2, 1, 0):
        answer = robot.report()
        assert answer.status == 201
        assert answer.headers["ratelimit-policy"] == '"per-key";q=3;w=60'
        assert answer.headers["ratelimit"] == f'"per-key";r={left};t=60'


def test_it_is_the_same_over_a_socket(over_socket: World) -> None:
    robot = over_socket.robot()
    answer = robot.report(details=details("success"))
    assert (answer.status, answer.json["counts"]["total"]) == (201, 1)


def test_a_body_may_come_in_chunks_of_unknown_number(over_socket: World) -> None:
    robot = over_socket.robot()
    ask = over_socket.ask
    assert isinstance(ask, OverSocket)
    connection = http.client.HTTPConnection(*ask.address, timeout=10)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", **robot.headers}
    body = zipped(robot.report_body())
    connection.request("POST", REPORT, body=iter([body[:7], body[7:]]), headers=headers, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()
