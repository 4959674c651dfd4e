"""What a command's handler works with: the aggregates that it looks at, and those that it begins or changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from domain.errors import NotFoundError
from domain.ids import random_id
from domain.model import SYSTEM_ACTOR, Aggregate, Cause

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that is asked of the application.

    command_id: made once; trying a command again after a lost reply keeps it.
    """

    command_id: UUID = field(default_factory=random_id)

    @property
    def actor(self) -> str:
        """Who asks: a user id, a key id, or "system" for what the service does by itself."""
        return SYSTEM_ACTOR

    @property
    def request_id(self) -> str:
        """The request, as the log line names it; "-" for none."""
        return "-"

    @property
    def main_stream(self) -> UUID | None:
        """The stream that the command is sure to look at first, where that is known before: it saves reads."""
        return None

    @property
    def goes_alone(self) -> bool:
        """Whether it is appended by itself, after those that wait before it."""
        return False

    def cause(self, at: datetime) -> Cause:
        """Return what stands in the events of this command when it is decided at `at`; without an address."""
        return Cause(at, self.actor, self.request_id, self.command_id)


class FindsAggregates(Protocol):
    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return the aggregate, or None when nothing of that kind is there."""
        ...


class UnitOfWork:
    """One attempt at one command. `now` is the instant of the decision, `cause` what its events say of it.

    streams: where aggregates are read, which are then this attempt's own to change.
    """

    def __init__(self, streams: FindsAggregates, command: Command, now: datetime) -> None:
        self.now = now
        self.cause = command.cause(now)
        self._streams = streams
        self._met: dict[UUID, Aggregate | None] = {}

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return the aggregate, or None when it is not there."""
        try:
            found = self._met[aggregate_id]
        except KeyError:
            found = self._met[aggregate_id] = self._streams.find(kind, aggregate_id)
        return found if type(found) is kind else None

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """Return the aggregate. Raises NotFoundError when it is not there."""
        aggregate = self.find(kind, aggregate_id)
        if aggregate is None:
            raise NotFoundError
        return aggregate

    def begin(self, aggregate: A) -> A:
        """Take in a new aggregate, to be appended with the rest."""
        self._met.pop(aggregate.id, None)  # met now: it was looked for and not there
        self._met[aggregate.id] = aggregate
        return aggregate

    def changed(self) -> list[Aggregate]:
        """Return the aggregates that have new events, in the order in which they were met."""
        return [aggregate for aggregate in self._met.values() if aggregate is not None and aggregate.pending_events]


Handlers: TypeAlias = dict[type[Command], Callable[[UnitOfWork, Any], Any]]
"""Commands, each with what decides it."""
