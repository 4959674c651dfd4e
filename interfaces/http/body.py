"""What the bodies of requests are declared with. A body's docstring and its fields say what the document says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from domain import limits
from domain.errors import InvalidInputError
from domain.names import LINES_PATTERN, NAME_PATTERN, checked_name

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """A body, in which a name that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Body(Generic[M]):
    """What an operation is asked with. examples: by what they show; a test holds that each fits the schema."""

    model: type[M]
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)


class Nothing(Strict):
    """The body of a request that says all in its path."""


NOTHING = Body(Nothing)


def _by_the_rule(text: str) -> str:
    try:
        return checked_name(text)
    except InvalidInputError as error:
        raise PydanticCustomError("rule", "rule", {"message": error.errors[0].message}) from None


Name = Annotated[
    str,
    Field(min_length=1, max_length=limits.NAME_CHARS_MAX, json_schema_extra={"pattern": NAME_PATTERN}),
    AfterValidator(_by_the_rule),
]
"""A name that people give: trimmed, not blank, on one line."""
NewName = Annotated[Name, Field(description="One line, not blank; spaces around it are cut off.")]
Reason = Annotated[
    Annotated[str, Field(max_length=limits.REASON_CHARS_MAX, json_schema_extra={"pattern": LINES_PATTERN})] | None,
    Field(description="For those who ask later: text, of one line or several."),
]
