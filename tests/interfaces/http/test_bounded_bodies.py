"""What a body makes the service do is bounded by its bytes, and by limits where the bytes stand for more."""

from __future__ import annotations

import gc
import gzip
import json
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import limits
from domain.report import Report
from interfaces.http import json_body
from interfaces.http.gzip_body import inflate
from interfaces.http.problems import ProblemError
from tests.interfaces.http.worst_bodies import BODIES, HEAD, MIB
from tests.support.effort import LONG
from tests.support.service import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BYTES: Final = limits.BODY_BYTES_MAX_DEFAULT if LONG else MIB
GROWTH_MAX: Final = 10.0
"""Of the processor time when the bytes are doubled twice: four times as much, and room for what leaves the processor's
caches or is counted beside others. What grows with the square takes sixteen times as much."""
TOO_LITTLE_TO_TELL: Final = 0.01
"""Seconds of processor time."""
MEMORY_BYTES_MAX: Final = 240 * MIB
"""Beside the body itself. The worst of them takes 190 MiB, and a report of 4.7 MiB that is in order 34."""

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('",[{}]:\\ aé', max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('",[{\\', max_size=3), inner, max_size=4),
    max_leaves=20,
)


def parsed(body: bytes) -> Report:
    return json_body.parse(body, Report, slug="invalid-report")


def refusal(body: bytes) -> ProblemError:
    with pytest.raises(ProblemError) as refused:
        parsed(body)
    return refused.value


def count_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count_of, inner))


@given(value=VALUES, ascii_only=st.booleans())
def test_values_are_counted_before_anything_is_made_of_them(value: Any, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    count = count_of(value)
    assert json_body._has_more_values(body, count - 1)  # noqa: SLF001
    # An empty list holds none, and counts as if it held one.
    empty = body.count(b"[]") + body.count(b"{}")
    assert not json_body._has_more_values(body, count + empty)  # noqa: SLF001


@pytest.mark.parametrize("shift", range(4))
def test_a_text_that_begins_in_one_piece_and_ends_in_another_is_none_the_less_one(shift: int) -> None:
    body = b"[" + b" " * shift + rb'"\\\",[{",' * 30_000 + b"1]"
    assert len(body) > 3 * json_body._PIECE_BYTES  # noqa: SLF001
    assert not json_body._has_more_values(body, 30_002)  # noqa: SLF001
    assert json_body._has_more_values(body, 30_001)  # noqa: SLF001


def test_the_largest_report_there_is_may_be_sent() -> None:
    fields = {"record_id": "r", "record_name": "n", "result": "x", "error_message": None}
    details = [{"sequence_no": number, "status": "failed", **fields} for number in range(limits.DETAILS_MAX)]
    data = {"a": [0] * ((limits.DATA_BYTES_MAX - len('{"a":[0]}')) // 2 + 1)}
    optional = dict.fromkeys(("target", "source", "result_summary", "error_message", "external_id"), "x")
    more = {"tags": ["t"] * limits.TAGS_MAX, "status": "failed", **optional}
    body = json.loads(HEAD + b"}") | more | {"data": data, "details": details}
    assert len(json.dumps(data, separators=(",", ":"))) > limits.DATA_BYTES_MAX - 2
    assert count_of(body) < limits.REPORT_VALUES_MAX * 0.8
    report = parsed(json.dumps(body).encode())
    assert len(report.details or ()) == limits.DETAILS_MAX


def test_more_values_than_a_report_may_have_are_too_large() -> None:
    for count, slug in ((limits.REPORT_VALUES_MAX - 7, "invalid-report"), (limits.REPORT_VALUES_MAX, "too-large")):
        found = refusal(HEAD + b',"data":{"a":[' + b",".join([b"0"] * count) + b"]}}")
        assert found.slug == slug
    assert f"{limits.REPORT_VALUES_MAX} values" in str(found.detail)


@pytest.mark.parametrize("name", BODIES)
def test_no_more_errors_are_collected_than_are_listed(name: str) -> None:
    body = BODIES[name](BYTES)
    if json_body._has_more_values(body, limits.REPORT_VALUES_MAX):  # noqa: SLF001
        return
    collected = [0]
    try:
        json_body._validated(body, Report)  # noqa: SLF001
    except ValidationError as error:
        collected.append(error.error_count())
    try:
        parsed(body)
    except ProblemError as problem:
        collected.append(len(problem.errors))
    assert max(collected) <= limits.ERRORS_LISTED_MAX + 1


def test_what_is_wrong_is_named_wherever_it_stands() -> None:
    good = [{"sequence_no": number, "status": "failed"} for number in range(1_000)]
    body = json.loads(HEAD + b"}") | {"robot_id": 1, "unknown": {"a": 1}, "details": good}
    good[0] |= {"status": "no"}
    good[537] |= {"sequence_no": "x", "unknown": 1}
    good[999] = []  # type: ignore[call-overload]
    assert [error.pointer for error in refusal(json.dumps(body).encode()).errors] == [
        "/robot_id",
        "/unknown",
        "/details/0/status",
        "/details/537/sequence_no",
        "/details/537/unknown",
        "/details/999",
    ]


def test_a_detail_with_very_many_names_is_judged_by_those_that_are_known() -> None:
    names = b",".join(b'"a%d":1' % number for number in range(1_000))
    found = refusal(HEAD + b',"details":[{' + names + b',"sequence_no":1,"status":"no"}]}').errors
    assert found[0].pointer == "/details/0/status"
    assert {error.message for error in found[1:]} == {"is not a known field"}
    assert len(found) == limits.ERRORS_LISTED_MAX + 1


def test_numbers_that_are_used_twice_are_told_once_each_detail_is_right_by_itself() -> None:
    details = b",".join([b'{"sequence_no":7,"status":"failed"}'] * 1_000)
    found = refusal(HEAD + b',"details":[' + details + b"]}").errors
    assert found[0].pointer == "/details/1/sequence_no"
    assert len(found) == limits.ERRORS_LISTED_MAX + 1


@pytest.fixture(scope="module", autouse=True)
def _nobody_looks_for_garbage() -> Iterator[None]:
    """It is done by leaps: from one size to the next it may be once more. Python keeps all of it in proportion."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def best_of(tries: int, act: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(tries):
        began = time.thread_time()
        act()
        best = min(best, time.thread_time() - began)
    return best


def read(body: bytes, encoding: str | None) -> None:
    with suppress(ProblemError):
        parsed(inflate(body, encoding, limits.BODY_BYTES_MAX_DEFAULT))


@pytest.mark.parametrize("name", BODIES)
def test_time_grows_no_faster_than_the_bytes(name: str) -> None:
    for encoding in (None, "gzip") if LONG else (None,):
        part, whole = (
            gzip.compress(body, 1) if encoding else body for body in (BODIES[name](BYTES // 4), BODIES[name](BYTES))
        )
        for tries in (1, 3, 9, 27):
            took = best_of(tries, lambda: read(whole, encoding))  # noqa: B023 - called at once
            if took < TOO_LITTLE_TO_TELL or took < GROWTH_MAX * best_of(tries, lambda: read(part, encoding)):  # noqa: B023
                break
        else:
            pytest.fail(f"{took:.3f} s for {len(whole)} bytes, encoding {encoding}")
        tell(f"{took * 1000:.0f} ms for {len(whole) / MIB:.1f} MiB, encoding {encoding}: {name}")


# From /proc: what getrusage gives begins with what the process had that started this one.
_PEAK: Final = """
import sys
from pathlib import Path
from domain.report import Report
from interfaces.http import json_body
from interfaces.http.gzip_body import inflate
from interfaces.http.problems import ProblemError
from tests.interfaces.http.worst_bodies import BODIES

def kib(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith(name))

body = BODIES[sys.argv[1]](int(sys.argv[2]))
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = kib("VmRSS")
try:
    json_body.parse(body, Report, slug="invalid-report")
except ProblemError:
    pass
print(1024 * (kib("VmHWM") - before))
"""


@pytest.mark.parametrize("name", BODIES if LONG else ["as many unknown names in a detail"])
def test_memory_is_bounded(name: str) -> None:
    size = BYTES
    told = subprocess.run([sys.executable, "-c", _PEAK, name, str(size)], capture_output=True, text=True, check=True)
    tell(f"{int(told.stdout) / MIB:.0f} MiB at the peak: {name}")
    assert int(told.stdout) < MEMORY_BYTES_MAX * (1 if LONG else 0.2)
    if name == "as many unknown names in a detail":
        assert int(told.stdout) > MIB, "it is measured"


EMPTY_BLOCK: Final = bytes((0, 0, 0, 0xFF, 0xFF))
"""Of deflate: stored, and nothing in it."""
GZIP_HEAD: Final = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
GZIPPED: Final[dict[str, Callable[[int], bytes]]] = {
    "empty blocks": lambda size: GZIP_HEAD + EMPTY_BLOCK * (size // len(EMPTY_BLOCK)),
    "members": lambda size: gzip.compress(b"") * (size // 20),
    "incompressible": lambda size: gzip.compress(bytes(range(256)) * (size // 256), 0),
    "a name without end": lambda size: bytes((0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 255)) + b"a" * size,
    "a bomb": lambda size: gzip.compress(b" " * (size * 20)),
    "junk": lambda size: b"\x1f\x8b" * (size // 2),
}


@pytest.mark.parametrize("name", GZIPPED)
def test_inflating_takes_a_time_in_proportion(name: str) -> None:
    part, whole = GZIPPED[name](BYTES // 4), GZIPPED[name](BYTES)
    for tries in (1, 3, 9, 27):
        took = best_of(tries, lambda: read(whole, "gzip"))
        if took < TOO_LITTLE_TO_TELL or took < GROWTH_MAX * best_of(tries, lambda: read(part, "gzip")):
            break
    else:
        pytest.fail(f"{took:.3f} s")
    tell(f"{took * 1000:.0f} ms: {name}")


@given(body=st.binary(max_size=200_000), level=st.integers(0, 9))
def test_what_was_compressed_comes_back(body: bytes, level: int) -> None:
    assert inflate(gzip.compress(body, level), "gzip", 200_000) == body


@given(sizes=st.lists(st.integers(0, 1_000) | st.sampled_from([65_536, 65_537, 200_000]), min_size=1, max_size=5))
def test_members_are_one_body_however_many_and_of_whatever_size(sizes: list[int]) -> None:
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    body = b"".join(parts)
    packed = b"".join(map(gzip.compress, parts))
    assert inflate(packed, "gzip", len(body)) == body
    if body:
        with pytest.raises(ProblemError, match="too-large"):
            inflate(packed, "gzip", len(body) - 1)


@given(body=st.binary(max_size=500), cut=st.integers(1, 19))
def test_a_compressed_body_that_ends_too_early_or_too_late_is_refused(body: bytes, cut: int) -> None:
    packed = gzip.compress(body)
    for wrong in (packed[:-cut], packed + b"x" * cut, packed + packed[:-cut], zlib.compress(body)):
        with pytest.raises(ProblemError):
            inflate(wrong, "gzip", 1_000)
