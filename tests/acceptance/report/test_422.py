"""test_hostile_bodies.py has each rule broken; here they are broken together, and at their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from domain import limits

if TYPE_CHECKING:
    from tests.support.world import World

DETAIL = {"sequence_no": 0, "status": "success"}


def test_every_broken_rule_is_named_at_once_with_where_it_is(world: World) -> None:
    answer = world.robot().report(
        flow_id="none",
        robot_id="",
        started_at=...,
        status="done",
        polish="yes",
        tags=["", 5],
        details=[{"sequence_no": -1, "status": "ok"}, {"status": "success", "sequence_no": "2", "x": 1}],
    )
    assert (answer.status, answer.problem) == (422, "invalid-report")
    assert answer.errors == {
        "/flow_id": "must be a UUID",
        "/robot_id": "must have at least 1 character",
        "/started_at": "is required",
        "/status": "must be one of 'success', 'failed', 'partial_success', 'cancelled'",
        "/polish": "is not a known field",
        "/tags/0": "must have at least 1 character",
        "/tags/1": "must be a string",
        "/details/0/sequence_no": "must be at least 0",
        "/details/0/status": "must be one of 'success', 'failed', 'skipped'",
        "/details/1/sequence_no": "must be a whole number",
        "/details/1/x": "is not a known field",
    }


def test_a_refused_report_is_one_use_and_no_job(world: World) -> None:
    robot = world.robot()
    answer, appended = world.appended_by(lambda: robot.report(robot_id=""))
    assert answer.headers["ratelimit"] == '"per-key";r=59;t=60'
    assert [event.topic for event in appended] == ["api_key.used"]


def text(name: str, most: int) -> tuple[dict[str, Any], dict[str, Any]]:
    return {name: "ä" * most}, {name: "ä" * (most + 1)}


def of_detail(name: str, most: int) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"details": [DETAIL | {name: "ä" * most}]}, {"details": [DETAIL | {name: "ä" * (most + 1)}]}


LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "robot_id": text("robot_id", limits.ROBOT_ID_CHARS_MAX),
    "target": text("target", limits.LABEL_CHARS_MAX),
    "source": text("source", limits.LABEL_CHARS_MAX),
    "external_id": text("external_id", limits.LABEL_CHARS_MAX),
    "result_summary": text("result_summary", limits.SUMMARY_CHARS_MAX),
    "error_message": text("error_message", limits.TEXT_CHARS_MAX),
    "tags": ({"tags": ["t"] * limits.TAGS_MAX}, {"tags": ["t"] * (limits.TAGS_MAX + 1)}),
    "tags/0": ({"tags": ["t" * limits.TAG_CHARS_MAX]}, {"tags": ["t" * (limits.TAG_CHARS_MAX + 1)]}),
    "data": (
        {"data": {"x": "x" * (limits.DATA_BYTES_MAX - 8)}},
        {"data": {"x": "x" * (limits.DATA_BYTES_MAX - 7)}},
    ),
    "details/0/sequence_no": (
        {"details": [DETAIL | {"sequence_no": limits.SEQUENCE_NO_MAX}]},
        {"details": [DETAIL | {"sequence_no": limits.SEQUENCE_NO_MAX + 1}]},
    ),
    "details/0/record_id": of_detail("record_id", limits.LABEL_CHARS_MAX),
    "details/0/record_name": of_detail("record_name", limits.LABEL_CHARS_MAX),
    "details/0/result": of_detail("result", limits.TEXT_CHARS_MAX),
    "details/0/error_message": of_detail("error_message", limits.TEXT_CHARS_MAX),
}


@pytest.mark.parametrize("name", LIMITS)
def test_each_field_takes_what_its_limit_says_and_not_one_more(world: World, name: str) -> None:
    robot = world.robot()
    most, one_more = LIMITS[name]
    assert robot.report(**most).status == 201
    answer = robot.report(**one_more)
    assert (answer.status, list(answer.errors)) == (422, [f"/{name}"])
