"""A log line is one line of bounded length, whatever is in it; and nothing that looks like a key is."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
import structlog

from domain import key_secret
from interfaces.logs import LINE_BYTES_MAX, configure_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = key_secret.generate()

_PROGRAM = """
import logging, sys
import structlog
from interfaces.logs import configure_logs

configure_logs("info", sys.argv[1])
key = sys.stdin.read()
for log in (structlog.get_logger(), logging.getLogger("a library")):
    log.info("told " + key)
    try:
        try:
            raise KeyError(key)
        except KeyError as error:
            raise ValueError("caused by " + key) from error
    except ValueError:
        log.exception("failed")
structlog.get_logger().info("nested", body={"headers": [("X-API-Key", key)]})
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_key_in_a_message_a_field_or_a_traceback_is_cut_down_to_its_prefix(log_format: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM, log_format], input=SECRET.text, capture_output=True, text=True, check=True
    )
    assert said.stdout == ""
    assert SECRET.text not in said.stderr
    assert said.stderr.count(f"rpakey_{SECRET.prefix}…") == 7
    assert "Traceback" in said.stderr or '"exception"' in said.stderr


FORMATS: Final = ("json", "text")
CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
CHARACTERS: Final = [*map(chr, range(0x3000)), "\ud800", "\udbff", "\udc00", "\udfff", "\ufeff", "\uffff", "\U0001f916"]
TEXTS: Final = [
    *filter(CONTROLS.match, CHARACTERS),
    *["".join(CHARACTERS[begin : begin + 64]) for begin in range(0, len(CHARACTERS), 64)],
]
"""Each control character alone, and all characters beside others."""
LONG: Final = 31 * 1024


@pytest.fixture
def said(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was written since it was last asked, in the format of the test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logs("info", request.param)
    yield lambda: capsys.readouterr().err
    root.handlers[:] = before
    root.setLevel(level)


in_every_format = pytest.mark.parametrize("said", FORMATS, indirect=True)


def fail(message: str) -> None:
    try:
        _raise(message)
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)


def _raise(message: str) -> None:
    raise ValueError(message)


WAYS: Final[dict[str, Callable[[str], object]]] = {
    "an event": lambda text: structlog.get_logger().info(f"a{text}b"),
    "a value": lambda text: structlog.get_logger().info("told", path=f"a{text}b"),
    "a value with a blank": lambda text: structlog.get_logger().info("told", path=f"a {text}b"),
    "a list": lambda text: structlog.get_logger().info("told", paths=[f"a{text}b"]),
    "an object": lambda text: structlog.get_logger().info("told", paths={"a": {f"a{text}b": f"a{text}b"}}),
    "something else": lambda text: structlog.get_logger().info("told", reason=ValueError(f"a{text}b")),
    "a name": lambda text: structlog.get_logger().info("told", **{f"a{text}b": 1}),
    "a library's message": lambda text: logging.getLogger("a library").info("a%sb", text),
    "an exception": lambda text: fail(f"a{text}b"),
}
"""How a text of a stranger gets into a line."""


@in_every_format
@pytest.mark.parametrize("way", WAYS)
def test_no_character_begins_a_line_or_does_anything_to_a_terminal(said: Callable[[], str], way: str) -> None:
    for text in TEXTS:
        WAYS[way](text)
        written = said()
        assert written.endswith("\n")
        first, *others = written[:-1].split("\n")
        assert not [line for line in others if not line.startswith("    ")], written
        assert not CONTROLS.search("".join([first, *others])), written


@pytest.mark.parametrize("said", ["json"], indirect=True)
def test_a_program_reads_what_was_sent(said: Callable[[], str]) -> None:
    for text in TEXTS:
        structlog.get_logger().info("told", path=f"a{text}b")
        expected = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
        assert json.loads(said())["path"] == f"a{expected}b"


def test_people_read_letters_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "text")
    structlog.get_logger().info("told Zoë", name="Žluťoučký")
    assert "told Zoë" in (written := capsys.readouterr().err)
    assert "name=Žluťoučký" in written


def nested(depth: int) -> Any:
    return {"a": [nested(depth - 1)]} if depth else "x" * 100


def fail_deeply(depth: int) -> None:
    try:
        if depth:
            fail_deeply(depth - 1)
        else:
            _raise("x" * LONG)
    except ValueError as error:
        raise ValueError(f"at {depth} " + "y" * 300) from error


def log_deep_failure() -> None:
    try:
        fail_deeply(100)
    except ValueError:
        structlog.get_logger().exception("failed")


TOO_MUCH: Final[dict[str, Callable[[], object]]] = {
    **{
        f"{way} of many {character!r}": lambda way=way, character=character: WAYS[way](character * LONG)  # type: ignore[misc]
        for way in WAYS
        for character in ("/", "\x00", "\x9b", "\u2028", "\n", "\\", '"', "é", "😀", "\ud800", f"{SECRET.text} ")
    },
    "many fields": lambda: structlog.get_logger().info("told", **{f"field {n}": "\x9b" * 100 for n in range(500)}),
    "a long list": lambda: structlog.get_logger().info("told", items=["x" * 50] * 10_000),
    "many names": lambda: structlog.get_logger().info("told", items={f"{n}": {f"{n}": n} for n in range(10_000)}),
    "deep": lambda: structlog.get_logger().info("told", items=nested(100)),
    "a large number": lambda: structlog.get_logger().info("told", number=10**10_000),
    "a long way to a failure": log_deep_failure,
}


@in_every_format
@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_line_is_bounded_and_still_says_what_it_is_about(said: Callable[[], str], what: str) -> None:
    TOO_MUCH[what]()
    written = said()
    assert len(written.encode()) <= LINE_BYTES_MAX + 1
    assert "info" in written or "error" in written
    assert SECRET.text[: len(key_secret.MARK) + 9] not in written
    if not what.startswith(("an event", "a library")):
        assert "told" in written or "failed" in written
    if written.startswith("{"):
        assert json.loads(written)["timestamp"]


@in_every_format
def test_what_is_cut_shows_both_its_ends(said: Callable[[], str]) -> None:
    structlog.get_logger().info("told", path=f"/begin{'x' * LONG}/end", also="as it is")
    written = said()
    assert "/begin" in written
    assert "/end" in written
    assert "as it is" in written
    assert re.search(r"x… \d+ more …x", written)
    log_deep_failure()
    written = said()
    assert "fail_deeply" in written
    assert "at 100 y" in written, "the exception that was raised last"


@in_every_format
@pytest.mark.parametrize("character", ["x", "\x9b", "\ud800", "😀", key_secret.MARK])
def test_a_long_value_takes_a_time_in_proportion(said: Callable[[], str], character: str) -> None:
    def seconds(count: int) -> float:
        text, best = character * count, float("inf")
        for _ in range(5):
            began = time.thread_time()
            structlog.get_logger().info("told", path=text)
            best = min(best, time.thread_time() - began)
        said()
        return best

    assert seconds(200_000) < 2.6 * seconds(100_000) + 0.01
