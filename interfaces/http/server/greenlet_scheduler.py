"""What runs in the thread of the loop, each on a stack of its own: requests that mostly wait, and the writer.

Threads that hand each other every request cost more than the work that they do: Python runs one at a time, and each
hand-over waits for the operating system. So requests that take little time by themselves, and wait for the store, run
in the loop's own thread, as does the writer that they wait for: when one has to wait, the loop goes on with others.
"""

from __future__ import annotations

import math
import time
from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

from application.store.waiting import WAITING

if TYPE_CHECKING:
    from collections.abc import Callable

    from interfaces.http.server.polling import Poller


class GreenletScheduler:
    """The stacks of the loop's thread, and what they wait for: a `Waiting` for what runs on them.

    wake: wakes the loop, from any thread. poller, sockets: what the loop waits for sockets with.
    """

    def __init__(self, wake: Callable[[], None], poller: Poller, sockets: dict[int, Any]) -> None:
        self._wake = wake
        self._poller = poller
        self._sockets = sockets
        self._parked: set[_Bell] = set()
        self._deadlines: list[tuple[float, int, _Bell]] = []
        self._numbers = count()
        self._ready: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        """Return how many are parked."""
        return len(self._parked)

    def run(self, work: Callable[[], object]) -> None:
        """Run this until it is done, or waits."""
        greenlet(self._run).switch(work)

    def run_soon(self, work: Callable[[], object]) -> None:
        """Have this run by the loop. In any thread."""
        self.go_on_soon(lambda: self.run(work))

    def go_on_soon(self, what: Callable[[], None]) -> None:
        """Have this called by the loop, with nobody's stack. In any thread."""
        self._ready.append(what)
        self._wake()

    def _run(self, work: Callable[[], object]) -> None:
        # What is set here is of this stack alone.
        WAITING.set(self)
        work()

    # What runs on a stack

    def bell(self) -> _Bell:
        return _Bell(self)

    def wait_for_socket(self, descriptor: int, wanted: int, seconds: float) -> int:
        bell = self.bell()
        awaited = self._poller.watch(descriptor, wanted, bell.ring, self._sockets)
        try:
            bell.wait(seconds)
        finally:
            self._poller.unwatch(awaited, self._sockets)
        return awaited.ready

    def park(self, bell: _Bell, until: float) -> None:
        """Let the loop go on until that bell rings, or until then in time.monotonic()."""
        self._parked.add(bell)
        # The number decides between equal times: bells have no order.
        heappush(self._deadlines, (until, next(self._numbers), bell))
        bell.stack.parent.switch()  # type: ignore[union-attr] # the loop

    # The loop

    @property
    def has_work(self) -> bool:
        """Whether somebody can go on now."""
        return bool(self._ready)

    def go_on(self) -> None:
        """Go on with those that have what they waited for, and those that have waited long enough."""
        while self._ready:
            self._ready.popleft()()
        # Who waits for no time at all lets a turn of the loop go by.
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            _, _, bell = heappop(self._deadlines)
            self.resume(bell)

    def seconds_left(self) -> float:
        """Return when the next one has waited long enough."""
        while self._deadlines and self._deadlines[0][2] not in self._parked:
            heappop(self._deadlines)
        return self._deadlines[0][0] - time.monotonic() if self._deadlines else math.inf

    def resume(self, bell: _Bell) -> None:
        """Let the one who waits for it go on, if somebody does."""
        if bell in self._parked:
            self._parked.remove(bell)
            bell.stack.switch()


class _Bell:
    """A bell for the stack that makes it."""

    __slots__ = ("_scheduler", "rung", "stack")

    def __init__(self, scheduler: GreenletScheduler) -> None:
        self._scheduler = scheduler
        self.stack = getcurrent()
        self.rung = False

    def ring(self) -> None:
        self.rung = True
        # Looked at by the loop, so after whoever runs now has come to waiting.
        self._scheduler.go_on_soon(self._resume)

    def wait(self, seconds: float) -> bool:
        if not self.rung:
            self._scheduler.park(self, time.monotonic() + seconds)
        return self.rung

    def _resume(self) -> None:
        self._scheduler.resume(self)
