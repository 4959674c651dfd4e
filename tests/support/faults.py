"""A store whose replies get lost, as the network does it; and what must hold in the log whatever was lost."""

from __future__ import annotations

import threading
from collections import Counter, deque
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

from application.store.database import Database
from application.store.errors import ConflictError, StoreUnavailableError
from application.store.log.recorder import EventRecorder
from domain.api_key import ApiKey
from domain.limits import RATE_WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from application.store.clock import Between
    from application.store.log.reading import LoggedEvent
    from application.store.log.recorder import Appended, AppendGroup
    from domain.model import Event
    from tests.support.running import Application


_ARRIVAL_SECONDS = 0.05
_ARRIVAL_SECONDS_MAX = 10


class Fault(Enum):
    """What happens to an append."""

    LOST_BEFORE_COMMIT = auto()
    """The connection ends before the server has seen the statement."""
    LOST_AFTER_COMMIT = auto()
    """It commits, and the reply is lost."""
    LATE = auto()
    """The client gives up; the statement is under way still, and reaches the server just before the next append."""


class FaultyRecorder(EventRecorder):
    """The log, with the next appends going wrong as told. Not for several threads at once."""

    faults: deque[Fault | None]
    before_append: Callable[[], object] | None
    """Called once, before the next append: what another process does meanwhile."""
    after_fault: Callable[[], object] | None
    """Called once, after the next fault: what happens before the command is tried again."""
    appends: int

    @classmethod
    def under(cls, application: Application) -> FaultyRecorder:
        """Put one under an application."""
        recorder = cls(application.database)
        recorder.faults, recorder.before_append, recorder.after_fault, recorder.appends = deque(), None, None, 0
        recorder._late, recorder._under_way = [], []
        application.event_sourcing.recorder = recorder
        return recorder

    _late: list[tuple[Sequence[AppendGroup], Sequence[tuple[UUID, int]], Between | None]]
    _under_way: list[threading.Thread]

    def append_groups(
        self, groups: Sequence[AppendGroup], streams: Sequence[tuple[UUID, int]], sent_between: Between | None = None
    ) -> Appended:
        """Append, or fail as told."""
        self.appends += 1
        meanwhile, self.before_append = self.before_append, None
        if meanwhile:
            meanwhile()
        self._reach_server()
        fault = self.faults.popleft() if self.faults else None
        if fault is Fault.LOST_BEFORE_COMMIT:
            raise StoreUnavailableError("lost before the commit")
        if fault is Fault.LATE:
            self._late.append((list(groups), list(streams), sent_between))
            then, self.after_fault = self.after_fault, None
            if then:
                then()
            raise StoreUnavailableError("no answer in time")
        appended = super().append_groups(groups, streams, sent_between)
        if fault is Fault.LOST_AFTER_COMMIT:
            raise StoreUnavailableError("lost after the commit")
        return appended

    def arrive(self) -> None:
        """Let what is under way be carried out, or refused."""
        self._reach_server()
        for thread in self._under_way:
            thread.join(_ARRIVAL_SECONDS_MAX)
            assert not thread.is_alive()
        self._under_way.clear()

    def _reach_server(self) -> None:
        while self._late:
            # On a connection of its own, as it was sent. When other writers are kept out, it has to wait there.
            thread = threading.Thread(target=self._carry_out, args=self._late.pop(0))
            thread.start()
            thread.join(_ARRIVAL_SECONDS)
            self._under_way.append(thread)

    def _carry_out(
        self, groups: Sequence[AppendGroup], streams: Sequence[tuple[UUID, int]], sent_between: Between | None
    ) -> None:
        # What was sent arrives, whatever this process thinks of the store by now.
        database = Database(self.database.conninfo, connections_max=1)
        database.open()
        with suppress(ConflictError):
            EventRecorder(database).append_groups(groups, streams, sent_between)
        database.close()


def check_log(rows: Sequence[LoggedEvent]) -> None:
    """Check what holds for any log: positions ascend, and the versions of each stream have no gap."""
    positions = [row.position for row in rows]
    assert positions == sorted(set(positions))
    versions: dict[UUID | str, list[int]] = {}
    for row in rows:
        versions.setdefault(row.originator_id, []).append(row.originator_version)
    for stream, found in versions.items():
        assert found == list(range(found[0], found[0] + len(found))), f"{stream} has the versions {found}"


def check_window(events: Iterable[Event], limit: int) -> None:
    """Check that no half-open minute holds more uses of a key than its limit."""
    times = [event.timestamp for event in events if isinstance(event, ApiKey.Used)]
    assert times == sorted(times)
    for end in times:
        assert uses_in_minute(times, end) <= limit


def uses_in_minute(times: Iterable[datetime], end: datetime) -> int:
    """Return how many of these times are in the half-open minute that ends at `end`."""
    return sum(end - RATE_WINDOW < time <= end for time in times)


def events_per_command(events: Iterable[Event]) -> Counter[UUID]:
    """Return how many events each command left."""
    return Counter(event.command_id for event in events)
