"""Answers of any length: written while they are made, so that a million rows take no more memory than a few."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from interfaces.audit_export import csv_lines
from interfaces.cli.output import CommandResult, WrongUsageError, notify, show, write_bytes

PAGE_ROWS: Final = 1_000

Item = Mapping[str, Any]


def show_items(
    items: Iterable[Item], columns: Mapping[str, str], *, as_json: bool, as_csv: bool, csv_columns: Sequence[str]
) -> None:
    """Write items as one JSON document, as CSV, or as tables of so many rows for people.

    columns: what people see; for what is not in an item, it has a field of that name made by the caller. Raises
    WrongUsageError when both formats are asked for.
    """
    if as_json and as_csv:
        raise WrongUsageError("--json and --csv are two different formats. Name one of them.")
    if as_json:
        _write_json(items)
    elif as_csv:
        write_bytes(csv_lines([csv_columns]))
        for page in _pages(items):
            write_bytes(csv_lines([_csv_cell(item.get(name)) for name in csv_columns] for item in page))
    else:
        is_empty = True
        for page in _pages(items):
            is_empty = False
            show(CommandResult({"items": page}, columns), as_json=False)
        if is_empty:
            notify("There are none.")


def _write_json(items: Iterable[Item]) -> None:
    before = b'{\n  "items": ['
    for page in _pages(items):
        # ASCII only, as every JSON answer.
        write_bytes(before + b",".join(b"\n    " + json.dumps(dict(item)).encode() for item in page))
        before = b","
    write_bytes((before if before != b"," else b"") + b"\n  ]\n}\n")


def _pages(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while page := list(islice(rest, PAGE_ROWS)):
        yield page


def _csv_cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, Mapping | list) else value
