"""The audit log as a file: CSV for spreadsheets, JSON Lines for programs. Written piece by piece, never held whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from interfaces.http.answers.audit import AuditItem, audit_item
from interfaces.queries.audit_log import AuditEntry

Entries: TypeAlias = Iterable[AuditEntry]

_RESOURCE: Final = ("kind", "id", "label")
CSV_COLUMNS: Final = (
    "position", "at", "actor", "actor_name", "actor_kind", "action", *(f"resource_{name}" for name in _RESOURCE),
    "address", "request_id", "version", "changes",
)  # fmt: skip
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet takes a cell that begins with one of these for a formula, also with their full-width forms (OWASP, CSV
Injection)."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """media_type: for the Content-Type. head: bytes before the first entry. body: what entries are, as bytes."""

    media_type: str
    head: bytes
    body: Callable[[Entries], bytes]

    def pieces(self, pages: Iterable[Entries]) -> Iterator[bytes]:
        """Yield the file, in one piece for each page."""
        head = self.head
        for page in pages:
            yield head + self.body(page)
            head = b""


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    # Also what begins with quotes and goes on like that: else it and what it stands for would be one and the same.
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA_STARTS) else text


def csv_lines(rows: Iterable[Iterable[object]]) -> bytes:
    """Return lines of CSV. A cell that a spreadsheet would take for a formula begins with a single quote.

    So does one that has such quotes already: whoever takes one off has the text.
    """
    text = io.StringIO(newline="")
    # RFC 4180: lines end with CRLF, a quote is doubled, what needs quotes has them. That is what `csv` does by itself.
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _csv_row(item: AuditItem) -> list[object]:
    flat: dict[str, object] = {**item, **{f"resource_{name}": item["resource"][name] for name in _RESOURCE}}
    return [orjson.dumps(flat[name]).decode() if name == "changes" else flat[name] for name in CSV_COLUMNS]


def _csv_body(entries: Entries) -> bytes:
    return csv_lines(_csv_row(audit_item(entry)) for entry in entries)


def _jsonl_body(entries: Entries) -> bytes:
    return b"".join(orjson.dumps(audit_item(entry), option=orjson.OPT_APPEND_NEWLINE) for entry in entries)


EXPORT_FORMATS: Final[Mapping[str, ExportFormat]] = {
    "csv": ExportFormat("text/csv; charset=utf-8", csv_lines([CSV_COLUMNS]), _csv_body),
    "jsonl": ExportFormat("application/jsonl; charset=utf-8", b"", _jsonl_body),
}
EXPORT_FORMAT_DEFAULT: Final = "csv"
