"""Finding whole API keys in a stream of bytes, whatever else is in it, in memory that does not grow with it.

What counts has the form of a key and the right checksum (domain/key_secret.py): of what only looks like a key, one in
57 billion has it. So it does not matter what stands around a key. Text of two bytes a character (UTF-16), which Windows
writes, is seen as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from domain import key_secret
from domain.key_secret import MARK, KeySecret

CHUNK_BYTES: Final = 256 * 1024
"""Read at once. It stays in the cache of a processor while it is searched; more was not faster."""

_MARK: Final = MARK.encode()
_WIDE_MARK: Final = MARK.encode("utf-16-le")[:-1]
_FORMS: Final = {
    # The rest is looked at and not taken: what only looks like a key must not hide the start of the next one.
    _MARK: re.compile(_MARK + rb"(?=([0-9A-Za-z]{38}))"),
    _WIDE_MARK: re.compile(_WIDE_MARK + rb"(?=((?:\x00[0-9A-Za-z]){38}))"),
}
_KEY_BYTES_MAX: Final = 2 * (len(MARK) + 38)

ReadInto = Callable[[memoryview], int | None]


@dataclass(frozen=True, slots=True)
class Find:
    """A key, and where it begins: line and column count from 1, lines end with a line feed, columns are bytes."""

    line: int
    column: int
    secret: KeySecret


class KeyScanner:
    """Finds keys in one stream after the other. chunk_bytes: how much to read at once."""

    def __init__(self, chunk_bytes: int = CHUNK_BYTES) -> None:
        # Filled again and again: a new one for each file would cost more than reading a small file.
        self._buffer = bytearray(_KEY_BYTES_MAX + chunk_bytes)

    def finds(self, read_into: ReadInto, count: Callable[[int], object] = int) -> Iterator[Find]:
        """Yield the keys of a stream in order. One stream at a time.

        read_into: fills the start of a memory and returns with how many bytes; 0 at the end. count: is told each
        number of bytes that was read.
        """
        buffer, memory = self._buffer, memoryview(self._buffer)
        position = _Position()
        end = 0
        while True:
            read = read_into(memory[end:]) or 0
            count(read)
            end += read
            # Whether a key is whole is known only for one that begins before this.
            limit = max(0, end - _KEY_BYTES_MAX) if read else end
            yield from _keys(buffer, limit, end, position)
            if not read:
                return
            buffer[: end - limit] = buffer[limit:end]
            position.buffer_begin += limit
            end -= limit


@dataclass(slots=True)
class _Position:
    """How far lines have been counted. The buffer and the line begin at these bytes of the stream."""

    line: int = 1
    line_begin: int = 0
    buffer_begin: int = 0

    def advance(self, buffer: bytearray, begin: int, end: int) -> None:
        """Count the lines in a part of the buffer, which follows the one counted before."""
        lines = buffer.count(b"\n", begin, end)
        if lines:
            self.line += lines
            self.line_begin = self.buffer_begin + buffer.rindex(b"\n", begin, end) + 1


def _keys(buffer: bytearray, limit: int, end: int, position: _Position) -> Iterator[Find]:
    """Yield the keys that begin before `limit`, and advance the position to there."""
    counted = 0
    for match in _candidates(buffer, limit, end):
        secret = key_secret.parse((match[0] + match[1]).replace(b"\x00", b"").decode("ascii"))
        if secret is None:
            continue
        position.advance(buffer, counted, match.start())
        counted = match.start()
        yield Find(position.line, position.buffer_begin + counted - position.line_begin + 1, secret)
    position.advance(buffer, counted, limit)


def _candidates(buffer: bytearray, limit: int, end: int) -> list[re.Match[bytes]]:
    found: list[re.Match[bytes]] = []
    for mark, form in _FORMS.items():
        # A search for bytes is several times as fast as one for a pattern, and most chunks hold no key.
        first = buffer.find(mark, 0, min(end, limit + len(mark) - 1))
        if first >= 0:
            found += [match for match in form.finditer(buffer, first, end) if match.start() < limit]
    return sorted(found, key=lambda match: match.start())
