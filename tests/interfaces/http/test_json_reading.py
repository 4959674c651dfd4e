"""What is no JSON is refused with where and why, in words of a table; and numbers keep their digits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import limits
from interfaces.http import json_body
from interfaces.http.accounts import NewAccount
from interfaces.http.json_reading import Reading, to_json
from interfaces.http.problems import ProblemError

SYNTAX = {
    "": "line 1, column 1: a value should stand here",
    "  \n ": "line 2, column 2: a value should stand here",
    "{": "line 1, column 2: a name in double quotes should stand here",
    "{'a': 1}": "line 1, column 2: a name in double quotes should stand here",
    "{a: 1}": "line 1, column 2: a name in double quotes should stand here",
    '{"a" 1}': "line 1, column 6: a colon should stand here",
    '{"a":}': "line 1, column 6: a value should stand here",
    '{"a": tru}': "line 1, column 7: a value should stand here",
    '{"a": .5}': "line 1, column 7: a value should stand here",
    '{"a": +1}': "line 1, column 7: a value should stand here",
    '{"a": 01}': "line 1, column 8: a comma should stand here, or the end of the list or object",
    '{"a": 1.}': "line 1, column 8: a comma should stand here, or the end of the list or object",
    '{"a": 0x10}': "line 1, column 8: a comma should stand here, or the end of the list or object",
    '{"a": [1 2]}': "line 1, column 10: a comma should stand here, or the end of the list or object",
    '{"ä": "ö" "ü"}': "line 1, column 11: a comma should stand here, or the end of the list or object",
    '{"a": "b': "line 1, column 7: the text that begins here has no end",
    '{"a": "b\nc"}': "line 1, column 9: a control character in a text has to be written as an escape, as \\n",
    r'{"a": "\x"}': "line 1, column 8: a backslash in a text has to begin an escape that JSON has, or be doubled",
    r'{"": "D:\Xyz"}': "line 1, column 9: a backslash in a text has to begin an escape that JSON has, or be doubled",
    r'{"a": "\u12"}': "line 1, column 9: four hexadecimal digits should follow \\u",
    "{} {}": "line 1, column 4: the JSON ended before this, and something follows",
    "{}\n\nx": "line 3, column 1: the JSON ended before this, and something follows",
    "\ufeff\ufeff{}": "line 1, column 1: a byte order mark stands here, and before it",
}
FAULTS = {
    '{"a": 1, "a": 2}': {"/a": "stands twice in its object"},
    r'{"a": 1, "\u0061": 2}': {"/a": "stands twice in its object"},
    '{"a": 1, "b": {"c": [0, {"d": 1, "d": 1, "d": 1}]}}': {"/b/c/1/d": "stands twice in its object"},
    '{"": 1, "": 2}': {"/": "stands twice in its object"},
    '{"a": NaN, "b": [Infinity], "c": -Infinity}': dict.fromkeys(("/a", "/b/0", "/c"), "is no number of JSON"),
    '{"a": [1e309], "b": -1E400}': dict.fromkeys(("/a/0", "/b"), "is too large a number"),
    '{"a": ' + "1" * (limits.NUMBER_DIGITS_MAX + 1) + "}": {"/a": "is a whole number of more than 4300 digits"},
    "NaN": {"": "is no number of JSON"},
}


def refusal(text: str) -> ProblemError:
    with pytest.raises(ProblemError) as refused:
        json_body.parse(text.encode(), NewAccount, slug="invalid-request")
    assert refused.value.slug == "malformed-json"
    return refused.value


@pytest.mark.parametrize("text", SYNTAX)
def test_what_is_no_json_is_told_with_its_line_and_column_and_why(text: str) -> None:
    assert refusal(text).detail == f"The body is not valid JSON at {SYNTAX[text]}. Send one JSON object in UTF-8."


@pytest.mark.parametrize("text", FAULTS, ids=lambda text: text[:50])
def test_what_would_not_come_back_as_it_was_sent_is_told_with_its_place(text: str) -> None:
    told = {error.pointer: error.message for error in refusal(text).errors}
    assert told.keys() == FAULTS[text].keys()
    for pointer, message in told.items():
        assert message.startswith(FAULTS[text][pointer])


@pytest.mark.parametrize(
    ("body", "byte"),
    [(b'{"a": "\xff"}', 8), (b"\xff\xfe{\0}\0", 1), (b'{"a": "\xc3', 8), ('{"ä": "'.encode() + b"\xed\xa0\x80", 9)],
)
def test_what_is_not_utf_8_is_told_with_the_byte(body: bytes, byte: int) -> None:
    with pytest.raises(ProblemError) as refused:
        json_body.parse(body, NewAccount, slug="invalid-request")
    assert refused.value.detail == f"The body is not UTF-8 from byte {byte} on. Send one JSON object in UTF-8."


@given(text=st.text(max_size=30) | st.text('{}[]",:\\ utrfalsn0123.eE+-\n', max_size=30))
def test_whatever_is_refused_is_told_why(text: str) -> None:
    why = ""
    try:
        Reading(text)
    except ProblemError as problem:
        why = problem.detail or "nothing"
    assert "it goes wrong here" not in why
    assert why != "nothing"


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).filter(
    lambda digits: abs(float(digits)) != float("inf")
)
TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS.map(float) | st.text(max_size=5).filter(lambda text: text.isprintable()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=4),
    max_leaves=10,
)


@given(numbers=st.lists(NUMBERS, max_size=10))
def test_numbers_are_written_as_they_were_read(numbers: list[str]) -> None:
    text = "[" + ",".join(numbers) + "]"
    assert to_json(Reading(text).tree).decode() == text


@given(tree=TREES)
def test_everything_else_is_written_as_it_was_read(tree: object) -> None:
    assert json.loads(to_json(Reading(json.dumps(tree)).tree)) == tree


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ('{"a":60.0,"b":[{"c":6e1}],"data":{"d":60.0}}', '{"a":60,"b":[{"c":60}],"data":{"d":60.0}}'),
        ('{"a":-0.0,"b":1.5,"c":-12.50e1}', '{"a":-0,"b":1.5,"c":-125}'),
        ('{"a":60.00000000000000001,"b":1e-400,"c":0e-99999999999999999999}', None),
        ("[60.0]", None),
    ],
)
def test_whole_numbers_are_written_as_such_where_they_are_whole_and_not_in_data(text: str, whole: str | None) -> None:
    assert Reading(text).with_whole_numbers().decode() == (whole or text)
