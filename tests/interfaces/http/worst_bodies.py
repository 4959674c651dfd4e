"""Bodies that stand for as much as their bytes allow: each is made in any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MIB: Final = 1024 * 1024
HEAD: Final = (
    b'{"flow_id":"4de713a3-1a07-4282-8885-dfbaa7869a31","robot_id":"r","started_at":"2026-03-10T21:43:51.863Z"'
)
_NEARLY_ALL: Final = 490_000
"""Values: as many as a body of the largest size may have."""
_DETAIL: Final = b'{"sequence_no":%d,"status":"failed","record_id":"REC-%d","result":"ok","error_message":"m"}'


def _share(size: int, most: int) -> int:
    """Return as much of `most` as a body of this size is of the largest one."""
    return max(1, most * size // (10 * MIB))


def _filled(size: int, unit: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def _listed(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _data(value: bytes) -> bytes:
    return HEAD + b',"data":{"a":' + value + b"}}"


def _details(items: Iterable[bytes]) -> bytes:
    return HEAD + b',"details":' + _listed(items) + b"}"


def _names(count: int) -> bytes:
    return b",".join(b'"a%d":1' % number for number in range(count))


def _text(unit: bytes) -> Callable[[int], bytes]:
    return lambda size: _filled(size, unit, HEAD + b',"data":{"a":"', b'"}}')


def _good(size: int) -> list[bytes]:
    return [_DETAIL % (number, number) for number in range(_share(size, 49_999))]


BODIES: Final[dict[str, Callable[[int], bytes]]] = {
    "lists": lambda size: _filled(size, b"[],", b"[", b"[]]"),
    "objects": lambda size: _filled(size, b"{},", b"[", b"{}]"),
    "numbers": lambda size: _filled(size, b"1,", b"[", b"1]"),
    "empty strings": lambda size: _filled(size, b'"",', b"[", b'""]'),
    "one name again and again": lambda size: _filled(size, b'"a":1,', b"{", b'"a":1}'),
    "strings without commas": lambda size: _filled(size, b'"" ', b"[", b"]"),
    "quotes": lambda size: _filled(size, b'"'),
    "ends of names": lambda size: _filled(size, b'":'),
    "a string that does not end": lambda size: _filled(size, b"a", b'{"'),
    "blanks": lambda size: _filled(size, b" "),
    "blanks after a name": lambda size: _filled(size, b" ", b'{"a"', b":1}"),
    "no UTF-8": lambda size: _filled(size, b"\xff"),
    "deep lists": lambda size: _filled(size, b"["),
    "deep objects": lambda size: _filled(size, b'{"a":'),
    "deep, and not too many": lambda size: b"[" * _share(size, _NEARLY_ALL),
    "nearly too deep, and many": lambda size: _data(_listed([b"[" * 95 + b"]" * 95] * _share(size, 5_000))),
    "as many lists as may be": lambda size: _data(_listed([b"[]"] * _share(size, _NEARLY_ALL // 2))),
    "as many objects as may be": lambda size: _data(_listed([b'{"a":1}'] * _share(size, _NEARLY_ALL // 2))),
    "as many floats as may be": lambda size: _data(_listed([b"1.5e300"] * _share(size, _NEARLY_ALL))),
    "as many NaN as may be": lambda size: _data(_listed([b"NaN"] * _share(size, _NEARLY_ALL))),
    "NaN at the end of deep lists": lambda size: _data(
        _listed([*[b"[" * 95 + b"1" + b"]" * 95] * _share(size, 2_500), b"NaN"])
    ),
    "as many names twice as may be": lambda size: _data(
        b"{" + b",".join([_names(_share(size, _NEARLY_ALL // 2))] * 2) + b"}"
    ),
    "as many whole floats as may be": lambda size: (
        HEAD + b',"limit":"x","a":' + _listed([b"60.0"] * _share(size, _NEARLY_ALL)) + b"}"
    ),
    "a long whole float": lambda size: _filled(size, b"0", HEAD + b',"target":1.', b"}"),
    "as many names as may be in data": lambda size: _data(b"{" + _names(_share(size, _NEARLY_ALL)) + b"}"),
    "as many unknown names as may be": lambda size: HEAD + b"," + _names(_share(size, _NEARLY_ALL)) + b"}",
    "as many unknown names in a detail": lambda size: _details([b"{" + _names(_share(size, _NEARLY_ALL)) + b"}"]),
    "as many tags as may be": lambda size: (
        HEAD + b',"tags":' + _listed([b"{}"] * _share(size, _NEARLY_ALL // 2)) + b"}"
    ),
    "integers of 4,000 digits": lambda size: _data(_listed([b"9" * 4_000] * _share(size, 2_600))),
    "a long integer": lambda size: _filled(size, b"9", HEAD + b',"data":{"a":', b"}}"),
    "a long float": lambda size: _filled(size, b"9", HEAD + b',"data":{"a":0.', b"}}"),
    "a long exponent": lambda size: _filled(size, b"9", HEAD + b',"data":{"a":1e', b"}}"),
    "commas in a string": _text(b",[{"),
    "escapes": _text(rb"\u0041"),
    "escaped quotes": _text(rb"\""),
    "backslashes": _text(rb"\\"),
    "NUL": _text(rb"\u0000"),
    "astral letters": _text("😀".encode()),
    "NUL in as many strings as may be": lambda size: _data(_listed([rb'"\u0000"'] * _share(size, _NEARLY_ALL))),
    "details that are empty": lambda size: _details([b"{}"] * _share(size, 50_000)),
    "details that are numbers": lambda size: _details([b"1"] * _share(size, 50_000)),
    "details that are lists": lambda size: _details([b"[]"] * _share(size, 50_000)),
    "details with all fields wrong": lambda size: _details(
        [b'{"sequence_no":"x","status":"no","record_id":1,"record_name":2,"result":3,"error_message":4}']
        * _share(size, 50_000)
    ),
    "details with unknown names": lambda size: _details(
        [b'{"sequence_no":1,"status":"failed","a":1,"b":1,"c":1,"d":1}'] * _share(size, 50_000)
    ),
    "details with one number": lambda size: _details([b'{"sequence_no":1,"status":"failed"}'] * _share(size, 50_000)),
    "the last detail wrong": lambda size: _details([*_good(size), b"{}"]),
    "a long text in a wrong detail": lambda size: _filled(
        size, "é".encode(), HEAD + b',"details":[' + b"{}," * 49 + b'{"result":"', b'"}]}'
    ),
    "all details right and the robot wrong": lambda size: _details(_good(size)).replace(b'"r"', b"1", 1),
    "all right": lambda size: _details(_good(size)),
    "all right, with data": lambda size: _details(_good(size)).replace(b'"details"', b'"data":{},"details"', 1),
}
