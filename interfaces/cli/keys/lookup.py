"""A key that was found, as the installation knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from domain.api_key import ApiKey
from domain.ids import key_id
from interfaces.cli.keys.scanner import Find
from interfaces.cli.operator_context import OperatorContext

UNKNOWN_HERE: Final = "unknown here"
_REMEMBERED_MAX: Final = 10_000
"""Keys. One that stands in many places is looked up once, and as many keys as a file may hold fill no memory."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key as the store has it.

    key_id: follows from the key, also where nobody knows it. status: None where no store was asked.
    """

    key_id: UUID
    status: str | None = None
    name: str | None = None
    account_id: UUID | None = None


def look_up_in(context: OperatorContext) -> Callable[[Find], KnownKey]:
    """Return what looks keys up in the store, by their SHA-256. It raises StoreUnavailableError."""

    @lru_cache(maxsize=_REMEMBERED_MAX)
    def look_up(sha256_hex: str) -> KnownKey:
        found = context.services.event_sourcing.find(ApiKey, key_id(sha256_hex))
        if found is None:
            return KnownKey(key_id(sha256_hex), UNKNOWN_HERE)
        status = found.status(found.stamp(context.services.clock()))
        return KnownKey(found.id, status.value, found.name, found.account_id)

    return lambda find: look_up(find.secret.sha256_hex)


def look_up_nowhere(find: Find) -> KnownKey:
    """Return what can be said of a key without a store."""
    return KnownKey(key_id(find.secret.sha256_hex))
