from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import Robot, World

REPORT: dict[str, Any] = {
    "started_at": "2026-03-10T11:43:51Z",
    "finished_at": "2026-03-10T11:48:51.000001+00:00",
    "target": "SAP",
    "external_id": "UIP-2026-000417",
    "result_summary": "1 of 3 invoices was booked",
    "tags": ["month-end"],
    "data": {"queue": "in", "large": 10**30, "larger": -(10**400), "nothing": None, "list": [1.0, "é"]},
    "details": [
        {"sequence_no": 3, "status": "failed", "record_id": "INV-1003", "error_message": "amount is missing"},
        {"sequence_no": 1, "status": "success", "record_id": "INV-1001", "record_name": "First", "result": "booked"},
        {"sequence_no": 2, "status": "FAILED", "record_id": "INV-1002"},
    ],
}


def get(world: World, path: str, name: str = "alice") -> Answer:
    answer = world.ask("GET", path, headers=world.signed_in(name))
    assert answer.status == 200, answer.body
    return answer


def listed(world: World, query: str = "", name: str = "alice") -> list[str]:
    return [item["id"] for item in get(world, world.account(f"/jobs{query}"), name).json["items"]]


def shown(world: World, robot: Robot, **fields: Any) -> str:
    """Report a job, and return its id once it is in the lists."""
    answer = robot.report(**fields)
    assert answer.status == 201, answer.body
    world.clock.advance(timedelta(seconds=1))
    world.wait_for_lists()
    return str(answer.json["job_id"])


def test_the_address_in_the_answer_to_a_report_leads_to_the_job_at_once(world: World) -> None:
    robot = world.robot()
    for _ in range(20):
        reported = robot.report(**REPORT)
        assert get(world, reported.headers["location"]).json["id"] == reported.json["job_id"]


def test_a_job_is_shown_whole(world: World) -> None:
    robot = world.robot()
    receipt = robot.report(**REPORT)
    job = get(world, receipt.headers["location"]).json
    assert job == {
        "id": receipt.json["job_id"],
        "account_id": str(world.cast.account_a),
        "flow_id": str(world.cast.flow_a),
        "key_id": str(robot.key_id),
        "robot_id": "robot-7",
        "status": "partial_success",
        "started_at": "2026-03-10T11:43:51.000000Z",
        "finished_at": "2026-03-10T11:48:51.000001Z",
        "received_at": receipt.json["received_at"],
        "duration_seconds": 300.000001,
        "counts": {"total": 3, "success": 1, "failed": 2, "skipped": 0},
        "target": "SAP",
        "source": None,
        "external_id": "UIP-2026-000417",
        "result_summary": "1 of 3 invoices was booked",
        "error_message": None,
        "tags": ["month-end"],
        "data": REPORT["data"],
    }
    [item] = get(world, world.account("/jobs")).json["items"]
    assert item == {name: value for name, value in job.items() if name != "data"}


def test_its_details_come_by_number_whole_or_by_status(world: World) -> None:
    path = f"{world.robot().report(**REPORT).headers['location']}/details"
    first, second, third = get(world, path).json["items"]
    assert first == {
        "sequence_no": 1,
        "status": "success",
        "record_id": "INV-1001",
        "record_name": "First",
        "result": "booked",
        "error_message": None,
    }
    assert second == dict.fromkeys(first) | {"sequence_no": 2, "status": "failed", "record_id": "INV-1002"}
    assert get(world, f"{path}?status=failed").json["items"] == [second, third]
    assert get(world, f"{path}?status=skipped").json == {"items": [], "next_cursor": None}
    page = get(world, f"{path}?status=failed&limit=1")
    assert page.json["items"] == [second]
    link = page.headers["link"].removeprefix("<").partition(">")[0]
    assert get(world, link).json == {"items": [third], "next_cursor": None}


def test_a_job_without_details_has_an_empty_list_of_them(world: World) -> None:
    location = world.robot().report().headers["location"]
    assert get(world, f"{location}/details").json == {"items": [], "next_cursor": None}
    job = get(world, location).json
    assert (job["data"], job["tags"]) == (None, [])


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_who_reads_the_account_sees_all_of_its_jobs_latest_first_and_no_others(world: World, name: str) -> None:
    robot = world.robot()
    mine = [shown(world, robot, flow_id=str(flow)) for flow in (world.cast.flow_a, world.cast.other_flow_a)]
    shown(world, world.robot(world.cast.account_b))
    assert listed(world, name=name) == mine[::-1]
    assert listed(world, "?sort=received_at", name) == mine


@pytest.mark.parametrize("name", ["bob", "con"])
def test_users_and_consultants_see_the_jobs_of_processes_that_they_are_assigned(world: World, name: str) -> None:
    robot = world.robot()
    seen = shown(world, robot, tags=["x"])
    shown(world, robot, tags=["x"], flow_id=str(world.cast.other_flow_a))
    assert listed(world, name=name) == listed(world, "?q=x", name) == [seen]
    assert listed(world, f"?flow_id={world.cast.flow_a}", name) == [seen]
    assert listed(world, f"?flow_id={world.cast.other_flow_a}", name) == []
    assert listed(world, f"?q=x&flow_id={world.cast.other_flow_a}", name) == []


def test_the_other_accounts_admin_sees_the_other_accounts_jobs(world: World) -> None:
    shown(world, world.robot())
    theirs = shown(world, world.robot(world.cast.account_b))
    answer = get(world, world.account("/jobs", of=world.cast.account_b), "carol")
    assert [item["id"] for item in answer.json["items"]] == [theirs]


def test_each_filter_leaves_out_what_it_says_and_all_of_them_hold_together(world: World) -> None:
    first, second = world.robot(), world.robot()
    began = world.clock.now.isoformat().replace("+00:00", "Z")
    failed = shown(world, first, status="failed", external_id="INV-1")
    later = world.clock.now.isoformat().replace("+00:00", "Z")
    passed = shown(world, second, status="success", external_id="INV-2", flow_id=str(world.cast.other_flow_a))
    assert listed(world, "?status=failed") == [failed]
    assert listed(world, f"?key_id={second.key_id}") == [passed]
    assert listed(world, f"?flow_id={world.cast.flow_a}") == [failed]
    assert listed(world, f"?from={later}") == [passed]
    assert listed(world, f"?to={later}") == [failed]
    assert listed(world, f"?from={began}&to={later}&status=failed&key_id={first.key_id}&q=inv-1") == [failed]
    assert listed(world, f"?from={began}&to={later}&status=success") == []
    assert listed(world, "?q=INV-2&status=failed") == []


def test_a_search_finds_external_id_summary_tag_and_record_id_by_whole_words(world: World) -> None:
    job = shown(world, world.robot(), **REPORT)
    shown(world, world.robot(), result_summary="2 of 3 invoices")
    for query in ("uip-2026-000417", "BOOKED", "month-end", "inv-1003", "invoices+INV-1001+1"):
        assert listed(world, f"?q={query}") == [job], query
    for query in ("inv", "inv-1009", "inv-1001+inv-1009", "SAP"):
        assert listed(world, f"?q={query}") == [], query


def test_pages_keep_the_filters_and_the_search_that_they_began_with(world: World) -> None:
    robot = world.robot()
    found = [shown(world, robot, tags=["x"], status="failed") for _ in range(5)]
    shown(world, robot, tags=["x"])
    path: str | None = world.account("/jobs?q=x&status=failed&limit=2")
    seen: list[str] = []
    while path is not None:
        answer = get(world, path)
        seen += [item["id"] for item in answer.json["items"]]
        link = answer.headers.get("link")
        path = None if link is None else link.removeprefix("<").partition(">")[0]
    assert seen == found[::-1]
