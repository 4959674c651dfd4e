"""CSV that a spreadsheet takes for text, and from which the text can be had back."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.audit_export import csv_lines

FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
TEXTS = st.text(st.sampled_from(["'", *FORMULA_STARTS, "a", "1", '"', ","]), max_size=6)


def cell_of(text: str) -> str:
    [[cell, _]] = csv.reader(io.StringIO(csv_lines([[text, "x"]]).decode(), newline=""))
    return cell


@pytest.mark.parametrize("text", ["=SUM(1)", "'=SUM(1)", "''=SUM(1)", "'tis the season", "it's", "", "\uff1dA1"])
def test_two_texts_are_never_one_cell(text: str) -> None:
    cell = cell_of(text)
    assert not cell.startswith(tuple(FORMULA_STARTS))
    assert text == (cell[1:] if cell.lstrip("'").startswith(tuple(FORMULA_STARTS)) else cell)


@given(TEXTS, TEXTS)
def test_whatever_they_are(one: str, other: str) -> None:
    assert (cell_of(one) == cell_of(other)) == (one == other)
