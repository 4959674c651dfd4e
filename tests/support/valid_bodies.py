"""Valid reports and names, drawn at random: every spelling that is taken, any Unicode, and each limit at its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from domain import limits
from domain.names import is_blank
from domain.report import DetailStatus, JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

_MICROSECOND = timedelta(microseconds=1)
_STRANGE = (
    "שלום", "عربى", "فَاتُورَة", "हिन्दी", "ใบแจ้งหนี้", "Mu\u0308ller", "Müller", "ﬁ", "İstanbul", "ß", "ſ", "Ω", "Å", "漢字",
    "かﾞ", "👩\u200d👧", "🤖", "\U0010ffff", "\u200b", "\u200d", "\u202e", "\u2067", "\ufeff", "\ufffd", "\uffff",
    "\u0301", "Z" + "\u0351" * 20, "\u2028", "\u00a0", "\u3000", "\x7f", "\x85", "\x1b[31m", "\x01", "\t", "\r\n",
    "'", '"', "\\", "\\u0000", "%", "_", "=SUM(1)", "{}", "$1", "NULL", "<b>", "&amp;", "-", "+", "@", ";", ",",
)  # fmt: skip
_LETTERS = st.characters(codec="utf-8", exclude_characters="\0")


def texts(chars_max: int, *, chars_min: int = 0) -> st.SearchStrategy[str]:
    """Any text that a database can keep, of so many characters; also as long as may be."""
    drawn = st.lists(_LETTERS | st.sampled_from(_STRANGE) | st.text("abz019 .-/", min_size=1, max_size=9), max_size=12)
    some = drawn.map(lambda pieces: "".join(pieces)[:chars_max])
    full = st.builds(lambda letter, rest: (letter * chars_max + rest)[:chars_max], _LETTERS, st.just(""))
    return (some | some | some | full).filter(lambda text: len(text) >= chars_min)


def seen(chars_max: int) -> st.SearchStrategy[str]:
    """The same, with something that is to be seen."""
    return texts(chars_max, chars_min=1).filter(lambda text: not is_blank(text))


INSTANTS = st.datetimes(
    limits.TIME_MIN.replace(tzinfo=None), (limits.TIME_MAX - _MICROSECOND).replace(tzinfo=None), timezones=st.just(UTC)
) | st.sampled_from([limits.TIME_MIN, limits.TIME_MAX - _MICROSECOND])


@st.composite
def spelled_times(draw: Callable[..., Any], instant: datetime) -> str:
    """Return a spelling of an instant: in any zone, with or without what may be left out."""
    minutes = draw(st.integers(-(24 * 60 - 1), 24 * 60 - 1) | st.sampled_from([0, 16 * 60, -16 * 60, 1439, -1439]))
    local = instant.astimezone(timezone(timedelta(minutes=minutes)))
    text = local.replace(tzinfo=None, microsecond=0).isoformat(sep=draw(st.sampled_from("Tt ")))
    fraction = f"{local.microsecond:06d}" + draw(st.sampled_from(["", "0", "123", "999"]))
    if local.microsecond == 0:
        fraction = draw(st.sampled_from(["", "0", "000", "000000"]))
    ahead, left = divmod(abs(minutes), 60)
    sign, colon = "-" if minutes < 0 else "+", draw(st.sampled_from([":", ""]))
    zone = draw(st.sampled_from("Zz")) if minutes == 0 else f"{sign}{ahead:02d}{colon}{left:02d}"
    return f"{text}{'.' + fraction if fraction else ''}{zone}"


class Spelled(str):
    """JSON as it is to be sent."""

    __slots__ = ()


NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
).filter(lambda digits: abs(float(str(digits))) != float("inf")).map(Spelled) | st.sampled_from(
    [Spelled(digits) for digits in ("-0", "1e-400", "9" * limits.NUMBER_DIGITS_MAX, "1.7976931348623157e308", "1.10")]
)  # fmt: skip
_TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS | texts(50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(20), inner, max_size=4),
    max_leaves=12,
)


def to_json(tree: object, *, ascii_only: bool, gap: str) -> str:
    """Return JSON in which numbers are spelled as they were drawn."""
    if isinstance(tree, Spelled):
        return str(tree)
    if isinstance(tree, dict):
        pairs = [
            f"{json.dumps(name, ensure_ascii=ascii_only)}{gap}:{gap}{to_json(value, ascii_only=ascii_only, gap=gap)}"
            for name, value in tree.items()
        ]
        return f"{{{gap}{(gap + ',' + gap).join(pairs)}{gap}}}"
    if isinstance(tree, list):
        return f"[{','.join(to_json(value, ascii_only=ascii_only, gap=gap) for value in tree)}]"
    return json.dumps(tree, ensure_ascii=ascii_only)


def _in_any_case(words: list[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda word, spell: spell(word),
        st.sampled_from(words),
        st.sampled_from([str, str.upper, str.title, str.swapcase]),
    )


def _integers(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Spelled]:
    return st.builds(
        lambda number, rest: Spelled(f"{number}{rest}"), numbers, st.sampled_from(["", "", ".0", ".00", "e0"])
    )


_DETAILS = st.lists(
    st.fixed_dictionaries(
        {
            "sequence_no": _integers(st.integers(0, limits.SEQUENCE_NO_MAX) | st.integers(0, 9)),
            "status": _in_any_case([status.value for status in DetailStatus]),
        },
        optional={
            "record_id": st.none() | texts(limits.LABEL_CHARS_MAX),
            "record_name": st.none() | texts(limits.LABEL_CHARS_MAX),
            "result": st.none() | texts(limits.TEXT_CHARS_MAX),
            "error_message": st.none() | texts(limits.TEXT_CHARS_MAX),
        },
    ),
    max_size=5,
    unique_by=lambda detail: int(float(str(detail["sequence_no"]))),
)
_DATA = st.dictionaries(texts(20), _TREES, max_size=4) | st.integers(0, 40).map(
    lambda less: {"x": "x" * (limits.DATA_BYTES_MAX - len('{"x":""}') - less)}
)


@st.composite
def reports(draw: Callable[..., Any]) -> dict[str, Any]:
    """Return a valid report but for its flow_id."""
    started = draw(INSTANTS)
    body: dict[str, Any] = {
        "robot_id": draw(seen(limits.ROBOT_ID_CHARS_MAX)),
        "started_at": draw(spelled_times(started)),
    }
    finished = draw(st.sampled_from(["none", "null", "then", "second", "later", "later"]))
    if finished == "null":
        body["finished_at"] = None
    elif finished == "then":
        body["finished_at"] = draw(spelled_times(started))
    elif finished == "second":
        body["finished_at"] = draw(spelled_times(started.replace(microsecond=0)))
    elif finished == "later":
        later = min(started + draw(st.timedeltas(timedelta(0), timedelta(days=3))), limits.TIME_MAX - _MICROSECOND)
        body["finished_at"] = draw(spelled_times(later))
    optional = {
        "status": _in_any_case([status.value for status in JobStatus]),
        "target": texts(limits.LABEL_CHARS_MAX),
        "source": texts(limits.LABEL_CHARS_MAX),
        "result_summary": texts(limits.SUMMARY_CHARS_MAX),
        "error_message": texts(limits.TEXT_CHARS_MAX),
        "external_id": texts(limits.LABEL_CHARS_MAX),
        "tags": st.lists(seen(limits.TAG_CHARS_MAX), max_size=3)
        | seen(limits.TAG_CHARS_MAX).map(lambda tag: [tag] * limits.TAGS_MAX),
        "data": _DATA,
        "details": _DETAILS,
    }
    body.update(draw(st.fixed_dictionaries({}, optional={name: st.none() | text for name, text in optional.items()})))
    return body
