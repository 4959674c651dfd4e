"""The one door that every command goes through: decide, append, answer.

A command is decided on aggregates in memory, and its events are appended in one transaction, together with a check
that nothing it was based on has changed. If something has, the command is decided again on what is there now. So the
rules hold on any number of threads, processes and machines, and an answer is given only after the commit.

One command at a time per process. A lock does that here; a writer that takes all waiting commands and appends their
events in one transaction has its place in `Door.execute`, and nothing outside would notice.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from application.store.database import deadline, seconds_left
from application.store.errors import ConflictError, StoreUnavailableError
from application.streams import Streams
from application.work import Command, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any
    from uuid import UUID

    from eventsourcing.persistence import StoredEvent

    from application.event_sourcing import EventSourcing
    from domain.clock import Clock
    from domain.model import Aggregate

R = TypeVar("R")
COMMAND_SECONDS_MAX = 3.8
"""From entering the door to the answer. Below the time that the server gives requests when it is told to stop."""
STORE_AWAY_SECONDS = 0.5
"""How long commands are refused at once after one that waited for the store in vain."""
PAUSE_SECONDS = 0.05
"""Between attempts when the store does not answer."""
CONFLICTS_MAX = 2
"""Conflicts after which a command is decided with all other writers kept out, so that it can't lose again."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """A command that was carried out. position: of its last event in the log, 0 when there was nothing to append."""

    result: R
    position: int


class Door:
    """Carries out commands. `handlers` maps each kind of command to what decides it."""

    def __init__(
        self,
        event_sourcing: EventSourcing,
        clock: Clock,
        handlers: Mapping[type[Command], Callable[[Work, Any], Any]],
        *,
        seconds_max: float = COMMAND_SECONDS_MAX,
    ) -> None:
        self._event_sourcing = event_sourcing
        self._clock = clock
        self._handlers = handlers
        self._seconds_max = seconds_max
        self._streams = Streams(event_sourcing)
        self._lock = threading.Lock()
        self._store_away_until = 0.0
        self._appended: list[_Appended] = []

    def execute(self, command: Command) -> Done[Any]:
        """Carry out a command and return what its handler returned.

        Raises what the handler raises, with nothing appended; StoreUnavailableError when the store did not answer in
        time, and then the command may or may not have been carried out.
        """
        self._event_sourcing.recorder.datastore.refuse_while_away()
        with deadline(self._seconds_max):
            if not self._lock.acquire(timeout=seconds_left()):
                raise StoreUnavailableError("too many commands are waiting for the store")
            try:
                if time.monotonic() < self._store_away_until:
                    raise StoreUnavailableError("the store did not answer a moment ago")
                return self._decide_until_it_holds(command, time.monotonic() + seconds_left())
            finally:
                self._lock.release()

    def _decide_until_it_holds(self, command: Command, until: float) -> Done[Any]:
        conflicts = 0
        unknown: list[_OutcomeUnknownError] = []
        while True:
            self._appended.clear()
            try:
                if unknown or conflicts >= CONFLICTS_MAX:
                    done = self._attempt_alone(command, unknown)
                else:
                    done = self._attempt(command)
            except ConflictError as error:
                conflicts += 1
                cause: BaseException | None = error
            except _OutcomeUnknownError as error:
                unknown.append(error)
                cause = error.__cause__
            except StoreUnavailableError as error:
                cause = error
            else:
                self._keep_snapshots()
                return done
            if time.monotonic() >= until:
                # Those who wait behind this command would only wait for the same.
                self._store_away_until = time.monotonic() + STORE_AWAY_SECONDS
                raise StoreUnavailableError(str(cause)) from cause
            if not isinstance(cause, ConflictError):
                time.sleep(PAUSE_SECONDS)

    def _attempt_alone(self, command: Command, unknown: list[_OutcomeUnknownError]) -> Done[Any]:
        """Decide with all other writers kept out, first looking whether an earlier attempt did succeed.

        Another process that uses the same key has it in its cache and needs no time to read it again: it would be
        faster every time, and this command would starve. And an append whose reply was lost may be under way still:
        kept out, it can't come between the look and the decision, and afterwards it meets the version that is taken.
        """
        recorder = self._event_sourcing.recorder
        try:
            with recorder.alone():
                for earlier in unknown:
                    if recorder.has(earlier.first_event):
                        return Done(earlier.result, recorder.max_notification_id() or 0)
                return self._attempt(command)
        except StoreUnavailableError as error:
            if not self._appended:
                raise
            # It was the commit that was not answered, and the cache is ahead of what is known.
            self._streams.clear()
            raise _OutcomeUnknownError(self._appended[0].first_event, self._appended[0].result) from error

    def _attempt(self, command: Command) -> Done[Any]:
        self._streams.fresh.clear()
        work = Work(self._streams, command, self._clock())
        try:
            result = self._handlers[type(command)](work, command)
        except StoreUnavailableError:
            self._forget_changes(work)
            raise
        except Exception:
            # A refusal appends nothing, so it has to be checked here that it was not based on something stale.
            self._forget_changes(work)
            self._check_current(work)
            raise
        changed = work.changed()
        if not changed:
            self._check_current(work)
            return Done(result, 0)
        return self._append(work, changed, result)

    def _append(self, work: Work, changed: list[Aggregate], result: Any) -> Done[Any]:  # noqa: ANN401 - the handler's own
        to_stored = self._event_sourcing.mapper.to_stored_event
        changed_ids = {aggregate.id for aggregate in changed}
        only_read = {id_: version for id_, version in work.read_versions.items() if id_ not in changed_ids}
        events: list[StoredEvent] = []
        try:
            events += [to_stored(event) for aggregate in changed for event in aggregate.collect_events()]
            position = self._event_sourcing.recorder.append(events, only_read)
        except ConflictError:
            self._streams.evict(work.read_versions)
            raise
        except StoreUnavailableError as error:
            self._streams.evict(changed_ids)
            raise _OutcomeUnknownError(events[0], result) from error
        except BaseException:
            self._streams.evict(changed_ids)
            raise
        self._appended.append(_Appended(events[0], result, changed, work.read_versions))
        self._streams.keep(changed)
        return Done(result, position)

    def _keep_snapshots(self) -> None:
        """After the commit: a snapshot that fails must not take the command with it."""
        try:
            for appended in self._appended:
                self._event_sourcing.take_snapshots(appended.changed, appended.versions_before)
        except Exception as error:  # noqa: BLE001 - the command is done; a snapshot only saves time later
            _log.warning("snapshot_not_kept", reason=f"{type(error).__name__}: {error}")

    def _check_current(self, work: Work) -> None:
        cached = {id_: version for id_, version in work.read_versions.items() if id_ not in self._streams.fresh}
        if cached and (stale := self._event_sourcing.recorder.moved_on(cached)):
            self._streams.evict(stale)
            raise ConflictError

    def _forget_changes(self, work: Work) -> None:
        self._streams.evict(aggregate.id for aggregate in work.changed())


@dataclass(frozen=True, slots=True)
class _Appended:
    """What an attempt has appended, and perhaps not committed yet."""

    first_event: StoredEvent
    result: Any
    changed: list[Aggregate]
    versions_before: Mapping[UUID, int]


class _OutcomeUnknownError(Exception):
    """The connection was lost during an append. If `first_event` stands in the log, all of it does."""

    def __init__(self, first_event: StoredEvent, result: object) -> None:
        super().__init__()
        self.first_event = first_event
        self.result = result
