"""The list of jobs as a page. What a search finds, and how pages follow each other, the API's tests say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from application.accounts import ChangeProcess
from tests.acceptance.web.jobs_support import Browser

if TYPE_CHECKING:
    from tests.support.clock import FakeClock
    from tests.support.world import Robot, World

HOSTILE = '<b>"bold"</b> & <script>alert(1)</script> \N{ROBOT FACE} \N{RIGHT-TO-LEFT OVERRIDE}'
DETAILS: list[dict[str, Any]] = [
    {"sequence_no": 1, "status": "success", "record_id": "INV-1"},
    {"sequence_no": 2, "status": "failed"},
    {"sequence_no": 3, "status": "skipped"},
]


def shown(world: World, robot: Robot, **fields: Any) -> str:
    """Report a job, and return its id once it is in the lists."""
    answer = robot.report(**fields)
    assert answer.status == 201, answer.body
    world.clock.advance(timedelta(seconds=1))
    world.wait_for_lists()
    return str(answer.json["job_id"])


def robots(world: World, query: str = "", name: str = "alice") -> list[str]:
    """Return the robots of the jobs that the page lists."""
    page = Browser(world, name).get(f"/jobs{query}")
    assert page.status == 200, page.text
    path = f"/accounts/{world.cast.account_a}/jobs/"
    return [text for text, href in page.links.items() if href.startswith(path)]


def rename_process(world: World, name: str) -> None:
    world.application.execute(
        ChangeProcess(by=world.cast.caller(world.cast.account_a), flow_id=world.cast.flow_a, name=name)
    )


def test_each_job_is_a_row_that_says_how_it_ended_and_leads_to_the_job(world: World) -> None:
    job = shown(
        world,
        world.robot(),
        robot_id="rpa-1",
        external_id="RUN-7",
        finished_at="2026-03-10T11:56:30Z",
        details=DETAILS,
        result_summary="not needed beside the counts",
    )
    page = Browser(world).get("/jobs")
    assert page.links["rpa-1"] == f"/accounts/{world.cast.account_a}/jobs/{job}"
    assert "partial success rpa-1 Invoices · RUN-7" in page.text
    assert "1 of 3 succeeded, 1 failed, 1 skipped 1 min 30 s just now" in page.text
    assert "not needed" not in page.text


def test_without_details_the_summary_says_what_came_of_it_and_an_error_stands_by_it(world: World) -> None:
    robot = world.robot()
    shown(world, robot, robot_id="a", result_summary="Booked. " * 250, error_message="SAP said no")
    shown(world, robot, robot_id="b", error_message="x" * 10_000)
    shown(world, robot, robot_id="c")
    page = Browser(world).get("/jobs")
    assert "Booked. " * 250 + "SAP said no" in page.text
    assert "x" * 299 + "…" in page.text
    assert "x" * 300 not in page.text
    assert "No details" in page.text


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_who_reads_the_account_sees_all_of_its_jobs_latest_first_and_no_others(world: World, name: str) -> None:
    robot = world.robot()
    shown(world, robot, robot_id="first")
    shown(world, robot, robot_id="second", flow_id=str(world.cast.other_flow_a))
    shown(world, world.robot(world.cast.account_b), robot_id="neighbour")
    assert robots(world, name=name) == ["second", "first"]


@pytest.mark.parametrize("name", ["bob", "con"])
def test_who_is_assigned_processes_sees_the_jobs_and_the_names_of_those(world: World, name: str) -> None:
    robot = world.robot()
    shown(world, robot, robot_id="mine", tags=["x"])
    shown(world, robot, robot_id="other", tags=["x"], flow_id=str(world.cast.other_flow_a))
    assert robots(world, name=name) == robots(world, "?q=x", name) == ["mine"]
    assert robots(world, f"?flow_id={world.cast.other_flow_a}", name) == []
    page = Browser(world, name).get("/jobs")
    assert str(world.cast.flow_a) in page.html
    assert str(world.cast.other_flow_a) not in page.html


def test_each_filter_leaves_out_what_it_says_and_stays_in_its_control(world: World) -> None:
    first, second = world.robot(), world.robot()
    shown(world, first, robot_id="one", status="failed", external_id="RUN-1")
    shown(world, second, robot_id="two", status="success", flow_id=str(world.cast.other_flow_a))
    for query, found in {
        "?status=failed": ["one"],
        f"?flow_id={world.cast.other_flow_a}": ["two"],
        f"?flow_id={uuid4()}": [],
        f"?key_id={first.key_id}": ["one"],
        "?q=run-1": ["one"],
        "?q=RUN": [],
        "?q=%00": [],
        "?q=+&status=&flow_id=&key_id=&from=&to=&cursor=": ["two", "one"],
    }.items():
        assert robots(world, query) == found, query
    asked = {"q": "run-1", "status": "failed", "flow_id": str(world.cast.flow_a), "from": "2026-01-01", "to": ""}
    page = Browser(world).get("/jobs?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    assert page.fields == asked | {"csrf": page.fields["csrf"]}
    assert list(page.links)[-1] == "one"


def test_a_process_that_is_asked_for_and_not_there_stays_chosen(world: World) -> None:
    shown(world, world.robot())
    asked = str(uuid4())
    assert Browser(world).get(f"/jobs?flow_id={asked}").fields["flow_id"] == asked


def test_days_are_days_in_utc_and_the_last_one_is_among_them(world: World, clock: FakeClock) -> None:
    clock.now = datetime.combine(clock.now + timedelta(days=2), datetime.min.time(), UTC) - timedelta(seconds=2)
    evening = f"{clock.now:%Y-%m-%d}"
    robot = world.robot()
    shown(world, robot, robot_id="evening")
    clock.advance(timedelta(seconds=1))
    morning = f"{clock.now:%Y-%m-%d}"
    shown(world, robot, robot_id="morning")
    assert robots(world, f"?from={evening}&to={evening}") == ["evening"]
    assert robots(world, f"?from={morning}&to={morning}") == ["morning"]
    assert robots(world, f"?from={evening}&to={morning}") == ["morning", "evening"]
    assert robots(world, f"?to={evening}") == ["evening"]
    assert Browser(world).get(f"/jobs?from={morning}&to={evening}").status == 422


@pytest.mark.parametrize(
    "query",
    [
        "status=broken",
        "flow_id=x",
        "key_id=x",
        "from=yesterday",
        "to=2026-02-30",
        "to=9999-12-31",
        "from=2026-03-10T12:00:00Z",
        "q=" + "x" * 201,
        "cursor=x",
        "unknown=1",
    ],
)
def test_a_parameter_that_can_not_be_is_refused_by_its_name(world: World, query: str) -> None:
    page = Browser(world).get(f"/jobs?{query}")
    assert page.status == 422
    assert query.partition("=")[0] in page.text


def test_the_key_that_jobs_were_reported_with_stands_on_a_chip_that_leads_away_from_it(world: World) -> None:
    robot = world.robot()
    shown(world, robot, status="failed")
    page = Browser(world).get(f"/jobs?key_id={robot.key_id}&status=failed")
    away = page.links["Reported with Nightly run: show those of all keys"]
    assert away == f"/accounts/{world.cast.account_a}/jobs?status=failed"
    assert page.fields["key_id"] == str(robot.key_id)


def test_a_keys_name_is_told_to_who_may_read_keys_of_the_account_only(world: World) -> None:
    mine, theirs = world.robot(), world.robot(world.cast.account_b)
    shown(world, mine)
    for name, key in (("bob", mine), ("alice", theirs)):
        page = Browser(world, name).get(f"/jobs?key_id={key.key_id}")
        assert "Reported with one key" in page.text
        assert "Nightly run" not in page.text


def test_a_page_is_followed_by_the_next_one_with_the_filters_of_the_first(world: World) -> None:
    robot = world.robot()
    for number in range(51):
        assert robot.report(robot_id=f"r{number}", status="failed").status == 201
        world.clock.advance(timedelta(seconds=1))
    shown(world, robot, robot_id="passed")
    first = Browser(world).get("/jobs?status=failed")
    assert "r1" in first.links
    assert "r0" not in first.links
    second = Browser(world).get(first.links["Next page"])
    assert ("r0" in second.links, "r1" in second.links, "passed" in second.links) == (True, False, False)
    assert second.links["First page"] == f"/accounts/{world.cast.account_a}/jobs?status=failed"
    assert "Next page" not in second.links


def test_an_empty_list_says_what_to_do_next(world: World) -> None:
    assert Browser(world).get("/jobs").links["Get to the first report"].endswith("/start")
    for name in ("bob", "aud"):
        page = Browser(world, name).get("/jobs?status=failed")
        assert "No jobs yet" in page.text
        assert "Get to the first report" not in page.links
    shown(world, world.robot(), flow_id=str(world.cast.other_flow_a))
    assert "No jobs yet" in Browser(world, "bob").get("/jobs").text
    page = Browser(world).get("/jobs?status=failed")
    assert "Nothing matches" in page.text
    assert page.links["Show all jobs"] == f"/accounts/{world.cast.account_a}/jobs"


def test_what_robots_and_people_wrote_is_shown_as_they_wrote_it(world: World) -> None:
    rename_process(world, HOSTILE.replace("\N{RIGHT-TO-LEFT OVERRIDE}", "").strip())
    shown(world, world.robot(), robot_id=HOSTILE, external_id="<i>x</i>", result_summary="<u>y</u>")
    page = Browser(world).get("/jobs?q=" + "%3Cu%3Ey%3C%2Fu%3E")
    assert "<script>alert" not in page.html
    assert all(tag not in page.html for tag in ("<b>", "<i>", "<u>"))
    assert " ".join(HOSTILE.split()) in page.links
    assert "<i>x</i>" in page.text
    assert page.fields["q"] == "<u>y</u>"
