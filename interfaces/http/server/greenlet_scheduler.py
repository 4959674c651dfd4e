"""Requests that are served in the thread of the loop, and parked there while they wait for something.

Threads that hand each other every request cost more than the work that they do: Python runs one at a time, and each
hand-over waits for the operating system. So requests that take little time by themselves, and wait for the store, run
in the loop's own thread, each on a stack of its own (a greenlet): when it has to wait, the loop goes on with others.
"""

from __future__ import annotations

import math
import time
from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable

    from interfaces.http.server.channel import Channel

WAIT: Final = "rpawatch.wait"
"""WSGI name of `GreenletScheduler.wait`, for such a request."""


class Waited(Protocol):
    """What is waited for. until: when to give it up, in time.monotonic()."""

    until: float

    def give_up(self) -> None:
        """Wait no longer."""


class GreenletScheduler:
    """The requests that are served in the loop's thread. wake: wakes the loop, from any thread."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._parked: dict[_Stack, Waited] = {}
        self._deadlines: list[tuple[float, int, _Stack]] = []
        self._numbers = count()
        self._ready: deque[_Stack] = deque()

    def __len__(self) -> int:
        return len(self._parked)

    def serve(self, channel: Channel) -> None:
        """Serve the first request of a channel until it is done, or waits."""
        _Stack(channel).switch()

    def is_here(self) -> bool:
        """Tell whether the caller is a request that is served here."""
        return isinstance(getcurrent(), _Stack)

    def wait(self, submit: Callable[[Callable[[], None]], Any]) -> Any:  # noqa: ANN401 - what submit returns
        """Call `submit` with what it is to call when it is done, and return what it returned, then.

        What it returned says until when to wait. For a request that is served here.
        """
        stack = getcurrent()
        if not isinstance(stack, _Stack):
            raise TypeError("only a request that is served in the loop can be parked")
        waited = submit(lambda: self._resume_soon(stack))
        self._parked[stack] = waited
        # The number decides between equal times: stacks have no order.
        heappush(self._deadlines, (waited.until, next(self._numbers), stack))
        stack.parent.switch()  # type: ignore[union-attr] # the loop
        return waited

    def go_on(self) -> None:
        """Go on with those that have what they waited for, and those that have waited long enough."""
        for _ in range(len(self._ready)):
            self._resume(self._ready.popleft())
        while self.seconds_left() <= 0:
            _, _, stack = heappop(self._deadlines)
            self._parked[stack].give_up()
            self._resume(stack)

    def seconds_left(self) -> float:
        """Return when the next one has waited long enough."""
        while self._deadlines and self._deadlines[0][2] not in self._parked:
            heappop(self._deadlines)
        return self._deadlines[0][0] - time.monotonic() if self._deadlines else math.inf

    def _resume(self, stack: _Stack) -> None:
        if self._parked.pop(stack, None) is not None:
            stack.switch()

    def _resume_soon(self, stack: _Stack) -> None:
        self._ready.append(stack)
        self._wake()


class _Stack(greenlet):
    """A request that is served in the loop's thread."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel.service)
