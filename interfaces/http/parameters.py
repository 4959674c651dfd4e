"""Query parameters of lists: one that can't be what it says is refused, with its name, and never taken for another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from domain.errors import FieldError, NotFoundError
from domain.limits import TIME_MAX, TIME_MIN
from domain.report import Time
from interfaces.http.problems import ProblemError
from interfaces.http.requests import path_uuid
from interfaces.http.validation import field_errors

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    import falcon

_TIME: TypeAdapter[datetime] = TypeAdapter(Time)
_DIGITS_MAX = 19
"""As many as the largest number has; Python itself refuses to read those that are very long."""
_LOST_PLUS = re.compile(r" \d\d:\d\d$")


def choice_parameter(req: falcon.Request, name: str, choices: Collection[str]) -> str | None:
    """Return a parameter that is one of these texts, or not there. Raises ProblemError."""
    text = req.get_param(name)
    if text is not None and text not in choices:
        raise refused(f"{name} must be one of {', '.join(choices)}")
    return text


def uuid_parameter(req: falcon.Request, name: str) -> UUID | None:
    """Return a parameter that is a UUID, or not there. Raises ProblemError."""
    text = req.get_param(name)
    try:
        return None if text is None else path_uuid(text)
    except NotFoundError:
        raise refused(f"{name} must be a UUID") from None


def time_parameter(req: falcon.Request, name: str) -> datetime | None:
    """Return a parameter that is a time with a zone, or not there. Raises ProblemError."""
    text = req.get_param(name)
    try:
        return None if text is None else _TIME.validate_python(text)
    except ValidationError as error:
        # A plus sign that was not encoded arrives as a space.
        hint = "; write the + of its zone as %2B" if text and _LOST_PLUS.search(text) else ""
        raise refused(f"{name} {field_errors(error)[0].message}{hint}") from None


def day_parameter(req: falcon.Request, name: str) -> datetime | None:
    """Return the beginning, in UTC, of a parameter that is a day, or not there. Raises ProblemError."""
    text = req.get_param(name)
    try:
        return None if text is None else _TIME.validate_python(f"{text}T00:00:00Z")
    except ValidationError:
        raise refused(f"{name} must be a day, as in 2026-03-10, from {TIME_MIN.year} to {TIME_MAX.year - 1}") from None


def int_parameter(req: falcon.Request, name: str, least: int, most: int) -> int | None:
    """Return a parameter that is a whole number in these bounds, or not there. Raises ProblemError."""
    text = req.get_param(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX and least <= int(text) <= most):
        raise refused(f"{name} must be from {least} to {most}")
    return int(text)


def text_parameter(req: falcon.Request, name: str, chars_max: int) -> str | None:
    """Return a parameter of 1 to so many characters that is not blank, or not there. Raises ProblemError."""
    text = req.get_param(name)
    if text is None:
        return None
    if not 1 <= len(text) <= chars_max:
        raise refused(f"{name} must have 1 to {chars_max} characters")
    if not text.strip():
        raise refused(f"{name} must not be blank")
    return text


def refused(message: str) -> ProblemError:
    """Return the refusal of a request for one of its parameters, which the message names."""
    return ProblemError("invalid-request", errors=[FieldError("", message)])
