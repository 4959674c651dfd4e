"""JSON as Python's parser reads it, but for what would not come back as it was sent: that is refused with its place.

Python takes NaN, the last of two equal names, and for a number the float that is next to it. Here a number keeps its
digits, and the others are found where they stand.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

from domain import limits
from interfaces.http.problems import ProblemError
from interfaces.http.validation import BrokenRule, pointer_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Path = tuple[str | int, ...]

_SYNTAX: Final[Mapping[str, str]] = {
    "Expecting value": "a value should stand here",
    "Expecting property name enclosed in double quotes": "a name in double quotes should stand here",
    "Expecting ':' delimiter": "a colon should stand here",
    "Expecting ',' delimiter": "a comma should stand here, or the end of the list or object",
    "Illegal trailing comma": "a comma should not be the last thing in a list or object",
    "Unterminated string": "the text that begins here has no end",
    "Invalid control character": "a control character in a text has to be written as an escape, as \\n",
    "Invalid \\escape": "a backslash in a text has to begin an escape that JSON has, or be doubled",
    "Invalid \\uXXXX escape": "four hexadecimal digits should follow \\u",
    "Unexpected UTF-8 BOM": "a byte order mark stands here, and before it",
    "Extra data": "the JSON ended before this, and something follows",
}
"""Our own words for each message of Python's parser, by its beginning."""
_INTEGER_CHARS_MAX: Final = 18
"""Longer ones orjson does not write, which ends at 64 bits."""


class Digits(str):
    """A number as it was written, where an integer would not have all of it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Fault:
    """Stands in the tree where something was that is not taken."""

    why: str


_DOUBLED = _Fault("stands twice in its object: give each name once")
_NO_NUMBER = _Fault("is no number of JSON, which has no NaN and no Infinity: leave it out, or send null or a text")
_TOO_LARGE = _Fault("is too large a number for those who read JSON, which end at 1.8e308: send it as a text")
_TOO_LONG = _Fault(f"is a whole number of more than {limits.NUMBER_DIGITS_MAX} digits: send it as a text")


class Reading:
    """What a text holds. has_decimals: it has numbers with a point or an exponent, which are Digits in the tree."""

    def __init__(self, text: str) -> None:
        """Read. Raises ProblemError malformed-json, with where and why."""
        self.has_decimals = False
        self._has_faults = False
        try:
            self.tree: Any = json.loads(
                text,
                object_pairs_hook=self._object,
                parse_constant=self._constant,
                parse_float=self._decimal,
                parse_int=self._integer,
            )
        except RecursionError:
            _too_deep()
        except json.JSONDecodeError as error:
            # Only the place is repeated; the parser's words may hold parts of the body.
            why = next((ours for theirs, ours in _SYNTAX.items() if error.msg.startswith(theirs)), "it goes wrong here")
            malformed(f"The body is not valid JSON at line {error.lineno}, column {error.colno}: {why}.")
        if text.count("[") + text.count("{") > limits.JSON_DEPTH_MAX and _deeper_than(self.tree, limits.JSON_DEPTH_MAX):
            _too_deep()
        if self._has_faults:
            found = (
                BrokenRule(pointer_to(path), fault.why)
                for path, fault in places(self.tree, lambda leaf: type(leaf) is _Fault)
            )
            raise ProblemError(
                "malformed-json",
                detail="The body holds what is not JSON, or would not come back as it was sent. Correct what is listed"
                " in errors and resend.",
                errors=list(islice(found, limits.ERRORS_LISTED_MAX + 1)),
            )

    def with_whole_numbers(self) -> bytes:
        """Return the JSON with its whole numbers written as such: 60 for 60.0.

        But for what is in an object within: that is `data`, which stays as it is.
        """
        if not isinstance(self.tree, dict):
            return to_json(self.tree)
        return to_json({name: value if isinstance(value, dict) else _whole(value) for name, value in self.tree.items()})

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self._has_faults = True
            seen = set()
            for name, _ in pairs:
                if name in seen:
                    found[name] = _DOUBLED
                seen.add(name)
        return found

    def _constant(self, _: str) -> _Fault:
        self._has_faults = True
        return _NO_NUMBER

    def _decimal(self, digits: str) -> Digits | _Fault:
        if math.isinf(float(digits)):
            self._has_faults = True
            return _TOO_LARGE
        self.has_decimals = True
        return Digits(digits)

    def _integer(self, digits: str) -> int | Digits | _Fault:
        if len(digits) <= _INTEGER_CHARS_MAX and digits != "-0":
            return int(digits)
        if len(digits.removeprefix("-")) > limits.NUMBER_DIGITS_MAX:
            self._has_faults = True
            return _TOO_LONG
        return Digits(digits)


def to_json(tree: object) -> bytes:
    """Return compact JSON, with numbers as they were written."""
    return orjson.dumps(tree, default=_written, option=orjson.OPT_PASSTHROUGH_SUBCLASS)


def _written(digits: Digits) -> orjson.Fragment:
    return orjson.Fragment(digits.encode())


def _whole(node: object) -> object:
    if isinstance(node, dict):
        return {name: _whole(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_whole(value) for value in node]
    if isinstance(node, Digits):
        # Not by way of a float, to which 60.00000000000000001 is whole, and 1e-400 nothing.
        with suppress(InvalidOperation):  # an exponent beyond all
            number = Decimal(node)
            if number == number.to_integral_value():
                return Digits(f"{number:.0f}")
    return node


def places(node: object, is_wanted: Callable[[object], bool], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield what is wanted, of names and of what is neither object nor list, with its path; a name with its object's.

    is_wanted: of no object or list. Asked here, since what is yielded goes through all levels.
    """
    if isinstance(node, dict):
        for name, value in node.items():
            if is_wanted(name):
                yield path, name
            yield from places(value, is_wanted, (*path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from places(value, is_wanted, (*path, index))
    elif is_wanted(node):
        yield path, node


def malformed(detail: str) -> NoReturn:
    """Raise ProblemError malformed-json."""
    raise ProblemError("malformed-json", detail=f"{detail} Send one JSON object in UTF-8.") from None


def _too_deep() -> NoReturn:
    malformed(f"The body nests deeper than {limits.JSON_DEPTH_MAX} levels.")


def _deeper_than(tree: object, levels: int) -> bool:
    level = [tree]
    for _ in range(levels):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return any(isinstance(node, dict | list) for node in level)
