"""Parameters in the query of a list: each is what its function says, or a 422 that names it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from domain.errors import FieldError
from domain.report import Time
from interfaces.http.problems import ProblemError
from interfaces.http.validation import field_errors

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    import falcon

_TIME: TypeAdapter[datetime] = TypeAdapter(Time)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def choice_parameter(req: falcon.Request, name: str, choices: Collection[str]) -> str | None:
    """Return a parameter that is one of these, or not there. Raises ProblemError."""
    text = req.get_param(name)
    if text is not None and text not in choices:
        raise bad_parameter(f"{name} must be one of {', '.join(choices)}")
    return text


def uuid_parameter(req: falcon.Request, name: str) -> UUID | None:
    """Return a parameter that is an id, or not there. Raises ProblemError."""
    text = req.get_param(name)
    if text is None:
        return None
    # UUID() alone takes digits of any script, and signs and spaces between them.
    if not _UUID.fullmatch(text):
        raise bad_parameter(f"{name} must be a UUID")
    return UUID(text)


def time_parameter(req: falcon.Request, name: str) -> datetime | None:
    """Return a parameter that is a time with its zone, or not there. Raises ProblemError."""
    text = req.get_param(name)
    if text is None:
        return None
    try:
        return _TIME.validate_python(text)
    except ValidationError as error:
        [broken] = field_errors(error)
        # Where a plus sign was meant and not written as %2B, a space arrives.
        hint = "; write the + of its zone as %2B" if re.search(r" \d\d:\d\d$", text) else ""
        raise bad_parameter(f"{name} {broken.message}{hint}") from None


def int_parameter(req: falcon.Request, name: str, least: int, most: int) -> int | None:
    """Return a parameter that is a whole number in these bounds, or not there. Raises ProblemError."""
    text = req.get_param(name)
    if text is None:
        return None
    # Python itself refuses to read numbers that are very long.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise bad_parameter(f"{name} must be from {least} to {most}")
    return int(text)


def text_parameter(req: falcon.Request, name: str, chars_max: int) -> str | None:
    """Return a text without control characters and not blank, or None where there is none. Raises ProblemError."""
    text = req.get_param(name)
    if text is None:
        return None
    if len(text) > chars_max:
        raise bad_parameter(f"{name} must have at most {chars_max} characters")
    if not text.strip() or _CONTROL.search(text):
        raise bad_parameter(f"{name} must have a letter or digit, and no control characters")
    return text


def bad_parameter(message: str) -> ProblemError:
    """Return the problem of a parameter that can't be taken; the message names it."""
    return ProblemError("invalid-request", errors=[FieldError("", message)])
