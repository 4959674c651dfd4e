"""JSON as a stranger sends it: strict, bounded, and refused with a reason.

pydantic-core's parser takes a repeated name (the last one wins) and refuses a lone surrogate as malformed; Python's
takes NaN. Neither is what the contract says, so the text is read once by Python's, with hooks, to find what has to be
refused, and then by pydantic-core's, straight into the model. An ordinary report is read by the second one alone: where
it is plain to see that there is nothing to find, nobody looks.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from domain import limits
from domain.errors import FieldError
from interfaces.http.problems import ProblemError
from interfaces.http.validation import field_errors, pointer_to

if TYPE_CHECKING:
    from collections.abc import Iterator

M = TypeVar("M", bound=BaseModel)

_ESCAPED_TROUBLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""NUL or half of a surrogate pair, which only an escape can bring in."""
_NOT_PLAIN = re.compile(rb'\\|"[ \t\r\n]+:|":[ \t\r\n]*\{')
"""A backslash, a space after a name, an object as a value."""
_INFLATED_PIECE_BYTES = 256 * 1024


def inflate(body: bytes, encoding: str | None, bytes_max: int) -> bytes:
    """Return the body without its Content-Encoding.

    Raises ProblemError for an encoding other than gzip, for what is not gzip, and when more than `bytes_max` comes out.
    """
    if encoding is None or encoding.strip().lower() in {"", "identity"}:
        return body
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        raise ProblemError("unsupported-media-type", detail="Send the body plain, or with Content-Encoding: gzip.")
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    # In pieces: zlib holds what it makes of all of a bomb twice.
    pieces: list[bytes] = []
    left = bytes_max
    try:
        while not inflater.eof and (piece := inflater.decompress(body, _INFLATED_PIECE_BYTES)):
            pieces.append(piece)
            body = inflater.unconsumed_tail
            left -= len(piece)
            if left < 0:
                raise ProblemError("too-large", detail=f"The body is larger than {bytes_max} bytes when inflated.")
    except zlib.error:
        raise ProblemError(
            "malformed-json", detail="The body is not valid gzip, as Content-Encoding says it is."
        ) from None
    if not inflater.eof or inflater.unused_data:
        raise ProblemError("malformed-json", detail="The gzip body ends too early, or more follows after it.")
    return b"".join(pieces)


def parse(body: bytes, model: type[M], *, slug: str) -> M:
    """Return the model that a JSON body holds. slug: of the problem that lists broken rules.

    Raises ProblemError: malformed-json, too-large for too many details, or `slug` with every rule that is broken.
    """
    return _parse_plain(body, model) or _parse_carefully(body, model, slug)


def _parse_carefully(body: bytes, model: type[M], slug: str) -> M:
    trouble = _look_through(body)
    if trouble:
        raise ProblemError(slug, errors=trouble)
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        if any(item["type"] == "json_invalid" for item in error.errors(include_url=False, include_input=False)):
            _malformed("The body is not valid JSON.")
        found = field_errors(error)
        too_many = f"must have at most {limits.DETAILS_MAX} items"
        if any(item.pointer == "/details" and item.message == too_many for item in found):
            raise ProblemError(
                "too-large", detail=f"A report takes {limits.DETAILS_MAX} details at most. Report several jobs."
            ) from None
        raise ProblemError(slug, errors=found) from None


def _parse_plain(body: bytes, model: type[M]) -> M | None:
    """Return the model when it is plain to see that _look_through would find nothing; None when it is not.

    Without a backslash every quote begins or ends a string, and with no space after a name every name ends in `":`.
    Then no name is repeated if as many names came out as there are such ends; what looks like one in a text only makes
    it seem less plain. What else is looked for (numbers out of range, NaN, deep nesting) can stand only where a model
    takes anything, which is in an object of its own; so a report with `data` is not validated here in vain.
    """
    if _NOT_PLAIN.search(body):
        return None
    try:
        found = model.model_validate_json(body, strict=True)
    except ValidationError:
        return None
    names = len(found.model_fields_set)
    for field in found.model_fields_set:
        value = getattr(found, field)
        if type(value) is list:
            names += sum([len(item) for item in value if type(item) is dict])
    return found if names == body.count(b'":') else None


def _look_through(body: bytes) -> list[FieldError]:
    """Return where something stands that PostgreSQL can't keep. What was read is gone again when this returns.

    Raises ProblemError malformed-json.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _malformed("The body is not UTF-8.")
    try:
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        _malformed(f"The body nests deeper than {limits.JSON_DEPTH_MAX} levels.")
    except ValueError as error:
        # Only the place is repeated; the parser's words may hold parts of the body.
        place = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        _malformed(f"The body is not valid JSON{place}.")
    if text.count("[") + text.count("{") > limits.JSON_DEPTH_MAX and _deeper_than(tree, limits.JSON_DEPTH_MAX):
        _malformed(f"The body nests deeper than {limits.JSON_DEPTH_MAX} levels.")
    if not _ESCAPED_TROUBLE.search(text):
        return []
    return [FieldError(pointer, "must not hold NUL or half of a surrogate pair") for pointer in _troubled(tree)]


def _malformed(detail: str) -> NoReturn:
    raise ProblemError("malformed-json", detail=f"{detail} Send one JSON object in UTF-8.") from None


class _RefusedError(ValueError):
    """Valid for Python's parser, not for us."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("a name is repeated in an object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _RefusedError("a number is too large")
    return number


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


def _troubled(node: object, path: tuple[str | int, ...] = ()) -> Iterator[str]:
    if isinstance(node, str):
        if _is_troubled(node):
            yield pointer_to(path)
    elif isinstance(node, dict):
        for name, value in node.items():
            if _is_troubled(name):
                yield pointer_to(path)
            yield from _troubled(value, (*path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _troubled(value, (*path, index))


def _is_troubled(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text)
