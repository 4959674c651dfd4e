"""When keys of an address were refused, as all web processes of one service remember it: in one file of fixed size."""

from __future__ import annotations

import fcntl
import struct
from collections import deque
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from domain.limits import BAD_KEYS_PER_MINUTE_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENTRY: Final = struct.Struct(f"<16s{BAD_KEYS_PER_MINUTE_MAX}q")
"""An address, by its hash, and the times of its last refusals, in microseconds since 1970; 0 where there were fewer."""
_ROW_ENTRIES: Final = 8
"""An address has its place in one row. When the row is full, the address that was refused longest ago is forgotten."""
_ROWS: Final = 1280
"""About as many addresses as a process that serves alone remembers."""
_ROW_BYTES: Final = _ROW_ENTRIES * _ENTRY.size


class SharedFileCounters:
    """Times of refusals by address, in a file that exists. Any thread of any process may ask.

    The file is locked for some microseconds at each refused key. A process that is killed meanwhile loses its lock, and
    leaves at most one entry with a wrong time behind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Make the file, whole: a disk that is full later does not matter. Raises OSError."""
        self._path.write_bytes(bytes(_ROWS * _ROW_BYTES))

    @contextmanager
    def of(self, address: str) -> Iterator[deque[int]]:
        """Lend the times of an address; whoever asks for them meanwhile waits."""
        name = blake2b(address.encode(), digest_size=16).digest()
        start = int.from_bytes(name[:4], "big") % _ROWS * _ROW_BYTES
        # Opened each time, so that the lock keeps out other threads as well; it ends with the file.
        with self._path.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(start)
            row = list(_ENTRY.iter_unpack(file.read(_ROW_BYTES)))
            place = _place_of(name, row)
            known = row[place][1:] if row[place][0] == name else ()
            times = deque((at for at in known if at), maxlen=BAD_KEYS_PER_MINUTE_MAX)
            yield times
            file.seek(start + place * _ENTRY.size)
            file.write(_ENTRY.pack(name, *times, *[0] * (BAD_KEYS_PER_MINUTE_MAX - len(times))))


def _place_of(name: bytes, row: list[tuple[bytes, *tuple[int, ...]]]) -> int:
    for place, entry in enumerate(row):
        if entry[0] == name:
            return place
    return min(range(len(row)), key=lambda place: max(row[place][1:]))
