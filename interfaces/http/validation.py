"""What pydantic found wrong, in words of our own: a fixed table, so that an upgrade of a library changes no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from domain import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import ValidationError


@dataclass(frozen=True)
class BrokenRule:
    """One rule that the request breaks."""

    pointer: Annotated[
        str, Field(description="RFC 6901 pointer into the body; empty for a header or a query parameter.")
    ]
    message: str


_Context = dict[str, Any]
_NAME_CHARS_SHOWN = 100
MESSAGES: dict[str, Callable[[_Context], str]] = {
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "is not a known field",
    "string_type": lambda _: "must be a string",
    "string_too_short": lambda c: f"must have at least {c['min_length']} character{'s' * (c['min_length'] != 1)}",
    "blank": lambda _: "must not be blank",
    "string_too_long": lambda c: f"must have at most {c['max_length']} characters",
    "int_type": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "is too large a number",
    "greater_than_equal": lambda c: f"must be at least {c['ge']}",
    "less_than_equal": lambda c: f"must be at most {c['le']}",
    "bool_type": lambda _: "must be true or false",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
    "list_type": lambda _: "must be a list",
    "too_long": lambda c: f"must have at most {c['max_length']} items",
    "uuid_type": lambda _: "must be a UUID",
    "uuid_parsing": lambda _: "must be a UUID",
    "enum": lambda c: f"must be one of {c['expected'].replace(' or ', ', ')}",
    "timezone_aware": lambda _: "must have a time zone, as in 2026-03-10T21:43:51Z",
    "not_rfc_3339": lambda _: "must be a time as in 2026-03-10T21:43:51Z (RFC 3339)",
    "time_out_of_range": lambda _: f"must be from {limits.TIME_MIN.year} to {limits.TIME_MAX.year - 1}",
    "finished_before_started": lambda _: "must not be before started_at",
    "data_too_large": lambda _: f"must be at most {limits.DATA_BYTES_MAX} bytes of JSON",
    "rule": lambda c: str(c["message"]),
}
"""The kinds of error that our models can give."""


def field_errors(error: ValidationError) -> list[BrokenRule]:
    """Return what is wrong, in the order of the fields. An unknown kind is a KeyError: a test finds it, not a user."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        path = item["loc"]
        if item["type"] == "sequence_no_repeated":
            found += [
                BrokenRule(pointer_to((*path, index, "sequence_no")), "is used by another detail")
                for index in item["ctx"]["indexes"]
            ]
        else:
            found.append(BrokenRule(pointer_to(path), MESSAGES[item["type"]](item.get("ctx", {}))))
    return found


def pointer_to(path: Iterable[str | int]) -> str:
    """Return the RFC 6901 JSON pointer of a path.

    Names are the sender's: a lone surrogate, which can't be sent, is replaced, and a very long one is cut.
    """
    return "".join(
        "/" + str(step)[:_NAME_CHARS_SHOWN].encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
        for step in path
    )
