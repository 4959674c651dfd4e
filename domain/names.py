"""Names and reasons that people give. What a database or a page can't show is refused before it is in an event."""

from __future__ import annotations

from domain.errors import FieldError, InvalidInputError
from domain.limits import NAME_CHARS_MAX, REASON_CHARS_MAX

_DELETE = "\x7f"


def checked_name(name: str, pointer: str = "/name") -> str:
    """Return the name without blanks around it. Raises InvalidInputError, pointing at `pointer`."""
    name = name.strip()
    _check(name, NAME_CHARS_MAX, pointer, lines=False)
    if not name:
        raise InvalidInputError([FieldError(pointer, "must not be blank")])
    return name


def checked_reason(reason: str | None, pointer: str = "/reason") -> str | None:
    """Return the reason. Raises InvalidInputError, pointing at `pointer`."""
    if reason is not None:
        _check(reason, REASON_CHARS_MAX, pointer, lines=True)
    return reason


def _check(text: str, chars_max: int, pointer: str, *, lines: bool) -> None:
    if len(text) > chars_max:
        raise InvalidInputError([FieldError(pointer, f"must have at most {chars_max} characters")])
    allowed = "\t\n\r" if lines else ""
    for char in text:
        if (char < " " and char not in allowed) or char == _DELETE or "\ud800" <= char <= "\udfff":
            raise InvalidInputError([FieldError(pointer, "must not hold control characters")])
