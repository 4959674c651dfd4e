"""Arrays in PostgreSQL's binary format, for parameters: one dimension, no nulls.

The format is that of array_recv in PostgreSQL's source (src/backend/utils/adt/arrayfuncs.c): dimensions, a flag for
nulls, the type of the elements, the length and the lower bound, then each element with its length before it.
"""

from __future__ import annotations

import struct
from itertools import chain, repeat
from typing import TYPE_CHECKING, ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

_HEADER = struct.Struct("!iiIii")
_EMPTY = struct.Struct("!iiI")
_LENGTH = struct.Struct("!i")
_UUID_LENGTH = _LENGTH.pack(16)


class _Array:
    """An array that is packed. ELEMENT names the type of its elements in PostgreSQL."""

    ELEMENT: ClassVar[str]
    __slots__ = ("packed",)

    def __init__(self, count: int, elements: bytes) -> None:
        oid = psycopg.adapters.types[self.ELEMENT].oid
        self.packed = _HEADER.pack(1, 0, oid, count, 1) + elements if count else _EMPTY.pack(0, 0, oid)


class _Integers(_Array):
    ELEMENT = "int4"


class _Bigints(_Array):
    ELEMENT = "int8"


class _Uuids(_Array):
    ELEMENT = "uuid"


class _Texts(_Array):
    ELEMENT = "text"


class _Byteas(_Array):
    ELEMENT = "bytea"


class _Packed(Dumper):
    format = Format.BINARY

    def dump(self, obj: _Array) -> bytes:
        return obj.packed


for _kind in (_Integers, _Bigints, _Uuids, _Texts, _Byteas):
    _array_oid = psycopg.adapters.types[_kind.ELEMENT].array_oid
    psycopg.adapters.register_dumper(_kind, type(f"{_kind.__name__}Dumper", (_Packed,), {"oid": _array_oid}))


def integers(values: Sequence[int]) -> _Array:
    return _Integers(len(values), struct.pack("!" + "ii" * len(values), *_interleaved(4, values)))


def bigints(values: Sequence[int]) -> _Array:
    return _Bigints(len(values), struct.pack("!" + "iq" * len(values), *_interleaved(8, values)))


def uuids(values: Sequence[UUID]) -> _Array:
    return _Uuids(len(values), b"".join([_UUID_LENGTH + value.bytes for value in values]))


def texts(values: Sequence[str]) -> _Array:
    return _Texts(len(values), _with_lengths([value.encode() for value in values]))


def byteas(values: Sequence[bytes]) -> _Array:
    return _Byteas(len(values), _with_lengths(values))


def _interleaved(length: int, values: Sequence[int]) -> chain[int]:
    return chain.from_iterable(zip(repeat(length), values, strict=False))


def _with_lengths(values: Sequence[bytes]) -> bytes:
    return b"".join([part for value in values for part in (_LENGTH.pack(len(value)), value)])
