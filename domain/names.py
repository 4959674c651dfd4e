"""Names and reasons that people give. What a database or a page can't show is refused before it is in an event."""

from __future__ import annotations

import re

from domain.errors import FieldError, InvalidInputError
from domain.limits import NAME_CHARS_MAX, REASON_CHARS_MAX

_INVISIBLE_CLASS = (
    r"\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164"
    r"\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFF8"
)
"""Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt) up to U+FFFF: joiners, fillers, marks of a
direction, selectors."""
_INVISIBLE_CLASS_BEYOND = r"\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF"
_INVISIBLE = re.compile(f"[{_INVISIBLE_CLASS}{_INVISIBLE_CLASS_BEYOND}]")
_CONTROLS_CLASS = r"\x00-\x1F\x7F-\x9F\u2028\u2029"
# Those of C0 and C1, line separators, and halves of surrogate pairs; a text of several lines has tabs and line ends.
_CONTROLS = re.compile(r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\uD800-\uDFFF]")
_CONTROLS_AND_LINES = re.compile(rf"[{_CONTROLS_CLASS}\uD800-\uDFFF]")
# U+2800 is a letter of braille without a dot: no space to Unicode, and one to the eye.
_UNSEEN_CLASS = rf"\s{_CONTROLS_CLASS}\u2800{_INVISIBLE_CLASS}"
_SEEN = re.compile(rf"[^{_UNSEEN_CLASS}{_INVISIBLE_CLASS_BEYOND}]")
SEEN_PATTERN = rf"[^{_UNSEEN_CLASS}]"
"""Pattern of a text that is not blank, as far as the regular expressions of JSON Schema can say it."""
NAME_PATTERN = rf"^[^{_CONTROLS_CLASS}]*[^{_UNSEEN_CLASS}][^{_CONTROLS_CLASS}]*$"
"""Pattern of a name, likewise."""
LINES_PATTERN = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$"
"""Pattern of a text of several lines, likewise."""


def without_invisible(text: str) -> str:
    """Return the text without what no font shows."""
    return _INVISIBLE.sub("", text)


def is_blank(text: str) -> bool:
    """Return whether nothing of a text is to be seen, so that nobody could read, click or look for it."""
    return _SEEN.search(text) is None


def checked_name(name: str) -> str:
    """Return the name without blanks around it. Raises InvalidInputError."""
    name = name.strip()
    _check(name, NAME_CHARS_MAX, "name", lines=False)
    if is_blank(name):
        raise InvalidInputError([FieldError("name", "must not be blank")])
    return name


def checked_reason(reason: str | None) -> str | None:
    """Return the reason. Raises InvalidInputError."""
    if reason is not None:
        _check(reason, REASON_CHARS_MAX, "reason", lines=True)
    return reason


def _check(text: str, chars_max: int, field: str, *, lines: bool) -> None:
    if len(text) > chars_max:
        raise InvalidInputError([FieldError(field, f"must have at most {chars_max} characters")])
    if (_CONTROLS if lines else _CONTROLS_AND_LINES).search(text):
        raise InvalidInputError([FieldError(field, "must not hold control characters")])
