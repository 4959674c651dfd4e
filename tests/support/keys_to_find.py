"""Keys as a scanner meets them, and what only looks like one."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def key_of(random_part: str) -> str:
    """Return the key with these 32 random characters, by the rules as docs/leaked-keys.md has them."""
    body = f"rpakey_{random_part}"
    number = zlib.crc32(body.encode())
    return body + "".join(BASE62[number // 62**power % 62] for power in range(5, -1, -1))


def drawn_key(chance: random.Random) -> str:
    """Return a key that no installation knows."""
    return key_of("".join(chance.choices(BASE62, k=32)))


def near_misses(key: str) -> list[str]:
    """Return what resembles the key and is none."""
    other_end = "0" if key[-1] != "0" else "1"
    return [
        key[:-1],
        key[:-1] + other_end,
        key[:20] + "_" + key[20:],
        key.replace("rpakey_", "rpakey-"),
        key.replace("rpakey_", "RPAKEY_"),
        "rpakey_" * 12,
        key[: len("rpakey_") + 8] + "…",
    ]


def plant(folder: Path, size: int, chance: random.Random) -> set[tuple[str, int, int, str]]:
    """Fill a folder with about so many bytes, and return where keys are: path, line, column, public prefix.

    One half is a file of one line, full of holes on the disk; the other are logs.
    """
    planted = set(_one_line(folder / "one-line.bin", size // 2, chance))
    log_bytes = 4 * 1024 * 1024
    for number in range(max(1, size // 2 // log_bytes)):
        inner = folder / f"day-{number % 7}"
        inner.mkdir(exist_ok=True)
        planted.update(_log(inner / f"{number}.log", min(size // 2, log_bytes), chance))
    return planted


def _one_line(path: Path, size: int, chance: random.Random) -> Iterator[tuple[str, int, int, str]]:
    # Also at the borders of whatever round number of bytes is read at once.
    borders = [2**power - 20 for power in range(10, size.bit_length() - 1)]
    with path.open("wb") as file:
        file.truncate(size)
        for offset in [0, *borders, size - 45]:
            key = drawn_key(chance)
            file.seek(offset)
            file.write(key.encode())
            yield str(path), 1, offset + 1, key[7:15]


def _log(path: Path, size: int, chance: random.Random) -> Iterator[tuple[str, int, int, str]]:
    key = drawn_key(chance)
    line = b"2026-03-10T21:43:51Z INFO robot-7 has processed record REC-001 of 3 with rpakey_AbCdEfGh\xe2\x80\xa6\r\n"
    before = size // len(line) // 2
    miss = ("\n".join(near_misses(key)) + "\n").encode()
    path.write_bytes(line * before + miss + b"\tkey: " + key.encode() + b"\r\n" + line * before)
    yield str(path), before + miss.count(b"\n") + 1, 7, key[7:15]
