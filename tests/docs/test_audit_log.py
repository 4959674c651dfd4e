"""docs/audit-log.md names every action and every field that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interfaces.audit_export import EXPORT_FORMAT_DEFAULT, EXPORT_FORMATS
from interfaces.http import downloads
from interfaces.http.answers.audit import AuditItem
from projections.audit.listing import ACTIONS, KINDS

TEXT = (Path(__file__).parents[2] / "docs" / "audit-log.md").read_text(encoding="utf-8")
PROCESS = ("flow_id", "process", "account_id")
"""What is told of a process in place of its stream, which the API does not know."""


def table(heading: str) -> dict[str, list[str]]:
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name.strip(" `"): [cell.strip() for cell in cells] for name, *cells in lines}


def test_every_action_stands_in_the_table_in_the_order_of_the_code() -> None:
    assert list(table("What each action means")) == list(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_changes_holds_is_in_the_table(action: str) -> None:
    what, changes = table("What each action means")[action]
    assert what
    if changes != "the same":
        fields = PROCESS if "process_id" in ACTIONS[action].detail_fields() else ACTIONS[action].detail_fields()
        assert tuple(re.findall(r"`(\w+)`", changes)) == fields


def test_every_field_of_a_row_is_explained() -> None:
    assert table("What a row says").keys() == AuditItem.__annotations__.keys()


def test_kinds_formats_and_limits_are_those_of_the_code() -> None:
    parameters = table("Reading it")
    assert parameters["action"][0].endswith(", ".join(f"`{kind}`" for kind in KINDS))
    first, *others = EXPORT_FORMATS
    assert first == EXPORT_FORMAT_DEFAULT
    assert " or ".join([f"`{first}`\n(the default)", *(f"`{name}`" for name in others)]) in TEXT
    assert f"takes {downloads.SECONDS_MAX / 60:g} minutes" in TEXT
    assert (downloads.AT_ONCE_MAX, "makes two files at the same time" in TEXT) == (2, True)
