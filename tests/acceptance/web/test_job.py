"""The page of one job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest

from tests.acceptance.web.jobs_support import Browser, Seen

if TYPE_CHECKING:
    from tests.support.world import World

PAGE_BYTES_MAX = 100 * 1024
REPORT: dict[str, Any] = {
    "robot_id": "rpa-1",
    "started_at": "2026-03-10T11:43:51Z",
    "finished_at": "2026-03-10T11:48:51Z",
    "target": "SAP",
    "source": "mailbox",
    "external_id": "UIP-2026-000417",
    "result_summary": "1 of 3 invoices was booked",
    "error_message": "SAP said no",
    "tags": ["month end", "<b>tag</b>"],
    "data": {"queue": "</pre><b>in</b>", "large": -(10**400), "list": [1.0, {}]},
    "details": [
        {"sequence_no": 3, "status": "failed", "record_id": "INV-1003", "error_message": "amount is missing"},
        {"sequence_no": 1, "status": "success", "record_id": "INV-1001", "record_name": "First", "result": "booked"},
        {"sequence_no": 2, "status": "skipped"},
    ],
}


def reported(world: World, **fields: Any) -> str:
    """Report a job, and return its path among the pages."""
    answer = world.robot().report(**REPORT | fields)
    assert answer.status == 201, answer.body
    return f"/jobs/{answer.json['job_id']}"


def look(world: World, path: str, name: str = "alice") -> Seen:
    page = Browser(world, name).get(path)
    assert page.status == 200, page.text
    return page


def test_it_shows_all_that_the_robot_reported(world: World) -> None:
    page = look(world, reported(world))
    for text in (
        "Job of rpa-1 partial success",
        "1 of 3 invoices was booked",
        "Error: SAP said no",
        "Process Invoices Robot rpa-1 Started 2026-03-10 11:43:51 UTC Finished 2026-03-10 11:48:51 UTC",
        "Duration 5 min 00 s",
        "Target SAP Source mailbox External id UIP-2026-000417",
        "month end <b>tag</b>",
        "1 of 3 succeeded, 1 failed, 1 skipped",
    ):
        assert text in page.text, text
    base = f"/accounts/{world.cast.account_a}"
    assert page.links["Jobs"] == f"{base}/jobs"
    assert page.links["month end"] == f"{base}/jobs?q=month+end"
    assert page.links["Invoices"] == f"{base}/jobs?flow_id={world.cast.flow_a}"


def test_it_can_be_seen_as_soon_as_it_is_reported(world: World) -> None:
    for _ in range(10):
        look(world, reported(world))


def test_the_key_is_named_to_who_may_read_keys(world: World) -> None:
    robot = world.robot()
    path = f"/jobs/{robot.report().json['job_id']}"
    base = f"/accounts/{world.cast.account_a}"
    assert look(world, path, "aud").links["Nightly run"] == f"{base}/keys/{robot.key_id}"
    page = look(world, path, "bob")
    assert "Nightly run" not in page.text
    assert page.links["a key of the account"] == f"{base}/jobs?key_id={robot.key_id}"


def test_data_is_shown_as_it_was_sent_with_line_breaks(world: World) -> None:
    html = look(world, reported(world)).html
    shown = '{\n  "queue": "</pre><b>in</b>",\n  "large": -1' + "0" * 400 + ',\n  "list": [\n    1.0,\n    {}\n  ]\n}'
    assert shown.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;") in html
    assert "The whole job in JSON" not in html


def test_of_long_data_the_beginning_is_shown_and_the_rest_is_a_link_away(world: World) -> None:
    data = {"list": ["x" * 100] * 600, "end": "the end"}
    path = reported(world, data=data)
    page = look(world, path)
    assert "the end" not in page.text
    assert len(page.html) < 40_000
    api = page.links["The whole job in JSON"]
    assert api == f"/api/v1/accounts/{world.cast.account_a}{path}"
    assert world.ask("GET", api, headers=world.signed_in("alice")).json["data"] == data


def test_data_that_is_very_deep_is_no_longer_for_its_indentation(world: World) -> None:
    deep = b"[" * 90 + b"1" + b"]" * 90
    data = b'{"list":[' + b",".join([deep] * 300) + b"]}"
    robot = world.robot()
    body = orjson.dumps(robot.report_body())[:-1] + b',"data":' + data + b"}"
    answer = robot.send(body)
    assert answer.status == 201, answer.body
    page = look(world, f"/jobs/{answer.json['job_id']}")
    assert len(page.html) < 40_000
    assert "The whole job in JSON" in page.links


def test_details_are_told_by_number_and_can_be_had_by_status(world: World) -> None:
    path = reported(world)
    page = look(world, path)
    assert (
        "1 success INV-1001 First No. 1 booked 2 skipped No id No. 2 3 failed INV-1003 No. 3 amount is missing"
        in page.text
    )
    assert "cut here" not in page.text
    failed = look(world, page.links["1 failed"])
    assert "3 failed INV-1003" in failed.text
    assert "INV-1001" not in failed.text
    assert failed.links["1 failed: show all"] == f"/accounts/{world.cast.account_a}{path}"


def test_a_job_without_details_says_so(world: World) -> None:
    page = look(world, reported(world, details=..., data=..., tags=...))
    assert "without the records that it worked on" in page.text
    assert "Data" not in page.text
    assert "Tags" not in page.text


def test_details_come_in_pages_of_fifty_of_one_status_or_all(world: World) -> None:
    details = [
        {"sequence_no": number, "status": "failed" if number % 2 else "success", "record_id": f"INV-{number}"}
        for number in range(102)
    ]
    path = reported(world, details=details)
    first = look(world, f"{path}?status=failed")
    assert "INV-99 " in first.text
    assert "INV-101" not in first.text
    second = look(world, first.links["Next page"])
    assert "INV-101" in second.text
    assert "INV-99 " not in second.text
    assert second.links["First page"] == f"/accounts/{world.cast.account_a}{path}?status=failed"
    assert "Next page" not in second.links


def test_a_page_of_the_longest_texts_stays_small_and_says_where_all_of_them_are(world: World) -> None:
    details = [
        {
            "sequence_no": number,
            "status": "failed",
            "record_id": "i" * 200,
            "record_name": "n" * 200,
            "result": "r" * 10_000,
            "error_message": "e" * 10_000,
        }
        for number in range(60)
    ]
    path = reported(
        world, details=details, error_message="x" * 10_000, result_summary="y" * 2_000, data={"z": "z" * 60_000}
    )
    page = look(world, f"{path}?status=failed")
    assert len(page.answer.body) < PAGE_BYTES_MAX
    api = page.links["The details in JSON"]
    assert api == f"/api/v1/accounts/{world.cast.account_a}{path}/details?status=failed"


@pytest.mark.parametrize("query", ["?status=cancelled", "?cursor=x", "?unknown=1"])
def test_a_parameter_that_can_not_be_is_refused(world: World, query: str) -> None:
    assert Browser(world).get(f"{reported(world)}{query}").status == 422


@pytest.mark.parametrize("name", ["bob", "con"])
def test_a_job_of_a_process_that_is_not_ones_own_is_not_there(world: World, name: str) -> None:
    path = reported(world, flow_id=str(world.cast.other_flow_a))
    for page in (Browser(world, name).get(path), Browser(world, name).get(f"/jobs/{uuid4()}")):
        assert page.status == 404
        assert "rpa-1" not in page.html
    assert look(world, path).status == 200


def test_neither_is_one_of_another_account(world: World) -> None:
    theirs = world.robot(world.cast.account_b).report().json["job_id"]
    assert Browser(world).get(f"/jobs/{theirs}").status == 404
    assert Browser(world).get("/jobs/x").status == 404
