"""What the fields of answers share: how an id looks on the wire, and the examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import Field

from domain.limits import POSITION_MAX
from domain.model import SYSTEM_ACTOR

T = TypeVar("T")

NAMED_BY: Final = "x-named"
"""What stands for a reference in a field until the document is put together: pydantic knows its own only."""
ACCOUNT_ID: Final = "0b1f6f0e-4a53-4c55-9d43-2f6d3a0c9a11"
USER_ID: Final = "8f14e45f-ceea-467f-a1d6-5f2b3c4d5e6f"
JOB_ID: Final = "3f2b8d1c-6a5e-4f7a-8b9c-0d1e2f3a4b5c"
KEY_ID: Final = "c9f0f895-fb98-5b91-9b2d-7e6a5c4b3d21"
FLOW_ID: Final = "4de713a3-1a07-4282-8885-dfbaa7869a31"
REQUEST_ID: Final = "5d0c3a4be3a24ad89ee72b8a4ab9d5a8"
"""The request of the examples, which are about the same things all the way through."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What an operation answers with. example: as the document shows it; a test holds that it fits the schema."""

    model: type[T]
    example: T


def named(name: str, description: str | None = None) -> Any:  # noqa: ANN401 - as pydantic's Field
    """Return what makes a field refer to the schema of that name (openapi/named.py)."""
    return Field(description=description, json_schema_extra={NAMED_BY: name})


_UUID = "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
ACTOR_PATTERN: Final = f"^(?:{SYSTEM_ACTOR}|{_UUID})$"

Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Instant = Annotated[
    str,
    Field(
        description="RFC 3339 in UTC, with `Z` and always six digits of a second.",
        json_schema_extra={
            "format": "date-time",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        },
    ),
]
Cursor = Annotated[str | None, Field(description="Send it as `cursor` to get the next page; null on the last one.")]
AccountId = Annotated[Id, Field(description="The account.")]
Actor = Annotated[
    str, Field(pattern=ACTOR_PATTERN, description="The id of a user or key, or `system` for the operator.")
]
ActorName = Annotated[str | None, Field(description="Of a user, as they are called now; null when erased.")]
ActorKind = Annotated[str, named("ActorKind")]
Address = Annotated[str | None, Field(description="Where the request came from; null where that is not kept.")]
RequestId = Annotated[str, Field(description="Of the request, whose log line has it too.")]
Position = Annotated[int, Field(ge=1, le=POSITION_MAX, description="Its place in the log of the whole installation.")]
Limit = Annotated[int, Field(ge=1, description="Requests in any 60 seconds.", json_schema_extra={"format": "int32"})]


def text_or_none(value: object) -> str | None:
    """Return an id as it looks on the wire, or None."""
    return None if value is None else str(value)
