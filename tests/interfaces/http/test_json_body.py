"""A body that is read once gives what it would have given, read twice."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.report import Report
from interfaces.http import json_body
from interfaces.http.problems import ProblemError

REPORT: dict[str, Any] = {
    "flow_id": "4de713a3-1a07-4282-8885-dfbaa7869a31",
    "robot_id": "robot-7",
    "started_at": "2026-03-10T21:43:51.863Z",
    "result_summary": "two of them",
    "tags": ["a", "b"],
    "details": [
        {"sequence_no": 1, "status": "success", "record_id": "REC-1"},
        {"sequence_no": 2, "status": "failed", "error_message": "no such customer"},
    ],
}
PLAIN = json.dumps(REPORT)
TEXTS = ('":', '" :', ":", '"', "\\", "\\u0000", "\\ud800", "é", "😀", "\x00", "\n", "{", "[", ",")
"""What may stand in a text, and looks like something else."""
PIECES = (*TEXTS, '"robot_id":', '"robot_id" :', '"robot_id":"r",', '"data":{"a":1e999},', '"data":{"a":1,"a":2},')
NAMES = [*sorted(REPORT), "data", "external_id", "colour"]


def outcome(read: Any, body: bytes) -> object:
    try:
        return read(body)
    except ProblemError as problem:
        return problem.slug, problem.detail, problem.errors


def once_or_twice(body: bytes) -> object:
    return outcome(lambda given: json_body.parse(given, Report, slug="invalid-report"), body)


def twice(body: bytes) -> object:
    body = body.removeprefix(codecs.BOM_UTF8)
    return outcome(lambda given: json_body._parse_carefully(given, Report, "invalid-report"), body)  # noqa: SLF001


def is_read_once(body: bytes) -> bool:
    return json_body._parse_plain(body, Report) is not None  # noqa: SLF001


@given(at=st.integers(0, len(PLAIN)), piece=st.sampled_from(PIECES), cut=st.integers(0, 12))
def test_whatever_is_put_in_or_cut_out_of_a_report(at: int, piece: str, cut: int) -> None:
    body = (PLAIN[:at] + piece + PLAIN[at + cut :]).encode()
    assert once_or_twice(body) == twice(body)


@given(
    names=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["", " ", "\n\t"])), max_size=10),
    texts=st.lists(st.sampled_from(TEXTS), max_size=3),
    more=st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.floats() | st.integers(), max_size=3),
    ascii_only=st.booleans(),
)
def test_whatever_names_are_repeated_and_whatever_the_texts_hold(
    names: list[tuple[str, str]], texts: list[str], more: dict[str, Any], ascii_only: bool
) -> None:
    values = REPORT | {"robot_id": "".join(texts) or "r", "external_id": texts[0] if texts else None, "data": more}
    given = [*[(name, "") for name in ("flow_id", "robot_id", "started_at")], *names]
    pairs = [f'"{name}"{gap}:{json.dumps(values.get(name), ensure_ascii=ascii_only)}' for name, gap in given]
    body = "{" + ",".join(pairs) + "}"
    assert once_or_twice(body.encode()) == twice(body.encode())


@example(body=b"")
@example(body=b"{}")
@example(body=b"\xff")
@example(body=b"\xef\xbb\xbf" + PLAIN.encode())
@given(body=st.binary(max_size=40))
def test_whatever_bytes_come(body: bytes) -> None:
    assert once_or_twice(body) == twice(body)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (",\n", ":\t")])
def test_an_ordinary_report_is_read_once(separators: tuple[str, str]) -> None:
    assert is_read_once(json.dumps(REPORT, separators=separators, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    "body",
    [
        PLAIN.replace('"robot-7"', '"robot-7","robot_id":"robot-8"'),
        PLAIN.replace('"robot-7"', '"robot-7","robot_id" :"robot-8"'),
        PLAIN.replace('"REC-1"', '"REC-1","record_id":"REC-2"'),
        PLAIN.replace('"REC-1"', '"\\ud800"'),
        PLAIN.replace('"tags"', '"data": {"a": 1e999}, "tags"'),
        PLAIN.replace('"tags"', '"data": {"a": 1, "a": 2}, "tags"'),
        PLAIN.replace('"tags"', '"data": {"a": NaN}, "tags"'),
    ],
)
def test_what_may_have_to_be_refused_is_read_twice(body: str) -> None:
    assert not is_read_once(body.encode())
    assert isinstance(twice(body.encode()), tuple)
