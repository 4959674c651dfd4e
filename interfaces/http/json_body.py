"""JSON as a stranger sends it: strict, bounded, and refused with a reason.

pydantic-core's parser takes a repeated name (the last one wins), refuses a lone surrogate as malformed, and does not
say where. So the text is read once by Python's (json_reading.py), to find what has to be refused and to keep the
numbers in `data` as they were written, and then by pydantic-core's, straight into the model. An ordinary report is read
by the second one alone: where it is plain to see that there is nothing to find, nobody looks.

A few bytes can stand for much: `[]` takes some sixty in memory, and a detail that is `{}` breaks two rules. So values
are counted before anything is made of them. And pydantic-core, which collects all errors that there are, is never given
what could break more rules than are listed: unknown names are found by counting names, the details of a report are
validated up to the first wrong one, and what is wrong with the others is looked for piece by piece.
"""

from __future__ import annotations

import codecs
import json
import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from domain import limits
from domain.report import AS_WRITTEN, Detail
from interfaces.http.json_reading import Reading, malformed, places, to_json
from interfaces.http.problems import ProblemError
from interfaces.http.validation import MESSAGES, BrokenRule, field_errors, pointer_to

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

M = TypeVar("M", bound=BaseModel)

_ESCAPED_TROUBLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""NUL or half of a surrogate pair, which only an escape can bring in."""
_NOT_PLAIN = re.compile(rb'\\|"[ \t\r\n]+:|":[ \t\r\n]*\{')
"""A backslash, a space after a name, an object as a value."""
_TROUBLE = re.compile("[\x00\ud800-\udfff]")
_BLANKS: Final = b" \t\r\n"
"""Those of JSON; Python takes more bytes for blanks."""
_PIECE_BYTES: Final = 64 * 1024
_DATA: Final = "data"
_DETAILS: Final = "details"
_OF_DETAILS: Final = f"/{_DETAILS}/"
_DETAILS_AT_ONCE: Final = 100
"""Validated in one go where one of them is wrong. Each has few names, and so few errors."""
_FEW_DETAILS: Final = TypeAdapter(Annotated[list[Detail], Field(fail_fast=True)])
_UNKNOWN_NAMES_MAX: Final = limits.ERRORS_LISTED_MAX + 1


def parse(body: bytes, model: type[M], *, slug: str, values_max: int = limits.REPORT_VALUES_MAX) -> M:
    """Return the model that a JSON body holds.

    slug: of the problem that lists broken rules. values_max: how many values it may have.

    Raises ProblemError: malformed-json, too-large for too many values or details, or `slug` with the rules that are
    broken, of which there may be one more than an answer lists.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    # There are no more values than bytes, so of most bodies nothing has to be counted.
    if len(body) > values_max and _has_more_values(body, values_max):
        raise ProblemError(
            "too-large",
            detail=f"The body holds more than {values_max} values (objects, lists, strings …). Send less at once.",
        )
    return _parse_plain(body, model) or _parse_carefully(body, model, slug)


def _has_more_values(body: bytes, values_max: int) -> bool:
    """Return whether JSON has so many values, in a time and a space in proportion to its bytes whatever they are.

    Each value but the first one comes after a comma, or as the first of an object or a list.
    """
    if _commas_and_openings(body) < values_max:
        return False
    # Some may stand in texts. What is between two quotes is one, once none of them is escaped.
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    count, in_text = 1, 0
    for begin in range(0, len(bare), _PIECE_BYTES):
        parts = bare[begin : begin + _PIECE_BYTES].split(b'"')
        count += _commas_and_openings(b"".join(parts[in_text::2]))
        in_text = (in_text + len(parts) - 1) % 2
        if count > values_max:
            return True
    return False


def _commas_and_openings(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def is_nothing(body: bytes) -> bool:
    """Return whether a body says nothing: `null` is what some clients send where nothing need be sent.

    Blanks alone are no JSON, and say that something went wrong on the way.
    """
    return not body or body.removeprefix(codecs.BOM_UTF8).strip(_BLANKS) == b"null"


def _parse_carefully(body: bytes, model: type[M], slug: str) -> M:
    survey = _survey(body, model, slug)
    found = _model_or_rules(body, model, survey.data)
    if isinstance(found, list) and survey.has_decimals:
        body = Reading(body.decode()).with_whole_numbers()
        found = _model_or_rules(body, model, survey.data)
    if not isinstance(found, list):
        if _names_in(found) == survey.names:
            return found
        found = []
    broken = _broken_rules(json.loads(body), model, found)
    raise ProblemError(slug, errors=list(islice(broken, limits.ERRORS_LISTED_MAX + 1)))


def _model_or_rules(body: bytes, model: type[M], data: str | None) -> M | list[BrokenRule]:
    try:
        return _validated(body, model, data)
    except ValidationError as error:
        return field_errors(error)


def _parse_plain(body: bytes, model: type[M]) -> M | None:
    """Return the model when it is plain to see that _survey would find nothing; None when it is not.

    Without a backslash every quote begins or ends a string, and with no space after a name every name ends in `":`.
    Then no name is repeated if as many names came out as there are such ends; what looks like one in a text only makes
    it seem less plain. What else is looked for (numbers out of range, NaN, deep nesting) can stand only where a model
    takes anything, which is in an object of its own; so a report with `data` is not validated here in vain.
    """
    if _NOT_PLAIN.search(body):
        return None
    try:
        found = _validated(body, model)
    except ValidationError:
        return None
    return found if _names_in(found) == body.count(b'":') else None


def _validated(body: bytes, model: type[M], data: str | None = None) -> M:
    """Return the model without what it does not know: whoever asks counts the names that are left.

    data: what the body has under that name, as it was written. Raises ValidationError, with few errors: of each field,
    and of one detail.
    """
    return model.model_validate_json(body, strict=True, extra="ignore", context={AS_WRITTEN: data})


def _names_in(model: BaseModel) -> int:
    """Return how many names came out: of fields, and of the objects in lists."""
    fields = model.model_fields_set
    return _names_of(fields, [getattr(model, name) for name in fields])


def _names_of(names: Collection[str], values: Iterable[object]) -> int:
    """Return how many names an object has, together with the objects in its lists."""
    return len(names) + sum(
        [len(item) for value in values if type(value) is list for item in value if type(item) is dict]
    )


class _Survey(NamedTuple):
    """names: how many there are, as `_names_in` counts them. data: as it was written, where there is some.

    has_decimals: there are numbers with a point or an exponent.
    """

    names: int
    data: str | None
    has_decimals: bool


def _survey(body: bytes, model: type[BaseModel], slug: str) -> _Survey:
    """Return what has to be known of a body beside its model. What was read is gone again when this returns.

    Raises ProblemError: malformed-json, too-large for too many details, or `slug` with what PostgreSQL can't keep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        malformed(f"The body is not UTF-8 from byte {error.start + 1} on.")
    reading = Reading(text)
    tree = reading.tree
    if _ESCAPED_TROUBLE.search(text):
        trouble = places(tree, lambda leaf: isinstance(leaf, str) and _TROUBLE.search(leaf) is not None)
        errors = [
            BrokenRule(pointer_to(path), "must not hold NUL or half of a surrogate pair")
            for path, _ in islice(trouble, limits.ERRORS_LISTED_MAX + 1)
        ]
        if errors:
            raise ProblemError(slug, errors=errors)
    if not isinstance(tree, dict):
        return _Survey(0, None, reading.has_decimals)  # no model is anything else, and says so itself
    if len(_details_of(tree)) > limits.DETAILS_MAX:
        raise ProblemError(
            "too-large", detail=f"A report takes {limits.DETAILS_MAX} details at most. Report several jobs."
        )
    data = tree.get(_DATA) if _DATA in model.model_fields else None
    return _Survey(
        _names_of(tree, tree.values()),
        to_json(data).decode() if isinstance(data, dict) else None,
        reading.has_decimals,
    )


def _details_of(tree: Mapping[str, Any]) -> list[Any]:
    details = tree.get(_DETAILS)
    return details if isinstance(details, list) else []


def _broken_rules(tree: object, model: type[BaseModel], found: Sequence[BrokenRule]) -> Iterator[BrokenRule]:
    """Yield what is wrong with a body. found: what is wrong with it but for unknown names, up to the first detail.

    What is wrong with each detail is looked for when it is asked for.
    """
    if not isinstance(tree, dict):
        yield from found
        return
    of_details = [rule for rule in found if rule.pointer.startswith(_OF_DETAILS)]
    yield from (rule for rule in found if rule not in of_details)
    yield from (
        BrokenRule(pointer_to((name,)), MESSAGES["extra_forbidden"]({}))
        for name in tree
        if name not in model.model_fields
    )
    if _DETAILS in model.model_fields:
        wrong = _wrong_details(_details_of(tree))
        # Where each of them is right by itself, what was found is about them together.
        yield from chain([first], wrong) if (first := next(wrong, None)) else of_details


def _wrong_details(details: Sequence[Any]) -> Iterator[BrokenRule]:
    for begin in range(0, len(details), _DETAILS_AT_ONCE):
        some = [_with_few_names(detail) for detail in details[begin : begin + _DETAILS_AT_ONCE]]
        if _wrong_in(some):
            for place, detail in enumerate(some, begin):
                for rule in _wrong_in([detail]):
                    yield BrokenRule(rule.pointer.replace("/0", f"{_OF_DETAILS}{place}", 1), rule.message)


def _with_few_names(detail: object) -> object:
    if not isinstance(detail, dict) or len(detail) <= _UNKNOWN_NAMES_MAX:
        return detail
    known = {name: value for name, value in detail.items() if name in Detail.__annotations__}
    return known | dict.fromkeys(islice((name for name in detail if name not in known), _UNKNOWN_NAMES_MAX))


def _wrong_in(details: Sequence[object]) -> list[BrokenRule]:
    """Return what is wrong with the first wrong detail."""
    try:
        _FEW_DETAILS.validate_json(json.dumps(details), strict=True)
    except ValidationError as error:
        return field_errors(error)
    return []
