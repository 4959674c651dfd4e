"""What a report may hold: every limit at n and n + 1, and how the status follows from the records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from domain import limits
from domain.report import AS_WRITTEN, Counts, DetailStatus, JobStatus, Report, computed_status
from tests.support.examples import FLOW, report_body

if TYPE_CHECKING:
    from collections.abc import Callable


def parsed(**fields: Any) -> Report:
    """Take a report in the way that it comes: as JSON."""
    return Report.model_validate_json(json.dumps(report_body(**fields)), strict=True)


def errors_of(**fields: Any) -> list[tuple[tuple[int | str, ...], str]]:
    """Return where the broken rules are, and their kinds."""
    with pytest.raises(ValidationError) as refused:
        parsed(**fields)
    return [(error["loc"], error["type"]) for error in refused.value.errors()]


def detail(number: int = 0, **fields: Any) -> dict[str, Any]:
    return {"sequence_no": number, "status": "success"} | fields


def data_of_bytes(size: int) -> dict[str, str]:
    return {"a": "x" * (size - len(b'{"a":""}'))}


def test_the_smallest_report_has_a_process_a_robot_and_a_start() -> None:
    report = parsed()
    assert (report.flow_id, report.robot_id, report.details, report.status) == (FLOW, "robot-7", None, None)


@pytest.mark.parametrize("name", ["flow_id", "robot_id", "started_at"])
def test_a_required_field_is_missed_by_name_also_when_it_is_null(name: str) -> None:
    assert errors_of(**{name: ...}) == [((name,), "missing")]
    assert [place for place, _ in errors_of(**{name: None})] == [(name,)]


OPTIONAL = sorted(name for name, field in Report.model_fields.items() if not field.is_required())


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_field_may_be_null_or_left_out(name: str) -> None:
    assert parsed(**{name: None}) == parsed()


@pytest.mark.parametrize("name", ["record_id", "record_name", "result", "error_message"])
def test_an_optional_field_of_a_detail_may_be_null(name: str) -> None:
    assert parsed(details=[detail() | {name: None}]).details is not None


@pytest.mark.parametrize(
    ("name", "chars_max"),
    [
        ("robot_id", limits.ROBOT_ID_CHARS_MAX),
        ("target", limits.LABEL_CHARS_MAX),
        ("source", limits.LABEL_CHARS_MAX),
        ("external_id", limits.LABEL_CHARS_MAX),
        ("result_summary", limits.SUMMARY_CHARS_MAX),
        ("error_message", limits.TEXT_CHARS_MAX),
    ],
)
@pytest.mark.parametrize("letter", ["x", "ü", "🤖"])
def test_a_text_may_be_as_long_as_the_limit_in_characters_and_no_longer(name: str, chars_max: int, letter: str) -> None:
    assert getattr(parsed(**{name: letter * chars_max}), name) == letter * chars_max
    assert errors_of(**{name: letter * (chars_max + 1)}) == [((name,), "string_too_long")]


@pytest.mark.parametrize(
    ("name", "chars_max"),
    [
        ("record_id", limits.LABEL_CHARS_MAX),
        ("record_name", limits.LABEL_CHARS_MAX),
        ("result", limits.TEXT_CHARS_MAX),
        ("error_message", limits.TEXT_CHARS_MAX),
    ],
)
def test_a_text_of_a_detail_may_be_as_long_as_the_limit_and_no_longer(name: str, chars_max: int) -> None:
    parsed(details=[detail() | {name: "x" * chars_max}])
    too_long = [detail(), detail(1) | {name: "x" * (chars_max + 1)}]
    assert errors_of(details=too_long) == [(("details", 1, name), "string_too_long")]


def test_a_robot_has_a_name_of_at_least_one_character() -> None:
    assert errors_of(robot_id="") == [(("robot_id",), "string_too_short")]
    assert parsed(robot_id="x").robot_id == "x"


def test_there_may_be_twenty_tags_of_one_to_fifty_characters() -> None:
    assert limits.TAGS_MAX == 20
    assert len(parsed(tags=["x" * limits.TAG_CHARS_MAX] * limits.TAGS_MAX).tags or ()) == limits.TAGS_MAX
    assert parsed(tags=[]).tags == []
    assert errors_of(tags=["x"] * (limits.TAGS_MAX + 1)) == [(("tags",), "too_long")]
    assert errors_of(tags=["x", ""]) == [(("tags", 1), "string_too_short")]
    assert errors_of(tags=["x" * (limits.TAG_CHARS_MAX + 1)]) == [(("tags", 0), "string_too_long")]


@pytest.mark.parametrize("letter_bytes", [1, 2])
def test_data_may_have_64_kib_of_compact_json_in_utf_8_and_no_byte_more(letter_bytes: int) -> None:
    data = data_of_bytes(limits.DATA_BYTES_MAX)
    if letter_bytes == 2:
        data["a"] = "ü" * (len(data["a"]) // 2)
    assert json.loads(parsed(data=data).data or "") == data
    data["a"] += "xx"
    assert errors_of(data=data) == [(("data",), "data_too_large")]


def test_data_is_kept_as_compact_json() -> None:
    data: dict[str, Any] = {
        "null": None,
        "in": {"null": None, "list": [None, 0, -1.5, True, "", {}]},
        "": "no name",
        "large": 10**25,
    }
    assert parsed(data=data).data == json.dumps(data, separators=(",", ":"))


def test_data_is_kept_as_it_was_written_where_whoever_read_it_says_how() -> None:
    body, written = json.dumps(report_body(data={"a": 0.0})), '{"a":1e-400}'
    report = Report.model_validate_json(body, strict=True, context={AS_WRITTEN: written})
    assert report.data == written
    too_long = written.replace("1e", "1" * limits.DATA_BYTES_MAX + "e")
    with pytest.raises(ValidationError):
        Report.model_validate_json(body, strict=True, context={AS_WRITTEN: too_long})


@pytest.mark.parametrize("data", [[], "text", 1, True])
def test_data_is_an_object(data: object) -> None:
    assert [place for place, _ in errors_of(data=data)] == [("data",)]


def test_there_may_be_fifty_thousand_details_and_no_more() -> None:
    assert limits.DETAILS_MAX == 50_000
    details = [detail(number) for number in range(limits.DETAILS_MAX)]
    assert len(parsed(details=details).details or ()) == limits.DETAILS_MAX
    assert errors_of(details=[*details, detail(limits.DETAILS_MAX)]) == [(("details",), "too_long")]


def test_a_sequence_number_counts_from_zero_to_the_largest_that_a_database_integer_holds() -> None:
    parsed(details=[detail(0), detail(limits.SEQUENCE_NO_MAX)])
    assert errors_of(details=[detail(-1)]) == [(("details", 0, "sequence_no"), "greater_than_equal")]
    too_large = [detail(limits.SEQUENCE_NO_MAX + 1)]
    assert errors_of(details=too_large) == [(("details", 0, "sequence_no"), "less_than_equal")]


@pytest.mark.parametrize("number", ["5", True, 5.5, None, [], 10**400])
def test_a_sequence_number_is_an_integer(number: object) -> None:
    assert [place for place, _ in errors_of(details=[detail() | {"sequence_no": number}])] == [
        ("details", 0, "sequence_no")
    ]


def test_sequence_numbers_are_unique_and_every_repeated_one_is_told() -> None:
    with pytest.raises(ValidationError) as refused:
        parsed(details=[detail(1), detail(2), detail(1), detail(2), detail(3), detail(1)])
    (error,) = refused.value.errors()
    assert (error["loc"], error["type"]) == (("details",), "sequence_no_repeated")
    assert error["ctx"] == {"indexes": [2, 3, 5]}


@pytest.mark.parametrize("status", ["success", "SUCCESS", "Failed", "sKiPpEd"])
def test_the_status_of_a_detail_may_be_in_any_case(status: str) -> None:
    details = parsed(details=[detail(status=status)]).details
    assert details is not None
    assert details[0]["status"] == DetailStatus(status.lower())


@pytest.mark.parametrize("status", ["", "ok", "partial_success", "success ", None, 1, "ſuccess"])
def test_another_status_of_a_detail_is_refused(status: object) -> None:
    assert [place for place, _ in errors_of(details=[detail(status=status)])] == [("details", 0, "status")]


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title, str.swapcase])
@pytest.mark.parametrize("status", list(JobStatus))
def test_the_status_of_a_job_may_be_given_in_any_case(status: JobStatus, spell: Callable[[str], str]) -> None:
    assert parsed(status=spell(status.value)).status is status


@pytest.mark.parametrize("status", ["", "running", "skipped", "success ", "ſuccess", 0])
def test_another_status_of_a_job_is_refused(status: object) -> None:
    assert [place for place, _ in errors_of(status=status)] == [("status",)]


@pytest.mark.parametrize("flow_id", ["", "x", "00000000-0000-4000-8000-00000000000", 5, True])
def test_a_flow_id_is_a_uuid(flow_id: object) -> None:
    assert [place for place, _ in errors_of(flow_id=flow_id)] == [("flow_id",)]


def test_an_unknown_field_is_refused_by_name_in_the_report_and_in_a_detail() -> None:
    assert errors_of(colour="red") == [(("colour",), "extra_forbidden")]
    assert errors_of(details=[detail(colour="red")]) == [(("details", 0, "colour"), "extra_forbidden")]


def test_all_broken_rules_are_told_at_once() -> None:
    places = [place for place, _ in errors_of(robot_id="", started_at="noon", tags=[""], colour="red")]
    assert places == [("robot_id",), ("started_at",), ("tags", 0), ("colour",)]


def records(*, success: int = 0, failed: int = 0, skipped: int = 0) -> Counts:
    return Counts(total=success + failed + skipped, success=success, failed=failed, skipped=skipped)


@pytest.mark.parametrize(
    ("counts", "error_message", "status"),
    [
        (records(), None, "success"),
        (records(), "", "success"),
        (records(), "no disk", "failed"),
        (records(success=1), None, "success"),
        (records(success=3), "a warning", "success"),
        (records(failed=1), None, "failed"),
        (records(failed=3), None, "failed"),
        (records(skipped=2), None, "success"),
        (records(success=2, skipped=1), None, "success"),
        (records(failed=2, skipped=1), None, "failed"),
        (records(success=1, failed=1), None, "partial_success"),
        (records(success=1, failed=2), None, "partial_success"),
        (records(success=9, failed=1, skipped=5), "x", "partial_success"),
    ],
    ids=str,
)
def test_the_status_follows_from_the_records(counts: Counts, error_message: str | None, status: str) -> None:
    assert computed_status(counts, error_message) == status


def test_records_are_counted_by_status() -> None:
    statuses = ["success", "failed", "failed", "SKIPPED", "success", "failed"]
    report = parsed(details=[detail(number, status=status) for number, status in enumerate(statuses)])
    assert Counts.of(report.details or ()) == records(success=2, failed=3, skipped=1)
    assert Counts.of(()) == records()
