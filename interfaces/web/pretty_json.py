"""JSON as people read it: indented, and each value spelled as it was sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of JSON that is valid: a text, an empty object or list, a mark, or a number or a word.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|\{\s*\}|\[\s*\]|[][{},:]|[^][{},:"\s]+')
_INDENT = "  "


def pretty(text: str, chars_max: int) -> tuple[str, bool]:
    """Return valid JSON with line breaks, cut at so many characters, and whether it was.

    Not through Python's own values: they don't know numbers as large as JSON has them.
    """
    pieces: list[str] = []
    left = chars_max
    for piece in _pieces(text):
        # What is deep inside is mostly indentation, so the end is watched while the text is made.
        pieces.append(piece[:left])
        left -= len(piece)
        if left < 0:
            return "".join(pieces), True
    return "".join(pieces), False


def _pieces(text: str) -> Iterator[str]:
    depth = 0
    for found in _TOKEN.finditer(text):
        part = found[0]
        if part in {"{", "["}:
            depth += 1
            yield f"{part}\n{_INDENT * depth}"
        elif part in {"}", "]"}:
            depth -= 1
            yield f"\n{_INDENT * depth}{part}"
        elif part == ",":
            yield f",\n{_INDENT * depth}"
        elif part == ":":
            yield ": "
        else:
            yield part
