"""Who did something, by what the log has of them: a person, a key, or the operator."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from domain.model import SYSTEM_ACTOR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


class ActorKind(StrEnum):
    """What can do something. A key does nothing but what happens to itself."""

    USER = "user"
    KEY = "key"
    SYSTEM = "system"


class Actor(NamedTuple):
    """Who did something. name: of a user, as they are called now; None when it was erased."""

    kind: ActorKind
    name: str | None


def actor_of(actor: str, names: Mapping[str, str], key_id: UUID | None) -> Actor:
    """Return who an actor is.

    names: of people, by their ids.
    key_id: of the key that it was done to, if it was one.
    """
    if actor == SYSTEM_ACTOR:
        return Actor(ActorKind.SYSTEM, None)
    if actor == str(key_id):
        return Actor(ActorKind.KEY, None)
    return Actor(ActorKind.USER, names.get(actor))
