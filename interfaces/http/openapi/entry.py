"""What stands in the table of operations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

JSON = "application/json"


class Access(Enum):
    """What a request has to show."""

    NOTHING = "nothing"
    KEY = "an API key"
    SESSION = "a session"


@dataclass(frozen=True, kw_only=True)
class Success:
    """A good answer. headers: names in parts.HEADERS. model: None where there is no JSON to describe."""

    status: int = 200
    description: str
    model: type[BaseModel] | None = None
    media_types: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An operation. parameters: names in parts.PARAMETERS. problems: slugs beside those that all have."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    access: Access = Access.NOTHING
    body: type[BaseModel] | None = None
    body_required: bool = True
    parameters: tuple[str, ...] = ()
    success: tuple[Success, ...]
    problems: tuple[str, ...] = ()


EVERYWHERE = (
    "key-in-url",
    "malformed-request",
    "request-timeout",
    "headers-too-large",
    "internal-error",
    "unavailable",
)
"""Problems that any request can have."""
OF_BODIES = ("malformed-json", "too-large", "unsupported-media-type", "invalid-request")
"""Problems of a body that is read by the admin API."""
