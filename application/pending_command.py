"""A command in the queue, and the answer that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from application.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventsourcing.persistence import StoredEvent

    from application.unit_of_work import Command

R = TypeVar("R")
CONFLICTS_MAX = 2
"""Conflicts after which a command is decided with all other writers kept out, so that it can't lose again."""
MISDATED_MAX = 5
"""Times that a command was decided at an instant that the database's clock contradicts; then it is refused."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """A command that was carried out. position: at or after its last event in the log, 0 when it had none."""

    result: R
    position: int


@dataclass(frozen=True, slots=True)
class Sent:
    """An append whose outcome is unknown. If `first_event` stands in the log, all of the command does."""

    first_event: StoredEvent
    result: Any


class PendingCommand:
    """A command in the queue. until: when whoever waits gives up, in time.monotonic(). settled: it has its answer."""

    def __init__(self, command: Command, until: float, notify: Callable[[], object]) -> None:
        self.command = command
        self.until = until
        self.conflicts = 0
        self.misdated = 0
        self.sent: list[Sent] = []
        self.settled = False
        self._outcome: Done[Any] | BaseException | None = None
        self._notify = notify

    @property
    def must_be_exclusive(self) -> bool:
        """Whether other writers have to be kept out."""
        return self.conflicts >= CONFLICTS_MAX or bool(self.sent)

    def record_misdated(self) -> None:
        """Take note that it was decided at an instant that the database's clock contradicts."""
        self.misdated += 1
        if self.misdated > MISDATED_MAX:
            self.settle(StoreUnavailableError("what time it is in the database could not be told, again and again"))

    def settle(self, outcome: Done[Any] | BaseException) -> None:
        """Answer it, and notify whoever waits. A second time changes nothing."""
        if not self.settled:
            self._outcome = outcome
            self.settled = True
            self._notify()

    def give_up(self) -> None:
        """Wait no longer. Called by whoever waits."""
        if not self.settled:
            self._outcome = StoreUnavailableError("too many commands are waiting for the store")
            self.settled = True

    def answer(self) -> Done[Any]:
        """Return what it was settled with, or raise it."""
        if isinstance(self._outcome, Done):
            return self._outcome
        if self._outcome is None:
            raise RuntimeError("a command is answered when it is settled")
        raise self._outcome
