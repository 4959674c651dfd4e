"""What stands in the table of operations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from interfaces.http.answers.fields import Answer

JSON = "application/json"
BYTES = "application/octet-stream"
BINARY = frozenset({BYTES, "application/jsonl"})
"""What clients are to take for a file, and not for a text.

Of an answer of several types, generators take the first that they know. openapi-generator knows all, and reads what is
a text from JSON, whatever its type says; openapi-python-client knows text/csv and not application/jsonl, and stumbles
over a file of text/csv. So JSON Lines come first, as a file, and then CSV, as a text.
"""
OF_BROWSERS = frozenset({"text/html", "text/css", "text/javascript"})
"""What has no schema: openapi-generator's client in Java would read a text of these types from JSON."""


class Access(Enum):
    """What a request has to show."""

    NOTHING = "nothing"
    KEY = "an API key"
    SESSION = "a session"


@dataclass(frozen=True, kw_only=True)
class Success:
    """A good answer. headers: names in parts.HEADERS. answer: its JSON, or the name of one of named.SCHEMAS."""

    status: int = 200
    description: str
    answer: Answer[Any] | str | None = None
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
READ = ("not-signed-in", "password-change-required", "forbidden", "not-found", "invalid-request")
WRITE = ("not-signed-in", "password-change-required", "csrf-token", "forbidden", "not-found", *OF_BODIES)
POST = (*WRITE, "idempotency-key-reuse")
"""Problems of what is read, changed and made with a session."""
PAGE = ("limit", "cursor")


def page_of(answer: Answer[Any]) -> tuple[Success, ...]:
    """Return the good answer of a list."""
    return (Success(description="A page.", answer=answer, headers=("Link",)),)


def created(answer: Answer[Any], description: str, *, replayed: bool = True) -> tuple[Success, ...]:
    """Return the good answer to what makes something. replayed: whether a repeat gets it too."""
    headers = ("Location", *(["Idempotent-Replayed"] if replayed else []), "X-Lists-Behind")
    return (Success(status=201, description=description, answer=answer, headers=headers),)


def changed(answer: Answer[Any], *, replayed: bool = True) -> tuple[Success, ...]:
    """Return the good answer to what changes something. replayed: whether a repeat is told to be one."""
    headers = (*(["Idempotent-Replayed"] if replayed else []), "X-Lists-Behind")
    return (Success(description="As it is now.", answer=answer, headers=headers),)
