from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from domain.report import Counts
from interfaces.web.charts import counts_bar
from interfaces.web.rendering import counts_text


def counts(success: int, failed: int, skipped: int) -> Counts:
    return Counts(total=success + failed + skipped, success=success, failed=failed, skipped=skipped)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (counts(0, 0, 0), ""),
        (counts(14, 0, 0), "14 of 14 succeeded"),
        (counts(12, 2, 0), "12 of 14 succeeded, 2 failed"),
        (counts(0, 0, 1), "0 of 1 succeeded, 1 skipped"),
        (counts(49_000, 999, 1), "49\u202f000 of 50\u202f000 succeeded, 999 failed, 1 skipped"),
    ],
)
def test_counts_are_told_in_words_that_leave_out_what_there_is_none_of(one: Counts, text: str) -> None:
    assert counts_text(one) == text


def test_the_parts_of_the_bar_stand_side_by_side_and_fill_it() -> None:
    bar = ET.fromstring(counts_bar(counts(12, 2, 6)))  # noqa: S314 - made by the line itself
    assert bar.get("viewBox") == "0 0 20 1"
    assert [(part.get("class"), part.get("x"), part.get("width")) for part in bar] == [
        ("success", "0", "12"),
        ("failed", "12", "2"),
        ("skipped", "14", "6"),
    ]
