"""The document of the guarantees: every line is there, and every test that it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "docs" / "guarantees.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$", TEXT, re.MULTILINE)
LAST = 44


def test_every_guarantee_has_a_line() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, LAST + 1))


def test_every_test_that_is_named_is_there() -> None:
    named = {tuple(name.split("::")) for _, _, shown, _ in ROWS for name in re.findall(r"`([^`]+\.py::[^`]+)`", shown)}
    assert named
    missing = {f"{file}::{test}" for file, test in named if test not in names_in(TESTS / file)}
    assert not missing


def test_a_line_names_tests_or_says_that_there_are_none() -> None:
    for number, _, shown, _ in ROWS:
        assert shown in {"not shown yet", "not promised yet"} or re.fullmatch(r"(`\S+\.py::\S+`(<br>)?)+", shown), (
            number
        )


def names_in(file: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
