"""What is promised names the tests that show it, and these exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECURITY, GUARANTEES = ROOT / "SECURITY.md", ROOT / "docs" / "guarantees.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NOT_PROMISED = "Not promised"
PROMISES = range(1, 45)
CHAPTERS = range(1, 18)
"""Of OWASP ASVS 5.0."""
VERDICTS = {"yes", "part", "no", "proxy", "none"}
OTHERWISE_SHOWN = re.compile(r"\b[Nn]ot tested\b|\]\(docs/")
"""What a requirement on the code or on the documents says when no test shows it."""


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of a table, its head and rule too."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def of_a_requirement(text: str) -> list[list[str]]:
    """Return the rows of the tables on ASVS: what it asks, whether it holds, what holds and what not, shown by."""
    return [row for row in rows(text) if re.match(r"\d+\.\d|V\d|the others", row[0])]


@pytest.fixture(scope="module")
def security() -> str:
    return SECURITY.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def promises() -> list[list[str]]:
    return [row for row in rows(GUARANTEES.read_text(encoding="utf-8")) if row[0].isdecimal()]


@pytest.mark.parametrize("document", [SECURITY, GUARANTEES], ids=lambda path: path.name)
def test_every_test_that_is_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = NAMED.findall(text)
    assert len(named) == text.count("::test_"), "a name that is not written in full would not be looked for"
    missing = [f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in names_in(path)]
    assert missing == []


def test_every_promise_is_shown_by_a_test_or_said_to_be_none(promises: list[list[str]]) -> None:
    assert all(len(row) == 4 for row in promises)
    unshown = [row[0] for row in promises if not row[1].startswith(NOT_PROMISED) and not NAMED.search(row[2])]
    assert unshown == []


def test_promises_are_numbered_in_order_and_each_once(promises: list[list[str]]) -> None:
    assert [int(row[0]) for row in promises] == [*PROMISES]


def test_every_risk_of_the_top_ten_stands_in_the_table_with_what_does_not_hold(security: str) -> None:
    risks = [row for row in rows(security) if re.match(r"API\d", row[0])]
    assert [row[0].partition(" ")[0] for row in risks] == [f"API{number}" for number in range(1, 11)]
    assert all(len(row) == 4 and all(row) for row in risks)


def test_every_chapter_of_asvs_is_gone_through(security: str) -> None:
    headings = re.findall(r"^### (.*)$", security, re.MULTILINE)
    assert sorted(int(number) for heading in headings for number in re.findall(r"\bV(\d+)\b", heading)) == [*CHAPTERS]


def test_what_holds_of_asvs_is_shown_or_said_not_to_be_tested_and_what_does_not_has_a_reason(security: str) -> None:
    requirements = of_a_requirement(security)
    assert requirements
    for requirement, verdict, reason, shown_by in requirements:
        assert verdict in VERDICTS, requirement
        assert reason or verdict == "yes", requirement
        if verdict in {"yes", "part"}:
            assert NAMED.search(shown_by) or OTHERWISE_SHOWN.search(f"{reason} {shown_by}"), requirement
