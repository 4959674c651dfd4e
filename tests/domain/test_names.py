"""What people and robots call things can be seen, and shown on a line."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.account import Account
from domain.api_key import ApiKey
from domain.errors import InvalidInputError
from domain.limits import NAME_CHARS_MAX, REASON_CHARS_MAX
from domain.names import LINES_PATTERN, NAME_PATTERN, SEEN_PATTERN, checked_name, checked_reason, is_blank
from domain.process import Process
from domain.report import RobotId, Tag
from tests.support.examples import ACCOUNT, FLOW, KEY, TENANT, a_key, cause

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
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


def an_account(name: str = "Account A") -> Account:
    return Account.open(cause(), account_id=ACCOUNT, tenant_id=TENANT, name=name)


def a_process(name: str = "Invoices") -> Process:
    return Process.register(cause(), account_id=ACCOUNT, flow_id=FLOW, name=name)


def a_key_with(name: str) -> ApiKey:
    return ApiKey.create(
        cause(), key_id=KEY, account_id=ACCOUNT, flow_id=None, name=name, prefix="AbCdEfGh", limit=1, expires_at=None
    )


def changed(thing: T, change: Callable[[T], None]) -> T:
    change(thing)
    return thing


NAMING: dict[str, Callable[[str], Any]] = {
    "account": an_account,
    "account renamed": lambda name: changed(an_account(), lambda account: account.rename(cause(), name)),
    "process": a_process,
    "process renamed": lambda name: changed(a_process(), lambda process: process.rename(cause(), name)),
    "key": a_key_with,
    "key renamed": lambda name: changed(a_key(), lambda key: key.change(cause(), name=name)),
}
GIVING_A_REASON: dict[str, Callable[[str], Any]] = {
    "account suspended": lambda reason: changed(an_account(), lambda account: account.suspend(cause(), reason)),
    "key deactivated": lambda reason: changed(a_key(), lambda key: key.deactivate(cause(), reason)),
}


@pytest.mark.parametrize("give", NAMING.values(), ids=NAMING)
def test_whatever_has_a_name_has_one_that_can_be_seen_without_blanks_around_it(give: Callable[[str], Any]) -> None:
    assert give(" \tName\u3000").name == "Name"
    assert give("x" * NAME_CHARS_MAX).name == "x" * NAME_CHARS_MAX
    for name in (" ", "\u200b", "x" * (NAME_CHARS_MAX + 1), "a\nb", "a\x1b[31m", "a\ud800"):
        with pytest.raises(InvalidInputError, match="field='name'"):
            give(name)


@pytest.mark.parametrize("give", GIVING_A_REASON.values(), ids=GIVING_A_REASON)
def test_a_reason_may_have_several_lines_and_nothing_that_can_not_be_shown(give: Callable[[str], Any]) -> None:
    for reason in ("one\n\ttwo", "x" * REASON_CHARS_MAX):
        assert give(reason).pending_events[-1].reason == reason
    for reason in ("x" * (REASON_CHARS_MAX + 1), "a\x00", "a\x1b[31m", "a\ud800"):
        with pytest.raises(InvalidInputError, match="field='reason'"):
            give(reason)
