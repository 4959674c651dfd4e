from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def listed(world: World, name: str, query: str = "") -> list[dict[str, Any]]:
    answer = world.ask("GET", world.account(f"/processes{query}"), headers=world.signed_in(name))
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def change(world: World, **body: Any) -> Answer:
    path = world.account(f"/processes/{world.cast.flow_a}")
    return world.ask("PATCH", path, headers=world.signed_in("alice"), json=body)


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_who_reads_the_account_sees_all_of_its_processes_and_no_others(world: World, name: str) -> None:
    found = {item["flow_id"] for item in listed(world, name)}
    assert found == {str(world.cast.flow_a), str(world.cast.other_flow_a)}


@pytest.mark.parametrize("name", ["bob", "con"])
def test_users_and_consultants_see_those_that_they_are_assigned(world: World, name: str) -> None:
    assert [item["flow_id"] for item in listed(world, name)] == [str(world.cast.flow_a)]


def test_a_process_is_shown_as_it_was_answered(world: World) -> None:
    changed = change(world, name="Incoming invoices")
    assert changed.json in listed(world, "alice")


def test_those_that_take_no_jobs_can_be_told_from_those_that_do(world: World) -> None:
    assert change(world, retired=True).status == 200
    retired, active = (
        [p["flow_id"] for p in listed(world, "alice", f"?retired={value}")] for value in ("true", "false")
    )
    assert (retired, active) == ([str(world.cast.flow_a)], [str(world.cast.other_flow_a)])
    assert len(listed(world, "alice")) == 2


@pytest.mark.parametrize("value", ["", "1", "TRUE", "yes", "null"])
def test_what_is_neither_true_nor_false_is_refused(world: World, value: str) -> None:
    answer = world.ask("GET", world.account(f"/processes?retired={value}"), headers=world.signed_in("alice"))
    assert (answer.status, answer.errors) == (422, {"": "retired must be true or false"})


def test_pages_keep_the_filter_that_they_began_with(world: World) -> None:
    path = world.account("/processes?retired=false&limit=1")
    first = world.ask("GET", path, headers=world.signed_in("alice"))
    link = first.headers["link"].removeprefix("<").partition(">")[0]
    assert "retired=false" in link
    second = world.ask("GET", link, headers=world.signed_in("alice"))
    assert {item["flow_id"] for answer in (first, second) for item in answer.json["items"]} == {
        str(world.cast.flow_a),
        str(world.cast.other_flow_a),
    }
    assert second.json["next_cursor"] is None


def test_a_process_is_renamed_retired_and_restored(world: World) -> None:
    now = world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert change(world, name="  Incoming ").json["name"] == "Incoming"
    assert change(world, retired=True).json["retired_at"] == now
    body = change(world, retired=False, name="Back").json
    assert (body["name"], body["retired_at"]) == ("Back", None)


@pytest.mark.parametrize("body", [{}, {"name": None}, {"retired": None}, {"name": "Invoices", "retired": False}])
def test_what_is_left_out_null_or_the_same_changes_nothing(world: World, body: dict[str, Any]) -> None:
    answer, appended = world.appended_by(lambda: change(world, **body))
    assert (answer.status, answer.json["name"]) == (200, "Invoices")
    assert appended == []


def test_a_change_without_a_body_changes_nothing(world: World) -> None:
    path = world.account(f"/processes/{world.cast.flow_a}")
    assert world.ask("PATCH", path, headers=world.signed_in("alice")).json["name"] == "Invoices"


def test_a_process_shows_the_job_that_was_reported_last(world: World) -> None:
    assert {item["last_job"] for item in listed(world, "alice")} == {None}
    robot = world.robot()
    for status in ("failed", "success"):
        world.clock.advance(timedelta(minutes=1))
        job = robot.report(status=status).json
    changed = change(world, name="Shown when the lists show the jobs")
    expected = {"id": job["job_id"], "status": "success", "received_at": job["received_at"]}
    assert changed.json["last_job"] == expected
    assert [item["last_job"] for item in listed(world, "alice") if item["flow_id"] == changed.json["flow_id"]] == [
        expected
    ]
