"""Query parameters of lists: one that can't be what it says is refused, with its name, and never taken for another."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from domain.errors import NotFoundError
from domain.limits import FILTER_VALUES_MAX, TIME_MAX, TIME_MIN
from domain.report import Time
from interfaces.http.percent_encoding import is_utf8
from interfaces.http.problems import ProblemError
from interfaces.http.requests import path_uuid
from interfaces.http.validation import BrokenRule, field_errors

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    import falcon

_TIME: TypeAdapter[datetime] = TypeAdapter(Time)
_DIGITS_MAX = 19
"""Most digits: as many as the largest number has; Python itself refuses to read those that are very long."""
T = TypeVar("T", datetime, date, int)
V = TypeVar("V")
_NAME_CHARS_SHOWN = 50
_NAME_SENT_CHARS_MAX = 12 * _NAME_CHARS_SHOWN
"""Longest that so many characters can be as they are sent: four bytes each, all of them percent-encoded."""
_LOST_PLUS = re.compile(r" \d\d:\d\d$")


def check_query_encoding(req: falcon.Request) -> None:
    """Raise ProblemError for a query that is not UTF-8: with other letters in their place it would find nothing."""
    if is_utf8(req.query_string):
        return
    wrong = next(piece for piece in req.query_string.split("&") if not is_utf8(piece))
    name = unquote(wrong.partition("=")[0][:_NAME_SENT_CHARS_MAX])[:_NAME_CHARS_SHOWN]
    raise refused(f"{name} must be UTF-8, in which ü is %C3%BC")


def parameter(req: falcon.Request, name: str) -> str | None:
    """Return a parameter as it was sent, or None when it is not there. Raises ProblemError when it is there twice."""
    texts = req.get_param_as_list(name)
    if texts and len(texts) > 1:
        raise refused(f"{name} is given more than once: send it once")
    return texts[0] if texts else None


def several(req: falcon.Request, name: str) -> list[str]:
    """Return each different value of a parameter that may be repeated, which asks for any of them; [] for none.

    Raises ProblemError for too many.
    """
    texts = req.get_param_as_list(name) or []
    if len(texts) > FILTER_VALUES_MAX:
        raise refused(f"{name} can be given at most {FILTER_VALUES_MAX} times")
    return list(dict.fromkeys(texts))


def choice_parameter(req: falcon.Request, name: str, choices: Collection[str]) -> str | None:
    """Return a parameter that is one of these texts, or not there. Raises ProblemError."""
    text = parameter(req, name)
    if text is not None and text not in choices:
        raise _no_choice(name, choices)
    return text


def choices_parameter(
    req: falcon.Request, name: str, choices: Collection[str], *, any_case: bool = False
) -> frozenset[str] | None:
    """Return which of these texts are asked for; None when the parameter is not there. Raises ProblemError."""
    texts = [text.lower() if any_case else text for text in several(req, name)]
    if not set(texts) <= set(choices):
        raise _no_choice(name, choices)
    return frozenset(texts) or None


def only(value: V | None) -> frozenset[V] | None:
    """Return the filter for one value, and None for none."""
    return None if value is None else frozenset([value])


def _no_choice(name: str, choices: Collection[str]) -> ProblemError:
    return refused(f"{name} must be one of {', '.join(choices)}")


def uuid_parameter(req: falcon.Request, name: str) -> UUID | None:
    """Return a parameter that is a UUID, or not there. Raises ProblemError."""
    text = parameter(req, name)
    return None if text is None else _uuid(name, text)


def uuids_parameter(req: falcon.Request, name: str) -> frozenset[UUID] | None:
    """Return the UUIDs that a parameter asks for; None when it is not there. Raises ProblemError."""
    return frozenset(_uuid(name, text) for text in several(req, name)) or None


def _uuid(name: str, text: str) -> UUID:
    try:
        return path_uuid(text)
    except NotFoundError:
        raise refused(f"{name} must be a UUID") from None


def check_order(since: T | None, until: T | None) -> None:
    """Raise ProblemError where `from` is after `to`: that can't be what is meant."""
    if since is not None and until is not None and until < since:
        raise refused("to must not be before from")


def time_parameter(req: falcon.Request, name: str) -> datetime | None:
    """Return a parameter that is a time with a zone, or not there. Raises ProblemError."""
    text = parameter(req, name)
    try:
        return None if text is None else _TIME.validate_python(text)
    except ValidationError as error:
        # A plus sign that was not encoded arrives as a space.
        hint = "; write the + of its zone as %2B" if text and _LOST_PLUS.search(text) else ""
        raise refused(f"{name} {field_errors(error)[0].message}{hint}") from None


def day_parameter(req: falcon.Request, name: str) -> datetime | None:
    """Return the beginning, in UTC, of a parameter that is a day, or not there. Raises ProblemError."""
    text = parameter(req, name)
    try:
        return None if text is None else _TIME.validate_python(f"{text}T00:00:00Z")
    except ValidationError:
        raise refused(f"{name} must be a day, as in 2026-03-10, from {TIME_MIN.year} to {TIME_MAX.year - 1}") from None


def int_parameter(req: falcon.Request, name: str, least: int, most: int) -> int | None:
    """Return a parameter that is a whole number in these bounds, or not there. Raises ProblemError."""
    text = parameter(req, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX and least <= int(text) <= most):
        raise refused(f"{name} must be from {least} to {most}")
    return int(text)


def bool_parameter(req: falcon.Request, name: str) -> bool | None:
    """Return a parameter that is true, false or not there. Raises ProblemError."""
    text = parameter(req, name)
    if text not in {None, "true", "false"}:
        raise refused(f"{name} must be true or false")
    return None if text is None else text == "true"


def text_parameter(req: falcon.Request, name: str, chars_max: int) -> str | None:
    """Return a parameter of 1 to so many characters that is not blank, or not there. Raises ProblemError."""
    text = parameter(req, name)
    if text is None:
        return None
    if not 1 <= len(text) <= chars_max:
        raise refused(f"{name} must have 1 to {chars_max} characters")
    if not text.strip():
        raise refused(f"{name} must not be blank")
    return text


def needed(name: str, value: V | None) -> V:
    """Return the value of a parameter that must be there. Raises ProblemError."""
    if value is None:
        raise refused(f"{name} is required")
    return value


def refused(message: str) -> ProblemError:
    """Return the refusal of a request for one of its parameters, which the message names."""
    return ProblemError("invalid-request", errors=[BrokenRule("", message)])
