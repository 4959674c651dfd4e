"""What people and robots call things can be seen, and shown on a line."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.errors import InvalidInputError
from domain.names import LINES_PATTERN, NAME_PATTERN, SEEN_PATTERN, checked_name, checked_reason, is_blank
from domain.report import RobotId, Tag

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_CHARACTER = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF]
BMP = [char for char in EVERY_CHARACTER if ord(char) <= 0xFFFF]
BLANK = [
    "",
    " ",
    "\u3000\t",
    "\u200b",
    "\ufeff \u2060",
    "\u3164",
    "\u115f\u1160",
    "\u2800",
    "\x00",
    "\x80\x85\u2028",
    "\u00ad",
    "\U000e0041",
    "\ufe0f",
]
SEEN = ["x", "0", "हि", "\u0301", "🤖", "👩\u200d💻", "\u200bx", "請", "-"]
CHECKS: dict[str, Callable[[str], object]] = {
    "a name": checked_name,
    "a robot's id": TypeAdapter(RobotId).validate_python,
    "a tag": TypeAdapter(Tag).validate_python,
}


@pytest.mark.parametrize("text", BLANK)
@pytest.mark.parametrize("check", CHECKS)
def test_what_nobody_can_see_is_no_name(check: str, text: str) -> None:
    with pytest.raises((InvalidInputError, ValidationError)):
        CHECKS[check](text)


@pytest.mark.parametrize("text", SEEN)
@pytest.mark.parametrize("check", CHECKS)
def test_what_has_one_thing_to_see_is_taken_as_it_is(check: str, text: str) -> None:
    assert CHECKS[check](text) == text


def test_what_the_document_calls_blank_is_what_is_refused() -> None:
    """Up to U+FFFF."""
    seen = re.compile(SEEN_PATTERN)
    assert [hex(ord(char)) for char in BMP if (seen.search(char) is None) != is_blank(char)] == []


def test_what_the_document_calls_a_name_or_a_text_is_what_is_taken() -> None:
    for pattern, check in ((NAME_PATTERN, checked_name), (LINES_PATTERN, checked_reason)):
        allowed = re.compile(pattern)
        assert [
            hex(ord(char)) for char in BMP if (allowed.search(f"a{char}b") is None) is taken(check, f"a{char}b")
        ] == []


def taken(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except InvalidInputError:
        return False
    return True
