"""Parameters of the query as operations declare them: how each is read, and what the document says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from domain import limits
from domain.report import TIME_PATTERN
from interfaces.http.parameters import (
    bool_parameter,
    choice_parameter,
    choices_parameter,
    int_parameter,
    needed,
    parameter,
    text_parameter,
    time_parameter,
    uuids_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from uuid import UUID

    import falcon

T = TypeVar("T")


@dataclass(frozen=True)
class Query(Generic[T]):
    """A parameter. read: raises ProblemError for a value that can't be what it says.

    schema: JSON Schema. component: its name in the document, where others have the same.
    """

    name: str
    description: str
    schema: dict[str, Any]
    read: Callable[[falcon.Request], T]
    component: str = ""
    required: bool = False


def named_schema(name: str) -> dict[str, str]:
    """Return the reference to a schema (openapi/named.py)."""
    return {"$ref": f"#/components/schemas/{name}"}


def flag(name: str, description: str) -> Query[bool | None]:
    """Declare one that is true, false or not there."""
    return Query(name, description, {"type": "boolean"}, lambda req: bool_parameter(req, name))


def number(name: str, description: str, least: int, most: int, component: str = "") -> Query[int | None]:
    """Declare a whole number in these bounds, or not there."""
    schema = _whole_number(least, most)
    return Query(name, description, schema, lambda req: int_parameter(req, name, least, most), component)


def count(name: str, description: str, component: str) -> Query[int]:
    """Declare a number of events that must be there."""

    def read(req: falcon.Request) -> int:
        return needed(name, int_parameter(req, name, 1, limits.POSITION_MAX))

    return Query(name, description, _whole_number(1, limits.POSITION_MAX), read, component, required=True)


def _whole_number(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def words(name: str, description: str, component: str) -> Query[str | None]:
    """Declare what to search for."""
    schema = {"type": "string", "minLength": 1, "maxLength": limits.SEARCH_CHARS_MAX, "pattern": r"[^\s\x1C-\x1F\x85]"}
    return Query(name, description, schema, lambda req: text_parameter(req, name, limits.SEARCH_CHARS_MAX), component)


def time(name: str, description: str) -> Query[datetime | None]:
    """Declare an instant."""
    schema = {"type": "string", "format": "date-time", "pattern": TIME_PATTERN}
    text = f"{description} with a zone, whose + is written %2B."
    return Query(name, text, schema, lambda req: time_parameter(req, name))


def choice(
    name: str, description: str, choices: Collection[str], schema: str, component: str = ""
) -> Query[str | None]:
    """Declare one of several texts. schema: the name of theirs."""
    return Query(name, description, named_schema(schema), lambda req: choice_parameter(req, name, choices), component)


def filter_of(
    name: str,
    description: str,
    value: dict[str, Any],
    read: Callable[[falcon.Request], frozenset[T] | None],
    component: str = "",
) -> Query[frozenset[T] | None]:
    """Declare one that may be repeated: what has any of the values is listed. value: JSON Schema of one."""
    schema = {"type": "array", "items": value, "minItems": 1, "maxItems": limits.FILTER_VALUES_MAX}
    return Query(name, f"{description} May be repeated: any of them will do.", schema, read, component)


def ids(name: str, description: str, component: str = "") -> Query[frozenset[UUID] | None]:
    """Declare a filter for ids."""
    value = {"type": "string", "format": "uuid"}
    return filter_of(name, description, value, lambda req: uuids_parameter(req, name), component)


def choices(  # noqa: PLR0913 - what is said of one
    name: str,
    description: str,
    values: Collection[str],
    schema: str,
    component: str = "",
    *,
    any_case: bool = False,
) -> Query[frozenset[str] | None]:
    """Declare a filter for some of these texts. schema: the name of theirs."""

    def read(req: falcon.Request) -> frozenset[str] | None:
        return choices_parameter(req, name, values, any_case=any_case)

    return filter_of(name, description, named_schema(schema), read, component)


def _size(req: falcon.Request) -> int:
    size = int_parameter(req, "limit", 1, limits.PAGE_ITEMS_MAX)
    return limits.PAGE_ITEMS_DEFAULT if size is None else size


PAGE: Final = (
    Query(
        "limit",
        "How many items at most.",
        {**_whole_number(1, limits.PAGE_ITEMS_MAX), "default": limits.PAGE_ITEMS_DEFAULT},
        _size,
    ),
    Query(
        "cursor",
        "The `next_cursor` of the page before; left out for the first page. Nothing else is taken for one.",
        {"type": "string"},
        lambda req: parameter(req, "cursor"),
    ),
)
FROM: Final = time("from", "Only what has this time or a later one;")
TO: Final = Query(
    "to",
    "Only what has an earlier time than this, which is not before `from`.",
    FROM.schema,
    lambda req: time_parameter(req, "to"),
)
