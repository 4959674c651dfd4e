"""`rpawatch jobs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from application.ingest import SubmitReport, new_job_id
from domain.report import AS_WRITTEN, Report
from tests.interfaces.cli.set_up import create_key
from tests.support.examples import report_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from interfaces.bootstrap import Services
    from tests.interfaces.cli.conftest import Rpawatch


@pytest.fixture
def key(served: Services, account_id: UUID) -> str:
    return str(create_key(served, account_id, "Bot"))


@pytest.fixture
def report(served: Services, key: str, flow: str) -> Callable[..., str]:
    """Report a job of the account, and return its id."""

    def report(written: str | None = None, **fields: Any) -> str:
        body = Report.model_validate(report_body(flow_id=flow, **fields), context={AS_WRITTEN: written})
        command = SubmitReport(key_id=UUID(key), report=body, new_job_id=new_job_id())
        return str(served.command_queue.execute(command).result.job.id)

    return report


def ids(store: Rpawatch, account: str, *options: str) -> list[str]:
    listed = store("jobs", "list", "--account", account, *options, "--json")
    assert (listed.code, listed.err) == (0, "")
    return [item["id"] for item in listed.json["items"]]


def test_jobs_are_listed_latest_first_and_by_filter(
    store: Rpawatch, account: str, flow: str, key: str, report: Callable[..., str]
) -> None:
    first = report(status="failed", external_id="INV-1")
    second = report(external_id="INV-2")
    assert ids(store, account) == [second, first]
    assert ids(store, account, "--status", "failed") == [first]
    assert ids(store, account, "--search", "inv-2") == [second]
    assert ids(store, account, "--process", flow, "--key", key) == [second, first]
    assert ids(store, account, "--process", str(uuid4())) == []
    assert ids(store, account, "--key", str(uuid4())) == []
    assert ids(store, account, "--from", "2026-01-01T00:00:00Z", "--to", "2190-01-01T00:00:00Z") == [second, first]
    assert ids(store, account, "--to", "2020-01-01T00:00:00Z") == []


def test_no_more_are_listed_than_asked_for_and_that_there_are_more_is_said(
    store: Rpawatch, account: str, report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.paging.PAGE_ITEMS_MAX", 2)
    jobs = [report() for _ in range(5)]
    some = store("jobs", "list", "--account", account, "--limit", "3", "--json")
    assert [item["id"] for item in some.json["items"]] == jobs[:1:-1]
    assert some.line == "There are more than 3. See them with a higher --limit."
    assert ids(store, account, "--limit", "5") == jobs[::-1]


def test_a_job_is_shown_with_what_was_reported(store: Rpawatch, report: Callable[..., str]) -> None:
    details = [{"sequence_no": number, "status": "success", "record_id": f"R-{number}"} for number in range(3)]
    job = report(data={"queue": "in", "large": 10**30}, details=details, result_summary="3 booked")
    shown = store("jobs", "show", job, "--json").json
    assert (shown["id"], shown["data"], shown["counts"]["total"]) == (job, {"queue": "in", "large": 10**30}, 3)
    assert "details" not in shown
    whole = store("jobs", "show", job, "--details", "--json").json
    assert [detail["record_id"] for detail in whole["details"]] == ["R-0", "R-1", "R-2"]
    for_people = store("jobs", "show", job, "--details").out
    assert "3 booked" in for_people
    assert "R-2" in for_people
    assert "R-2" not in store("jobs", "show", job).out


def test_numbers_in_data_are_shown_with_the_digits_that_were_sent(store: Rpawatch, report: Callable[..., str]) -> None:
    written = r'{"small":1e-400,"exact":1.10,"none":-0,"Größe 🤖":"\\u00000 \"0","long":' + "9" * 400 + "}"
    job = report(written, data={})
    out = store("jobs", "show", job, "--json").out
    assert out.isascii()
    shown = json.loads(out, parse_float=str, parse_int=str)
    assert shown["data"] == json.loads(written, parse_float=str, parse_int=str)
    for_people = store("jobs", "show", job).out
    assert all(number in for_people for number in ("small 1e-400", "exact 1.10", "none -0", "9" * 400))


def test_a_job_that_is_not_there_is_said_so(store: Rpawatch) -> None:
    refused = store("jobs", "show", str(uuid4()))
    assert refused.code == 1
    assert refused.line.startswith("There is nothing here, or nothing that you may see.")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--from", "yesterday"), "From must be a time as in 2026-03-10T21:43:51Z (RFC 3339)."),
        (("--to", "2026-03-10T21:43:51"), "To must have a time zone, as in 2026-03-10T21:43:51Z."),
        (("--search", " "), "Search must not be blank."),
        (("--search", "x" * 201), "Search must have at most 200 characters."),
    ],
)
def test_what_can_not_be_right_is_refused(store: Rpawatch, account: str, options: tuple[str, ...], line: str) -> None:
    refused = store("jobs", "list", "--account", account, *options)
    assert (refused.code, refused.out, refused.line) == (1, "", line)


@pytest.mark.parametrize("options", [("--status", "broken"), ("--process", "x"), ("--limit", "0"), ("--key", "x")])
def test_what_is_no_such_value_is_wrong_usage(store: Rpawatch, account: str, options: tuple[str, ...]) -> None:
    refused = store("jobs", "list", "--account", account, *options)
    assert refused.code == 2
    assert refused.usage_error
