"""A process: an automated process (a "flow") of one account, which robots run and report jobs of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

from domain.errors import ProcessRetiredError
from domain.ids import process_id
from domain.model import Aggregate, Cause, Event, FirstEvent
from domain.names import checked_name

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(kw_only=True)
class ProcessState:
    """What a process is. `flow_id` is its name on the wire, unique within the account only."""

    account_id: UUID
    flow_id: UUID
    name: str
    registered_at: datetime
    retired_at: datetime | None = None


class Process(Aggregate, ProcessState):
    """An automated process."""

    TOPIC: ClassVar[str] = "process"
    NOUN: ClassVar[str] = "Process"

    class Registered(FirstEvent):
        TOPIC: ClassVar[str] = "process.registered"
        LABEL: ClassVar = "registered"
        ABOUT: ClassVar = ("account_id", "flow_id")
        account_id: UUID
        flow_id: UUID
        name: str

        def apply(self, process: ProcessState) -> None:
            ProcessState.__init__(
                process,
                account_id=self.account_id,
                flow_id=self.flow_id,
                name=self.name,
                registered_at=self.timestamp,
            )

    class Renamed(Event):
        TOPIC: ClassVar[str] = "process.renamed"
        LABEL: ClassVar = "renamed"
        name: str

        def apply(self, process: ProcessState) -> None:
            process.name = self.name

    class Retired(Event):
        """It takes no more jobs."""

        TOPIC: ClassVar[str] = "process.retired"
        LABEL: ClassVar = "retired"

        def apply(self, process: ProcessState) -> None:
            process.retired_at = self.timestamp

    class Restored(Event):
        """It takes jobs again."""

        TOPIC: ClassVar[str] = "process.restored"
        LABEL: ClassVar = "restored"

        def apply(self, process: ProcessState) -> None:
            process.retired_at = None

    @classmethod
    def register(cls, cause: Cause, *, account_id: UUID, flow_id: UUID, name: str) -> Self:
        """Make the process `flow_id` of an account known. Raises InvalidInputError for a name that won't do."""
        return cls._begin(
            cls.Registered(
                **cls._first(process_id(account_id, flow_id), cause),
                account_id=account_id,
                flow_id=flow_id,
                name=checked_name(name),
            )
        )

    def rename(self, cause: Cause, name: str) -> None:
        """Give it another name; the same name changes nothing. Raises InvalidInputError for one that won't do."""
        name = checked_name(name)
        if name != self.name:
            self._trigger(self.Renamed(**self._next(cause), name=name))

    def retire(self, cause: Cause) -> None:
        """Let it take no more jobs; retiring it again changes nothing."""
        if self.retired_at is None:
            self._trigger(self.Retired(**self._next(cause)))

    def restore(self, cause: Cause) -> None:
        """Let it take jobs again; restoring one that is not retired changes nothing."""
        if self.retired_at is not None:
            self._trigger(self.Restored(**self._next(cause)))

    def check_takes_jobs(self) -> None:
        """Raise ProcessRetiredError when it was retired."""
        if self.retired_at is not None:
            raise ProcessRetiredError
