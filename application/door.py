"""The write path: every command goes through this one door, which decides, appends and answers.

Threads line up with their commands. Whoever finds nobody at work leads: takes all that wait, decides them one after the
other on aggregates in memory (batch.py), appends what they decided in one statement and one transaction, together with
a check that nothing they were based on has changed, and answers them after the commit. While that is on its way to the
disk others line up; the first of them leads next.

What was based on something stale is left out of the append and decided again on what is there now, at no cost to the
rest. So the rules hold on any number of threads, processes and machines, and an answer is given only after the commit.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from application.batch import Batch
from application.store.database import deadline, seconds_left
from application.store.errors import ConflictError, StoreUnavailableError
from application.store.recorder import Appended
from application.streams import Streams
from application.ticket import CONFLICTS_MAX, Done, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from application.event_sourcing import EventSourcing
    from application.work import A, Command, Work
    from domain.clock import Clock
    from domain.model import Aggregate

COMMAND_SECONDS_MAX = 3.8
"""From entering the door to the answer. Below the time that the server gives requests when it is told to stop."""
WAITING_MAX = 1000
"""Commands that line up; the next one is refused at once."""
BATCH_COMMANDS_MAX = 64
BATCH_BYTES_MAX = 4 * 1024 * 1024
"""Of events, after which no further command is taken into a batch: those that wait should not wait for a large one."""
PAUSE_SECONDS = 0.05
"""Between attempts when the store does not answer."""
_log = structlog.get_logger(__name__)


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
        self._line: deque[Ticket] = deque()
        self._led = False

    def execute(self, command: Command) -> Done[Any]:
        """Carry out a command and return what its handler returned.

        Raises what the handler raises, with nothing appended; StoreUnavailableError when the store did not answer in
        time, and then the command may or may not have been carried out.
        """
        self._event_sourcing.recorder.datastore.refuse_while_away()
        ticket = Ticket(command, time.monotonic() + min(self._seconds_max, seconds_left()))
        with self._lock:
            if len(self._line) >= WAITING_MAX:
                raise StoreUnavailableError("too many commands are waiting for the store")
            self._line.append(ticket)
            ticket.leads = not self._led
            self._led = True
        if not ticket.leads and not ticket.wait():
            with self._lock:
                # It may have become this one's turn just now.
                if not ticket.leads:
                    ticket.give_up()
        if ticket.leads:
            self._lead(ticket)
        return ticket.answer()

    @property
    def waiting(self) -> int:
        """How many commands are in the line now, without those that are being carried out."""
        return len(self._line)

    def look(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return what the cache holds of an aggregate: perhaps stale, not to be changed, and never a reason to let in.

        It can save work, as only a command decides. In any thread; asks nobody.
        """
        return self._streams.look(kind, aggregate_id)

    # The line

    def _lead(self, own: Ticket) -> None:
        """Carry out what waits until the command of this thread is done, then let the next one lead."""
        try:
            with deadline(own.until - time.monotonic()):
                failure = StoreUnavailableError("too many commands are waiting for the store")
                while not own.settled and time.monotonic() < own.until:
                    failure = self._carry_out_some() or failure
                own.settle(failure)
        except BaseException as error:
            own.settle(error)
            raise
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        with self._lock:
            while self._line and not self._line[0].lead():
                self._line.popleft()
            self._led = bool(self._line)

    def _carry_out_some(self) -> StoreUnavailableError | None:
        """Take the next commands and settle those that can be settled; return what is in the way of the others."""
        tickets = self._take()
        try:
            self._carry_out(tickets)
        except StoreUnavailableError as error:
            time.sleep(min(PAUSE_SECONDS, seconds_left()))
            return error
        finally:
            with self._lock:
                self._line.extendleft(ticket for ticket in reversed(tickets) if not ticket.settled)
        return None

    def _take(self) -> list[Ticket]:
        """Take the next commands out of the line; the first is that of the thread that leads."""
        taken: list[Ticket] = []
        with self._lock:
            while self._line and len(taken) < BATCH_COMMANDS_MAX:
                ticket = self._line.popleft()
                if not ticket.settled:
                    taken.append(ticket)
        return taken

    # What is taken

    def _carry_out(self, tickets: list[Ticket]) -> None:
        """Settle the tickets as far as possible. Raises StoreUnavailableError."""
        for ticket in tickets:
            if ticket.must_be_alone:
                self._carry_out_alone(ticket)
        together = [ticket for ticket in tickets if not ticket.must_be_alone]
        if not together:
            return
        batch = self._decide(together)
        try:
            appended = self._append(batch)
        except ConflictError:
            self._streams.evict(stream.id for stream in batch.streams)
            for ticket in together:
                ticket.conflicts += 1
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - each on its own, it is told to the one whom it concerns
            for ticket in together:
                ticket.conflicts = CONFLICTS_MAX
        else:
            self._settle(batch, appended)
            self._streams.catch_up(appended.stale)

    def _carry_out_alone(self, ticket: Ticket) -> None:
        """Decide with all other writers kept out, first looking whether an earlier attempt did succeed.

        Another process that uses the same key has it in its cache and needs no time to read it again: it would be
        faster every time, and this command would starve. And an append whose reply was lost may be under way still:
        kept out, it can't come between the look and the decision, and afterwards it meets the version that is taken.
        """
        recorder = self._event_sourcing.recorder
        batch: Batch | None = None
        try:
            with recorder.alone():
                for earlier in ticket.sent:
                    if recorder.has(earlier.first_event):
                        ticket.settle(Done(earlier.result, recorder.max_notification_id() or 0))
                        return
                batch = self._decide([ticket])
                appended = self._append(batch)
                if appended.refused:
                    self._streams.catch_up(appended.stale)
                    batch = self._decide([ticket])
                    appended = self._append(batch)
        except ConflictError:
            self._streams.evict(stream.id for stream in (batch.streams if batch else ()))
        except StoreUnavailableError:
            if batch is not None:
                batch.note_sent()  # it may have been the commit that was not answered
            raise
        except Exception as error:  # noqa: BLE001 - told to whom it concerns
            ticket.settle(error)
        else:
            self._settle(batch, appended)

    def _decide(self, tickets: list[Ticket]) -> Batch:
        batch = Batch(self._streams, self._event_sourcing, self._handlers)
        streams = {stream for ticket in tickets if (stream := ticket.command.main_stream) is not None}
        batch.note_fresh(self._streams.catch_up_shared(streams))
        batch.note_absent(self._streams.absent(streams))
        for ticket in tickets:
            batch.decide(ticket, self._clock())
            if batch.bytes > BATCH_BYTES_MAX:
                break
        return batch

    def _append(self, batch: Batch) -> Appended:
        """Append what was decided, or where there is nothing to append see that it still holds."""
        recorder = self._event_sourcing.recorder
        if batch.bytes:
            try:
                return recorder.append_parts(batch.parts, [(stream.id, stream.version) for stream in batch.streams])
            except ConflictError:
                raise
            except BaseException:
                batch.note_sent()
                raise
        cached = {stream.id: stream for stream in batch.streams if not stream.fresh}
        stale = recorder.stale({id_: stream.version for id_, stream in cached.items()}) if cached else frozenset()
        places = {cached[id_].place for id_ in stale}
        refused = frozenset(number for number, part in enumerate(batch.parts) if not places.isdisjoint(part.based_on))
        return Appended(0, refused, stale)

    def _settle(self, batch: Batch, appended: Appended) -> None:
        """Answer the commands of all parts that were not refused."""
        changed: list[Aggregate] = []
        for number, part in enumerate(batch.parts):
            for decided in part.decided:
                if number in appended.refused:
                    decided.ticket.conflicts += 1
                else:
                    changed += decided.changed
                    # Before the answer: whoever has it and asks again meets what was decided.
                    self._streams.keep(decided.changed)
                    decided.ticket.settle(decided.outcome(appended.position))
        try:
            self._event_sourcing.take_snapshots(changed, {stream.id: stream.version for stream in batch.streams})
        except Exception as error:  # noqa: BLE001 - the commands are done; a snapshot only saves time later
            _log.warning("snapshot_not_kept", reason=f"{type(error).__name__}: {error}")
