"""The threads that wait for readers of long answers, and how many of them may."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interfaces.http.server.channel import Channel


class SlowReaders:
    """The threads that wait for a reader to take more of a long answer: at most so many, or nobody else is served."""

    def __init__(self, waiting_max: int, wake: Callable[[], None]) -> None:
        self._waiting_max = waiting_max
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: dict[Channel, None] = {}
        self.dropped: list[Channel] = []

    @contextmanager
    def waiting_for(self, channel: Channel) -> Iterator[None]:
        """Wait within this. One too many gives up the reader who has kept a thread waiting longest. In any thread."""
        with self._lock:
            self._waiting[channel] = None
            crowded = len(self._waiting) > self._waiting_max
            if crowded:
                longest = next(iter(self._waiting))
                del self._waiting[longest]
                self.dropped.append(longest)
        if crowded:
            self._wake()
        try:
            yield
        finally:
            with self._lock:
                self._waiting.pop(channel, None)

    def take_dropped(self) -> list[Channel]:
        """Return the channels to close, each once. In the thread of the loop: a full socket wakes nobody."""
        with self._lock:
            dropped, self.dropped = self.dropped, []
        return dropped
