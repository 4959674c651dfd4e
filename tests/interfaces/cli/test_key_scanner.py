"""The scanner: all keys, where they are, and nothing else, however the bytes come."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import key_secret
from interfaces.cli.keys.scanner import CHUNK_BYTES, KeyScanner
from tests.support.keys_to_find import BASE62, key_of, near_misses

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = key_of("AbCdEfGh" * 4)
OTHER = key_of("0123456789ABCDEFGHIJKLMNOPQRSTUV")
Places = list[tuple[int, int, str]]

keys = st.text(alphabet=BASE62, min_size=32, max_size=32).map(key_of)
junk = st.one_of(
    st.binary(max_size=80),
    st.text(alphabet=BASE62 + "rpakey_\r\n", max_size=80).map(str.encode),
    keys.flatmap(lambda key: st.sampled_from(near_misses(key))).map(str.encode),
    st.sampled_from([b"rpakey_", b"rpakey", b"\n" * 70, b"\r\n", b"rpakey_" + b"0" * 500]),
)
separators = st.sampled_from([b"", b"\n", b"\r\n", b" ", b"\0", b"_", b"x", b"9", b'"', b"\xff", b"%3D"])
encodings = st.sampled_from(["ascii", "utf-16-le", "utf-16-be"])


def stream(data: bytes, sizes: list[int]) -> Callable[[memoryview], int]:
    """Return a stream that gives as many bytes at a time as these sizes say, over and over."""
    left, wanted = memoryview(data), cycle(sizes)

    def read_into(memory: memoryview) -> int:
        nonlocal left
        assert len(memory), "asked for nothing, a stream would seem to have ended"
        size = min(next(wanted), len(memory), len(left))
        memory[:size] = left[:size]
        left = left[size:]
        return size

    return read_into


def places(data: bytes, chunk_bytes: int = CHUNK_BYTES, sizes: list[int] | None = None) -> Places:
    finds = KeyScanner(chunk_bytes).finds(stream(data, sizes or [len(data) or 1]))
    return [(find.line, find.column, find.secret.text) for find in finds]


def place_of(data: bytes, offset: int) -> tuple[int, int]:
    """Return line and column of a byte, the slow way."""
    lines = data[:offset].split(b"\n")
    return len(lines), len(lines[-1]) + 1


@given(
    pieces=st.lists(st.tuples(junk, separators, keys, separators, encodings), max_size=6),
    end=junk,
    chunk_bytes=st.integers(1, 300),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5),
)
def test_all_keys_are_found_where_they_are_and_nothing_else(
    pieces: list[tuple[bytes, bytes, str, bytes, str]], end: bytes, chunk_bytes: int, sizes: list[int]
) -> None:
    data, planted = b"", []
    for before, left, key, right, encoding in pieces:
        # Not right after what lacks one character to be a key.
        data += before + b"\n" + left
        # Of big-endian text the first byte is a zero, which a key does not begin with.
        planted.append((len(data) + (encoding == "utf-16-be"), key))
        data += key.encode(encoding) + right
    data += b"\n" + end
    expected = [(*place_of(data, offset), key) for offset, key in planted]
    assert places(data, chunk_bytes, sizes) == expected


@pytest.mark.parametrize("before", range(130))
def test_a_key_across_the_border_of_two_chunks_is_found(before: int) -> None:
    data = b"\n" * before + KEY.encode() + b"\n" * 40 + OTHER.encode()
    expected = [(before + 1, 1, KEY), (before + 41, 1, OTHER)]
    assert places(data, chunk_bytes=64) == expected
    assert places(data, chunk_bytes=1) == expected


@pytest.mark.parametrize("miss", near_misses(KEY))
@pytest.mark.parametrize("chunk_bytes", [1, 45, 46, CHUNK_BYTES])
def test_what_is_no_whole_key_is_not_found(miss: str, chunk_bytes: int) -> None:
    assert places(miss.encode(), chunk_bytes) == []
    assert places(f" {miss} ".encode(), chunk_bytes) == []


@pytest.mark.parametrize("wrong", range(7, len(KEY)))
def test_a_key_with_one_wrong_character_is_not_found(wrong: int) -> None:
    for char in BASE62:
        changed = KEY[:wrong] + char + KEY[wrong + 1 :]
        assert bool(places(changed.encode())) == (changed == KEY)


@pytest.mark.parametrize(
    "around", ["", "n", "\\n", "%3D", "=3D", "x20", "\x1b[0m", "0", "rpakey_", "rpakey_" + "0" * 35]
)
def test_it_does_not_matter_what_stands_around_a_key(around: str) -> None:
    for chunk_bytes in (1, 7, CHUNK_BYTES):
        assert places(f"{around}{KEY}{around}".encode(), chunk_bytes) == [(1, 1 + len(around), KEY)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_of_two_bytes_a_character_is_seen(encoding: str) -> None:
    data = f"größe\r\n{KEY}\n{OTHER}".encode(encoding)
    for chunk_bytes in (1, 64, CHUNK_BYTES):
        assert [(line, key) for line, _, key in places(data, chunk_bytes)] == [(2, KEY), (3, OTHER)]


def test_a_key_at_the_start_and_the_end_of_a_stream_is_found() -> None:
    assert places(KEY.encode()) == [(1, 1, KEY)]
    assert places(f"{KEY}\n{OTHER}".encode()) == [(1, 1, KEY), (2, 1, OTHER)]


def test_the_same_key_is_found_in_each_place() -> None:
    assert places(f"{KEY} {KEY}\r\n {KEY}".encode()) == [(1, 1, KEY), (1, 47, KEY), (2, 2, KEY)]


def test_in_an_empty_stream_nothing_is_found() -> None:
    assert places(b"") == []


def test_columns_count_bytes_and_a_carriage_return_begins_no_line() -> None:
    assert places(f"größe\r\nü={KEY}".encode()) == [(2, 4, KEY)]
    assert places(f"a\r{KEY}".encode()) == [(1, 3, KEY)]


def test_one_scanner_searches_one_stream_after_the_other() -> None:
    scanner = KeyScanner(64)
    first = list(scanner.finds(stream(f"{'x' * 500}\n{KEY}".encode(), [50])))
    second = list(scanner.finds(stream(f"\n\n {OTHER}".encode(), [50])))
    third = list(scanner.finds(stream(b"", [1])))
    assert [(find.line, find.column) for find in first + second + third] == [(2, 1), (3, 2)]


def test_it_tells_what_it_has_read() -> None:
    counted: list[int] = []
    list(KeyScanner(100).finds(stream(b"x" * 1000, [70]), counted.append))
    assert sum(counted) == 1000


def test_a_find_does_not_show_its_key() -> None:
    [find] = KeyScanner().finds(stream(KEY.encode(), [100]))
    assert KEY not in repr(find)


def test_keys_are_as_long_as_the_scanner_takes_them_to_be() -> None:
    made = key_secret.generate().text
    assert places(made.encode()) == [(1, 1, made)]
