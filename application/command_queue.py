"""The write path: every command goes through this one queue, whose writer decides, appends and answers.

The writer, of which there is one at a time, takes all that wait, decides them one after the other on aggregates in
memory (batch.py), appends what they decided in one statement and one transaction, together with a check that nothing
they were based on has changed, and answers them after the commit. While that is on its way to the disk others come into
the queue.

What was based on something stale is left out of the append and decided again on what is there now, at no cost to the
rest. So the rules hold on any number of threads, processes and machines, and an answer is given only after the commit.
The same is done with what was decided at an instant that the database's clock contradicts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from application.batch import Batch
from application.pending_command import CONFLICTS_MAX, Done, PendingCommand
from application.store.clock import StoreClock, between
from application.store.database import deadline, seconds_left
from application.store.errors import ConflictError, StoreUnavailableError
from application.store.log.recorder import Appended
from application.store.waiting import bell, pause
from application.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.store.clock import Between
    from application.unit_of_work import A, Command, UnitOfWork
    from domain.clock import Clock
    from domain.model import Aggregate

COMMAND_SECONDS_MAX = 3.8
"""Longest time from entering the queue to the answer: less than the server gives requests when it is told to stop."""
WAITING_MAX = 1000
"""Most commands in the queue; the next one is refused at once."""
BATCH_COMMANDS_MAX = 64
BATCH_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of events after which a batch takes no further command: those that wait should not wait for a large one."""
DECIDING_SECONDS_MAX = 0.01
"""Time for decisions at a stretch. Where others run in the same thread, they go on in between."""
PAUSE_SECONDS = 0.05
"""Pause between attempts when the store does not answer."""
_log = structlog.get_logger(__name__)


class CommandQueue:
    """Carries out commands. `handlers` maps each kind of command to what decides it.

    clock: tells the instant of each decision. A StoreClock is checked against the database's in each append; any other
    one, of a test or of a history that is made up, is believed.
    """

    def __init__(
        self,
        event_sourcing: EventSourcing,
        clock: Clock,
        handlers: Mapping[type[Command], Callable[[UnitOfWork, Any], Any]],
        *,
        seconds_max: float = COMMAND_SECONDS_MAX,
    ) -> None:
        self._event_sourcing = event_sourcing
        self._clock = clock
        self._checked_clock = clock if isinstance(clock, StoreClock) else None
        self._handlers = handlers
        self._seconds_max = seconds_max
        self._streams = Streams(event_sourcing)
        self._lock = threading.Lock()
        self._queue: deque[PendingCommand] = deque()
        self._writing = False
        self.run_writer: Callable[[Callable[[], None]], object] = _in_a_thread
        """Runs the writer from the first command in the queue until there is none. A server's loop may do it."""

    def execute(self, command: Command) -> Done[Any]:
        """Carry out a command and return what its handler returned.

        Raises what the handler raises, with nothing appended; StoreUnavailableError when the store did not answer in
        time, and then the command may or may not have been carried out.
        """
        answered = bell()
        pending = self.submit(command, answered.ring)
        if not answered.wait(pending.until - time.monotonic()):
            pending.give_up()
        return pending.answer()

    def submit(self, command: Command, settled: Callable[[], object]) -> PendingCommand:
        """Put a command into the queue. `settled` is called, perhaps in another thread, when it has an answer.

        Whoever waits for longer than `until` gives it up. Raises StoreUnavailableError when there is no hope.
        """
        self._event_sourcing.recorder.database.refuse_while_away()
        pending = PendingCommand(command, time.monotonic() + min(self._seconds_max, seconds_left()), settled)
        with self._lock:
            if len(self._queue) >= WAITING_MAX:
                raise StoreUnavailableError("too many commands are waiting for the store")
            self._queue.append(pending)
            begins, self._writing = not self._writing, True
        if begins:
            self.run_writer(self._write)
        return pending

    @property
    def waiting(self) -> int:
        """How many commands are in the queue now, without those that are being carried out."""
        return len(self._queue)

    def peek(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return what the cache holds of an aggregate: perhaps stale, not to be changed, and never a reason to let in.

        It can save work, as only a command decides. In any thread; asks nobody.
        """
        return self._streams.peek(kind, aggregate_id)

    # The queue

    def _write(self) -> None:
        """Carry out what comes into the queue, until nothing is in it."""
        while self._has_more():
            self._carry_out_some()

    def _has_more(self) -> bool:
        with self._lock:
            self._writing = bool(self._queue)
            return self._writing

    def _carry_out_some(self) -> None:
        """Take the next commands and settle those that can be settled; the others go back to where they were."""
        commands = self._take()
        failure: StoreUnavailableError | None = None
        try:
            with deadline(max((pending.until for pending in commands), default=0.0) - time.monotonic()):
                self._carry_out(commands)
        except StoreUnavailableError as error:
            failure = error
            pause(PAUSE_SECONDS)
        except BaseException as error:  # noqa: BLE001 - the writer goes on for the others
            for pending in commands:
                pending.settle(error)
        now = time.monotonic()
        for pending in commands:
            if pending.until <= now and not pending.settled:
                pending.settle(failure or StoreUnavailableError("other writers were faster, again and again"))
        with self._lock:
            self._queue.extendleft(pending for pending in reversed(commands) if not pending.settled)

    def _take(self) -> list[PendingCommand]:
        """Take the next commands out of the queue, without those that are not waited for any more."""
        taken: list[PendingCommand] = []
        now = time.monotonic()
        with self._lock:
            while self._queue and len(taken) < BATCH_COMMANDS_MAX:
                if taken and (taken[0].command.goes_alone or self._queue[0].command.goes_alone):
                    break
                pending = self._queue.popleft()
                if pending.until <= now:
                    pending.settle(StoreUnavailableError("too many commands are waiting for the store"))
                elif not pending.settled:
                    taken.append(pending)
        return taken

    # What is taken

    def _carry_out(self, commands: list[PendingCommand]) -> None:
        """Settle the commands as far as possible. Raises StoreUnavailableError."""
        for pending in commands:
            if pending.must_be_exclusive:
                self._carry_out_exclusively(pending)
        together = [pending for pending in commands if not pending.must_be_exclusive]
        if not together:
            return
        batch = self._decide(together)
        try:
            appended = self._append(batch)
        except ConflictError:
            self._streams.evict(stream.id for stream in batch.streams)
            for pending in together:
                pending.conflicts += 1
        except StoreUnavailableError:
            batch.record_sent()
            raise
        except Exception:  # noqa: BLE001 - each on its own, it is told to the one whom it concerns
            for pending in together:
                pending.conflicts = CONFLICTS_MAX
        else:
            self._settle(batch, appended)
            self._streams.catch_up(appended.stale)

    def _carry_out_exclusively(self, pending: PendingCommand) -> None:
        """Decide with all other writers kept out, first looking whether an earlier attempt did succeed.

        Another process that uses the same key has it in its cache and needs no time to read it again: it would be
        faster every time, and this command would starve. And an append whose reply was lost may be under way still:
        kept out, it can't come between the look and the decision, and afterwards it meets the version that is taken.
        """
        recorder = self._event_sourcing.recorder
        batch: Batch | None = None
        try:
            with recorder.exclusive():
                earlier = next((sent for sent in pending.sent if recorder.has(sent.first_event)), None)
                position = recorder.last_position() if earlier is not None else None
                if earlier is None:
                    batch = self._decide([pending])
                    appended = self._append(batch)
                    if appended.refused:
                        self._streams.catch_up(appended.stale)
                        batch = self._decide([pending])
                        appended = self._append(batch)
        except ConflictError:
            self._streams.evict(stream.id for stream in (batch.streams if batch else ()))
        except StoreUnavailableError:
            if batch is not None:
                batch.record_sent()  # the append, or the commit, was not answered
            raise
        except Exception as error:  # noqa: BLE001 - told to whom it concerns
            pending.settle(error)
        else:
            if earlier is not None:
                pending.settle(Done(earlier.result, position or 0))
            elif batch is not None:
                self._settle(batch, appended)

    def _decide(self, commands: list[PendingCommand]) -> Batch:
        if self._checked_clock is not None:
            self._checked_clock.refresh()
        batch = Batch(self._streams, self._event_sourcing, self._handlers)
        streams = {stream for pending in commands if (stream := pending.command.main_stream) is not None}
        batch.mark_fresh(self._streams.catch_up_shared(streams))
        batch.mark_absent(self._streams.absent(streams))
        until = time.monotonic() + DECIDING_SECONDS_MAX
        for pending in commands:
            batch.decide(pending, self._clock())
            if batch.bytes > BATCH_BYTES_MAX:
                break
            if time.monotonic() > until:
                pause(0)
                until = time.monotonic() + DECIDING_SECONDS_MAX
        return batch

    def _append(self, batch: Batch) -> Appended:
        """Append what was decided, or where there is nothing to append see that it still holds."""
        clock = self._checked_clock
        sent_between = between(batch.readings) if clock is not None else None
        asked = clock.asking() if clock is not None else None
        if batch.bytes:
            streams = [(stream.id, stream.version) for stream in batch.streams]
            appended = self._event_sourcing.recorder.append_groups(batch.groups, streams, sent_between)
        else:
            appended = self._check(batch, sent_between)
        if clock is not None and asked is not None and appended.arrived_at is not None:
            clock.learn(asked, appended.arrived_at)
        return appended

    def _check(self, batch: Batch, sent_between: Between | None) -> Appended:
        """See whether what was decided without an event still holds."""
        cached = {stream.id: stream for stream in batch.streams if not stream.fresh}
        # Where nothing was found, as for a key that never was, it does not matter what time it is.
        if not cached and (sent_between is None or all(stream.now is None for stream in batch.streams)):
            return Appended(0, frozenset(), frozenset())
        recorder = self._event_sourcing.recorder
        stale, arrived_at = recorder.stale_now({id_: stream.version for id_, stream in cached.items()})
        if sent_between is not None and not sent_between[0] <= arrived_at <= sent_between[1]:
            return Appended(0, frozenset(range(len(batch.groups))), frozenset(), arrived_at, misdated=True)
        places = {cached[id_].place for id_ in stale}
        refused = frozenset(
            number for number, group in enumerate(batch.groups) if not places.isdisjoint(group.based_on)
        )
        return Appended(0, refused, stale, arrived_at)

    def _settle(self, batch: Batch, appended: Appended) -> None:
        """Answer the commands of all groups that were not refused."""
        changed: list[Aggregate] = []
        for number, group in enumerate(batch.groups):
            for decided in group.decided:
                if appended.misdated:
                    decided.pending.record_misdated()
                elif number in appended.refused:
                    decided.pending.conflicts += 1
                else:
                    changed += decided.changed
                    # Before the answer: whoever has it and asks again meets what was decided.
                    self._streams.keep(decided.changed)
                    decided.pending.settle(decided.outcome(appended.position))
        try:
            self._event_sourcing.take_snapshots(changed, {stream.id: stream.version for stream in batch.streams})
        except Exception as error:  # noqa: BLE001 - the commands are done; a snapshot only saves time later
            _log.warning("snapshot_not_kept", reason=f"{type(error).__name__}: {error}")


def _in_a_thread(write: Callable[[], None]) -> None:
    threading.Thread(target=write, name="writer", daemon=True).start()
