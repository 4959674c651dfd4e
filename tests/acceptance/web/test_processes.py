"""The list of processes, and what is done with them, as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from domain.ids import process_id
from tests.acceptance.web.jobs_support import Browser

if TYPE_CHECKING:
    from tests.support.world import World

SHEETS = ("new", "{flow_id}/rename", "{flow_id}/retire", "{flow_id}/restore")
HOSTILE = '<b>"bold"</b> & <script>alert(1)</script> \N{ROBOT FACE} ' + "W" * 140


def base(world: World) -> str:
    return f"/accounts/{world.cast.account_a}"


def register(world: World, name: str, **fields: str) -> UUID:
    """Register a process by the form, and return its flow id."""
    goal = Browser(world).post("/processes/new", name=name, once=str(uuid4()), **fields).goal
    return UUID(goal.partition("?about=")[2])


def sheet(world: World, path: str) -> str:
    return f"/processes/{path.format(flow_id=world.cast.flow_a)}"


def kinds(world: World) -> list[str]:
    """Return what has happened to the process of Bob and Con."""
    return world.application.kinds(process_id(world.cast.account_a, world.cast.flow_a))


def test_each_process_stands_with_its_flow_id_and_its_last_job(world: World) -> None:
    flow_id = register(world, "Orders")
    job = world.robot(flow_id=flow_id).report(status="failed").json["job_id"]
    world.wait_for_lists()
    page = Browser(world).get("/processes")
    assert f"Orders {flow_id} Copy the flow_id of Orders active, last job just now failed just now" in page.text
    assert page.links["Orders"] == f"{base(world)}/jobs?flow_id={flow_id}"
    assert page.links["last job"] == f"{base(world)}/jobs/{job}"
    assert "None yet" in page.text


@pytest.mark.parametrize("name", ["bob", "con"])
def test_who_is_assigned_processes_sees_those_and_no_button(world: World, name: str) -> None:
    page = Browser(world, name).get("/processes?show=all")
    assert str(world.cast.flow_a) in page.text
    assert str(world.cast.other_flow_a) not in page.html
    assert not {"Register process", "Rename Invoices", "Retire Invoices"} & page.links.keys()
    about = Browser(world, name).get(f"/processes?about={world.cast.other_flow_a}")
    assert str(world.cast.other_flow_a) not in about.html


def test_an_auditor_sees_all_of_them_and_no_button_and_nobody_sees_a_neighbours(world: World) -> None:
    page = Browser(world, "aud").get("/processes")
    assert str(world.cast.flow_a) in page.text
    assert str(world.cast.other_flow_a) in page.text
    assert "Register process" not in page.links
    for name in ("aud", "alice"):
        found = Browser(world, name).get(f"/processes?about={world.cast.flow_b}")
        assert str(world.cast.flow_b) not in found.html


def test_retired_ones_are_shown_when_they_are_asked_for(world: World) -> None:
    Browser(world).post(sheet(world, "{flow_id}/retire"))
    flow, other = str(world.cast.flow_a), str(world.cast.other_flow_a)
    shown = {
        show: [one for one in (flow, other) if one in Browser(world).get(f"/processes?show={show}").text]
        for show in ("", "active", "retired", "all")
    }
    assert shown == {"": [other], "active": [other], "retired": [flow], "all": [flow, other]}
    assert Browser(world).get("/processes?show=retired").fields["show"] == "retired"


def test_pages_follow_each_other_and_keep_what_is_shown(world: World) -> None:
    for _ in range(50):
        world.cast.add_process(world.cast.account_a, uuid4())
    world.wait_for_lists()
    first = Browser(world).get("/processes?show=all")
    second = Browser(world).get(first.links["Next page"])
    assert (first.text.count("Copy the flow_id"), second.text.count("Copy the flow_id")) == (50, 2)
    assert second.links["First page"] == f"{base(world)}/processes?show=all"


@pytest.mark.parametrize("query", ["show=x", "about=x", "cursor=x", "unknown=1"])
def test_a_parameter_that_can_not_be_is_refused_by_its_name(world: World, query: str) -> None:
    page = Browser(world).get(f"/processes?{query}")
    assert page.status == 422
    assert query.partition("=")[0] in page.text


def test_an_empty_list_says_what_to_do_next(world: World) -> None:
    headers = world.signed_in("tess")
    account = world.ask("POST", "/api/v1/accounts", headers=headers, json={"name": "New"}).json["id"]
    page = Browser(world, "tess").get(f"/accounts/{account}/processes")
    assert page.links["Register the first one"] == f"/accounts/{account}/processes/new"
    assert "An administrator of the account can" in Browser(world, "aud").get(f"/accounts/{account}/processes").text
    assert "No processes for you yet" in Browser(world, "con").get(f"/accounts/{account}/processes").text
    page = Browser(world).get("/processes?show=retired")
    assert page.links["Show all processes"] == f"{base(world)}/processes?show=all"


def test_a_process_is_registered_and_shown_with_the_id_to_copy(world: World) -> None:
    form = Browser(world).get("/processes/new")
    fields = form.fields | {"name": "  Orders \N{ROBOT FACE} "}
    page = Browser(world).get(Browser(world).post("/processes/new", **fields).goal)
    assert "Orders \N{ROBOT FACE} is registered, and robots can report it. Its flow_id:" in page.text
    [made] = [href for text, href in page.links.items() if text == "Orders \N{ROBOT FACE}"]
    assert world.robot().report(flow_id=made.partition("=")[2]).status == 201


def test_it_takes_the_id_of_the_rpa_tool(world: World) -> None:
    flow_id = uuid4()
    assert register(world, "Orders", flow_id=f" {flow_id} ") == flow_id


def test_who_came_from_the_start_page_goes_back_there(world: World) -> None:
    form = Browser(world).get("/processes/new?next=start")
    assert form.fields["next"] == "start"
    assert form.links["Cancel"] == f"{base(world)}/start"
    wrong = Browser(world).post("/processes/new", **form.fields)
    assert (wrong.status, wrong.fields["next"]) == (422, "start")
    goal = Browser(world).post("/processes/new", **form.fields | {"name": "Orders"}).goal
    assert goal == f"{base(world)}/start"
    elsewhere = Browser(world).post("/processes/new", name="x", once="elsewhere", next="//example.com").goal
    assert elsewhere.startswith(f"{base(world)}/processes?about=")


@pytest.mark.parametrize("flow_id", ["", "4b0e8f0e-6a3c-4d0f-9f57-6d0d5b0f8a10"])
def test_the_same_form_again_leads_to_the_same_process(world: World, flow_id: str) -> None:
    fields = Browser(world).get("/processes/new").fields | {"name": "Orders", "flow_id": flow_id}
    first = Browser(world).post("/processes/new", **fields)
    again, appended = world.appended_by(lambda: Browser(world).post("/processes/new", **fields))
    assert again.goal == first.goal
    assert appended == []


def test_each_error_stands_beside_its_field_and_what_was_typed_is_kept(world: World) -> None:
    for name, flow_id, field, message in (
        ("", "", "name", "This must have at least 1 character."),
        ("   ", "", "name", "This must not be blank."),
        ("x" * 201, "", "name", "This must have at most 200 characters."),
        ("Orders", "no id", "flow_id", "This must be a UUID."),
        ("Orders", str(world.cast.flow_a), "flow_id", "This is the flow_id of another process of this account."),
    ):
        page, appended = world.appended_by(
            lambda n=name, f=flow_id: Browser(world).post("/processes/new", name=n, flow_id=f, once="again")
        )
        assert page.status == 422
        assert page.error_beside(field) == message
        assert (page.fields["name"], page.fields["flow_id"], page.fields["once"]) == (name, flow_id, "again")
        assert appended == []


def test_the_flow_id_of_a_neighbour_is_no_error(world: World) -> None:
    assert register(world, "Orders", flow_id=str(world.cast.flow_b)) == world.cast.flow_b


def test_a_process_is_renamed_and_its_flow_id_stays(world: World) -> None:
    path = sheet(world, "{flow_id}/rename")
    assert Browser(world).get(path).fields["name"] == "Invoices"
    page = Browser(world).get(Browser(world).post(path, name=HOSTILE).goal)
    assert f"{HOSTILE} is registered" in page.text
    assert page.links[HOSTILE].endswith(f"flow_id={world.cast.flow_a}")
    assert "<script>alert" not in page.html
    wrong = Browser(world).post(path, name="x" * 201)
    assert (wrong.status, wrong.fields["name"]) == (422, "x" * 201)
    assert wrong.error_beside("name") == "This must have at most 200 characters."
    assert Browser(world).post(path).error_beside("name") == "This must have at least 1 character."
    assert kinds(world) == ["Registered", "Renamed"]


def test_retiring_says_what_will_stop_and_can_be_taken_back(world: World) -> None:
    robot = world.robot()
    job = robot.report().json["job_id"]
    asked = Browser(world).get(sheet(world, "{flow_id}/retire"))
    assert "Retire Invoices?" in asked.text
    assert "refused with 409 process-retired" in asked.text
    assert "Its jobs stay as they are, and it can be restored" in asked.text
    page = Browser(world).get(Browser(world).post(sheet(world, "{flow_id}/retire"), **asked.fields).goal)
    assert "Invoices is retired: reports of it are refused." in page.text
    assert robot.report().status == 409
    assert Browser(world).get(f"/jobs/{job}").status == 200
    back = Browser(world).get(page.links["Restore it"])
    assert "It takes jobs again at once" in back.text
    page = Browser(world).get(Browser(world).post(sheet(world, "{flow_id}/restore"), **back.fields).goal)
    assert "Invoices is registered, and robots can report it" in page.text
    assert robot.report().status == 201
    assert kinds(world) == ["Registered", "Retired", "Restored"]


@pytest.mark.parametrize("path", SHEETS)
def test_who_may_not_change_processes_is_told_so_and_strangers_find_nothing(world: World, path: str) -> None:
    for name, status in (("bob", 403), ("con", 403), ("aud", 403), ("carol", 404), ("stranger", 404)):
        assert Browser(world, name).get(sheet(world, path)).status == status, name


@pytest.mark.parametrize("path", SHEETS[1:])
def test_a_process_that_is_not_there_or_a_neighbours_is_not_found(world: World, path: str) -> None:
    for flow_id in (uuid4(), world.cast.flow_b, "x"):
        where = f"/processes/{path.format(flow_id=flow_id)}"
        assert Browser(world).get(where).status == 404
        assert Browser(world).post(where, name="x").status == 404
