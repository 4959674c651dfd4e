"""Bodies that a stranger might send where a report is expected, each with the answer that it gets.

Every string of the document is tried with NUL, half a surrogate pair and line ends further down.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from domain import limits

ACCEPTED = "201"
MALFORMED = "400 malformed-json"
TOO_LARGE = "413 too-large"
INVALID = "422 invalid-report"

FLOW = "4de713a3-1a07-4282-8885-dfbaa7869a31"
REPORT: dict[str, Any] = {"flow_id": FLOW, "robot_id": "robot-7", "started_at": "2026-03-10T11:55:00Z"}
DETAIL: dict[str, Any] = {"sequence_no": 1, "status": "success"}
EVERY_STRING: dict[str, dict[str, Any]] = {
    "robot_id": {"robot_id": "?"},
    "target": {"target": "?"},
    "source": {"source": "?"},
    "result_summary": {"result_summary": "?"},
    "error_message": {"error_message": "?"},
    "external_id": {"external_id": "?"},
    "tags": {"tags": ["?"]},
    "data": {"data": {"key": ["?"]}},
    "a name in data": {"data": {"deep": [{"?": 1}]}},
    "record_id": {"details": [DETAIL | {"record_id": "?"}]},
    "record_name": {"details": [DETAIL | {"record_name": "?"}]},
    "result": {"details": [DETAIL | {"result": "?"}]},
    "error_message of a detail": {"details": [DETAIL | {"error_message": "?"}]},
}
"""Every place of a report where free text goes, marked with a question mark."""


@dataclass(frozen=True)
class Hostile:
    """A body and its answer. pointer: of the one broken rule, where there is one."""

    body: bytes
    answer: str
    pointer: str | None = None


def report(**fields: Any) -> bytes:
    """Return a report with these fields, as compact JSON that leaves nothing unescaped but ASCII."""
    return json.dumps(REPORT | fields).encode()


def raw(text: str, name: str = "data") -> bytes:
    """Return a report with this text, taken as it is, as the value of a field."""
    return report(**{name: "@"}).replace(b'"@"', text.encode())


def with_text(fields: dict[str, Any], text: str) -> bytes:
    """Return a report with `text`, as JSON spells it, where `fields` have a question mark."""
    return report(**fields).replace(b'"?"', f'"{text}"'.encode())


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


# A report is one level itself, data another.
_NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "garbage": b"\xde\xad\xbe\xef",
    "a form": b"flow_id=1&robot_id=2",
    "XML": b"<?xml version='1.0'?><report/>",
    "no end": report()[:-1],
    "no end of a string": b'{"robot_id": "robot',
    "garbage after it": report() + b"x",
    "a second report after it": report() + report(),
    "a NUL byte after it": report() + b"\x00",
    "a comment in it": raw("{} // harmless"),
    "a comment around it": raw("/* harmless */ {}"),
    "single quotes": b"{'robot_id': 'robot-7'}",
    "a name without quotes": b"{robot_id: 1}",
    "a comma at the end": report()[:-1] + b",}",
    "a comma at the end of a list": raw('["a",]', "tags"),
    "NaN": raw('{"x": NaN}'),
    "Infinity": raw('{"x": Infinity}'),
    "minus Infinity": raw('{"x": -Infinity}'),
    "a float that is too large": raw('{"x": 1e999}'),
    "a float that is too small": raw('{"x": -1e999}'),
    "an integer of 5,000 digits": raw('{"x": ' + "9" * 5_000 + "}"),
    "a hexadecimal number": raw('{"x": 0x10}'),
    "a leading zero": raw('{"x": 01}'),
    "a leading plus": raw('{"x": +1}'),
    "no digit before the point": raw('{"x": .5}'),
    "no digit after the point": raw('{"x": 5.}'),
    "a minus alone": raw('{"x": -}'),
    "a NUL byte in a string": raw('"a\x00b"', "robot_id"),
    "a line end in a string": raw('"a\nb"', "robot_id"),
    "an unknown escape": raw(r'"\x41"', "robot_id"),
    "half an escape": raw(r'"\u00"', "robot_id"),
    "True": raw("True"),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + report(),
    "a byte order mark after it": report() + b"\xef\xbb\xbf",
    "UTF-16 with a mark": report().decode().encode("utf-16"),
    "UTF-16 without": report().decode().encode("utf-16-be"),
    "UTF-32": report().decode().encode("utf-32"),
    "Latin-1": raw('"Büro"', "robot_id").decode().encode("latin-1"),
    "half a character at the end of a string": raw('"B@"', "robot_id").replace(b"B@", b"B\xc3"),
    "an overlong slash": raw('"B@"', "robot_id").replace(b"B@", b"\xc0\xaf"),
    "a surrogate in UTF-8": raw('"B@"', "robot_id").replace(b"B@", b"\xed\xa0\x80"),
    "beyond Unicode": raw('"B@"', "robot_id").replace(b"B@", b"\xf5\x80\x80\x80"),
    "a name twice": report()[:-1] + b', "robot_id": "robot-8"}',
    "a name twice, once escaped": report()[:-1] + rb', "robot\u005fid": "robot-8"}',
    "a name twice in data": raw('{"x": 1, "x": 1}'),
    "a name twice deep in data": raw('{"a": [{"b": {"x": 1, "x": null}}]}'),
    "a name twice in a detail": raw('[{"sequence_no": 1, "status": "failed", "status": "success"}]', "details"),
    "an empty name twice": raw('{"": 1, "": 2}'),
    "100,000 brackets": b"[" * 100_000,
    "100,000 braces": b'{"a":' * 100_000,
    "100,000 levels that end": raw('{"x": ' + _nested(100_000) + "}"),
    "a level too many in data": raw('{"x": ' + _nested(limits.JSON_DEPTH_MAX - 1) + "}"),
    "a level too many in an unknown field": raw(_nested(limits.JSON_DEPTH_MAX), "unknown"),
    "brackets that cross": raw('{"x": [}]'),
}

_WRONG: dict[str, tuple[bytes, str]] = {
    "null": (b"null", ""),
    "a list": (b"[]", ""),
    "a list of reports": (b"[" + report() + b"]", ""),
    "a string": (b'"robot-7"', ""),
    "a number": (b"0", ""),
    "true": (b"true", ""),
    "an unknown field": (report(polish="?"), "/polish"),
    "a field of JavaScript": (raw("{}", "__proto__"), "/__proto__"),
    "an empty name": (raw("1", ""), "/"),
    "a name that is a pointer": (raw("1", "a/b~c"), "/a~1b~0c"),
    "a very long name": (raw("1", "x" * 100_000), "/" + "x" * 100),
    "a name with NUL": (report()[:-1] + rb', "a\u0000b": 1}', ""),
    "an id that is none": (report(flow_id="4de713a3"), "/flow_id"),
    "an id that is a number": (report(flow_id=4), "/flow_id"),
    "an empty robot": (report(robot_id=""), "/robot_id"),
    "a robot of zero-width characters": (report(robot_id="\u200b"), "/robot_id"),
    "a robot of controls": (report(robot_id="\x80\x85\u2028\u2029"), "/robot_id"),
    "a tag of blanks": (report(tags=["x", "\u3000 "]), "/tags/1"),
    "a robot that is a number": (report(robot_id=7), "/robot_id"),
    "a robot that is null": (report(robot_id=None), "/robot_id"),
    "a robot that is a list": (report(robot_id=["robot-7"]), "/robot_id"),
    "a robot with a character too many": (report(robot_id="🤖" * 201), "/robot_id"),
    "a time without a zone": (report(started_at="2026-03-10T11:55:00"), "/started_at"),
    "a day": (report(started_at="2026-03-10"), "/started_at"),
    "a number for a time": (report(started_at=1773143700), "/started_at"),
    "a number in a string for a time": (report(started_at="1773143700"), "/started_at"),
    "the 30th of February": (report(started_at="2026-02-30T11:55:00Z"), "/started_at"),
    "the 25th hour": (report(started_at="2026-02-20T25:00:00Z"), "/started_at"),
    "a time zone too far": (report(started_at="2026-02-20T20:00:00+99:00"), "/started_at"),
    "a time in other digits": (report(started_at="２０２６-03-10T11:55:00Z"), "/started_at"),
    "a time before there were robots": (report(started_at="1969-12-31T23:59:59Z"), "/started_at"),
    "a time that is pushed before 1970 by its zone": (report(started_at="1970-01-01T00:00:00+01:00"), "/started_at"),
    "a time beyond all time": (report(started_at="2200-01-01T00:00:00Z"), "/started_at"),
    "the end of time": (report(started_at="9999-12-31T23:59:59-12:00"), "/started_at"),
    "the end before the start": (report(finished_at="2026-03-10T11:54:59.999999Z"), "/finished_at"),
    "an unknown status": (report(status="skipped"), "/status"),
    "a status that is true": (report(status=True), "/status"),
    "tags that are none": (report(tags="a"), "/tags"),
    "an empty tag": (report(tags=["a", ""]), "/tags/1"),
    "data that is a list": (report(data=[]), "/data"),
    "data that is a string": (report(data="{}"), "/data"),
    "a byte too much data": (report(data={"x": "x" * (limits.DATA_BYTES_MAX - len('{"x":""}') + 1)}), "/data"),
    "details that are an object": (report(details={"0": DETAIL}), "/details"),
    "a detail that is null": (report(details=[None]), "/details/0"),
    "a detail that is a list": (report(details=[[]]), "/details/0"),
    "an unknown field of a detail": (report(details=[DETAIL | {"x": 1}]), "/details/0/x"),
    "a detail without a number": (report(details=[{"status": "success"}]), "/details/0/sequence_no"),
    "an unknown status of a detail": (report(details=[DETAIL | {"status": "partial_success"}]), "/details/0/status"),
    "a number used twice": (report(details=[DETAIL, DETAIL]), "/details/1/sequence_no"),
    **{
        f"{number} for a whole number": (
            raw(f'[{{"sequence_no": {number}, "status": "success"}}]', "details"),
            "/details/0/sequence_no",
        )
        for number in (
            "-1",
            "1.5",
            "1.00000000000000001",
            "1e-400",
            "1e-99999999999999999999",
            "-1.0",
            "2147483648.0",
            '"1"',
            "true",
            "null",
            "[]",
            "2147483648",
            "1" + "0" * 400,
        )
    },
}

_HARMLESS: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + report(),
    "a byte order mark and white space": b"\xef\xbb\xbf\r\n" + report(),
    "white space around it": b"\r\n\t " + report() + b"\r\n\t ",
    "as deep as may be": raw('{"x": ' + _nested(limits.JSON_DEPTH_MAX - 2) + "}"),
    "a large integer in data": raw('{"x": 123456789012345678901234567890}'),
    "an integer of 4,000 digits in data": raw('{"x": ' + "9" * 4_000 + "}"),
    "a float that is next to nothing": raw('{"x": 1e-9999}'),
    "a float of 10,000 digits": raw('{"x": 0.' + "1" * 10_000 + "}"),
    "minus nothing": raw('{"x": -0, "y": -0.0}'),
    **{
        f"{number} for a whole number": raw(f'[{{"sequence_no": {number}, "status": "success"}}]', "details")
        for number in ("-0", "-0.0", "1.0", "1e0", "1.50e1", "2147483647.000", "10e-1", "0e99")
    },
    "an empty name in data": raw('{"": {"": null}}'),
    "fields of JavaScript in data": raw('{"__proto__": {"constructor": 1}}'),
    "a surrogate pair": raw(r'"\ud83e\udd16"', "robot_id"),
    "as many characters as may be": report(robot_id="🤖" * 200),
    "letters from right to left": report(robot_id="\u202eשלום\u202c عربى"),
    "zero-width characters": report(robot_id="ro\u200bbot\u2060-\ufeff7"),
    "combining characters": report(robot_id="Z" + "\u0335\u0489" * 99),
    "non-characters of Unicode": report(robot_id="\uffff\ufdd0"),
    "C1 controls and line separators": report(robot_id="a\x80\x85\u2028\u2029"),
    "escape sequences of a terminal": report(robot_id="\x1b[31mred\x1b]0;title\x07"),
    "SQL": report(robot_id="'; DROP TABLE rpawatch.events; --"),
    "a template": report(robot_id="{{7*7}} ${jndi:ldap://x} %s %n"),
    "markup": report(robot_id="<script>alert(1)</script>"),
    "every status of a detail in any case": report(
        details=[{"sequence_no": n, "status": s} for n, s in enumerate(("SUCCESS", "Failed", "sKiPpEd"))]
    ),
    "lower-case letters in a time": report(started_at="2026-03-10t11:55:00z"),
    "as much data as may be": report(data={"x": "x" * (limits.DATA_BYTES_MAX - len('{"x":""}'))}),
    "every optional field null": report(
        finished_at=None, status=None, target=None, source=None, result_summary=None, error_message=None,
        external_id=None, tags=None, data=None, details=None,
    ),
}  # fmt: skip

HOSTILE: dict[str, Hostile] = {
    **{name: Hostile(body, MALFORMED) for name, body in _NOT_JSON.items()},
    **{name: Hostile(body, INVALID, pointer) for name, (body, pointer) in _WRONG.items()},
    **{name: Hostile(body, ACCEPTED) for name, body in _HARMLESS.items()},
    **{f"NUL in {name}": Hostile(with_text(fields, r"a\u0000b"), INVALID) for name, fields in EVERY_STRING.items()},
    **{
        f"half a surrogate pair in {name}": Hostile(with_text(fields, half), INVALID)
        for (name, fields), half in zip(EVERY_STRING.items(), (r"\ud83e", r"\udd16", r"\udd16\ud83e") * 5, strict=False)
    },
    **{
        f"line ends in {name}": Hostile(with_text(fields, r"a\r\nX-Injected: 1\r\n\r\nb"), ACCEPTED)
        for name, fields in EVERY_STRING.items()
    },
    "more broken rules than are listed": Hostile(report(**{f"unknown {n}": 1 for n in range(1_000)}), INVALID),
}
