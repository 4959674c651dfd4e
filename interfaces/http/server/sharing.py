"""How the processes on one listening socket share its connections: each knows how many the others have."""

from __future__ import annotations

import math
import mmap
import struct
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from interfaces.http.server.listening import Listener

LEFT_SECONDS: Final = 0.025
"""Time for which a new connection is left to the processes that have fewer: a few turns of a busy one."""
LOOK_SECONDS: Final = 0.001
"""Pause between two looks at whether they still have fewer."""
NOT_LEFT_SECONDS: Final = 1.0
"""Pause after one was left in vain: a process that does not accept must not cost every connection that long."""
_COUNT: Final = struct.Struct("<i")
_NOBODY: Final = -1


class Listening:
    """The sockets that one process listens on alone: one or more."""

    accepted_per_turn_max = 256
    """Connections: more than are served in one turn, so that whoever floods it does not hold up who comes new."""
    is_leaving = False
    """Whether new connections are left to others for now."""

    @property
    def seconds_max(self) -> float:
        """For how long the loop may wait before it looks again."""
        return LOOK_SECONDS if self.is_leaving else math.inf

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = listeners

    def report(self, connections: int) -> None:
        """Take in how many connections this process has."""

    def leaves_to_others(self) -> bool:
        """Return whether to leave the connection that waits to others for now."""
        return False

    def reconsider(self, accept: Callable[[], bool]) -> None:
        """Find out whether to go on leaving; when it took too long, `accept`, which says whether one was there."""

    def close(self) -> None:
        """Leave everything to others. Whoever waits for the sockets' events closes them."""


class SharedListening(Listening):
    """Listening sockets that several processes accept from, as one of them has them.

    Whoever wakes first would take every connection that it may, and under load that is the same process again and
    again: of 16 connections two processes had 14 and 2. So one that has more than another leaves a new connection to it
    for a moment.

    counts: a file made by `make`, with the number of connections of each process.
    place: which of the processes this is, from 0.
    """

    accepted_per_turn_max = 1

    def __init__(self, listeners: Sequence[Listener], counts: Path, place: int) -> None:
        super().__init__(listeners)
        with counts.open("r+b") as file:
            self._counts = mmap.mmap(file.fileno(), 0)
        self._place = place
        self._own = _NOBODY
        self._leave_until = 0.0
        self._accept_until = 0.0
        self._is_closed = False

    @staticmethod
    def make(counts: Path, processes: int) -> None:
        """Make the file for so many processes. Raises OSError."""
        counts.write_bytes(_COUNT.pack(_NOBODY) * processes)

    def report(self, connections: int) -> None:
        """Tell the others how many connections this process has."""
        if connections != self._own and not self._is_closed:
            self._own = connections
            _COUNT.pack_into(self._counts, self._place * _COUNT.size, connections)

    def leaves_to_others(self) -> bool:
        """Return whether to leave the connection that waits to a process that has fewer for now."""
        now = time.monotonic()
        self.is_leaving = now >= self._accept_until and self._is_ahead()
        self._leave_until = now + LEFT_SECONDS
        return self.is_leaving

    def reconsider(self, accept: Callable[[], bool]) -> None:
        """Find out whether to go on leaving; when it took too long, `accept`, which says whether one was there."""
        if not self.is_leaving:
            return
        if not self._is_ahead():
            self.is_leaving = False
        elif (now := time.monotonic()) >= self._leave_until:
            self.is_leaving = False
            if accept():
                self._accept_until = now + NOT_LEFT_SECONDS

    def close(self) -> None:
        """Leave everything to the others, for good: there is no socket any more that could be looked at again."""
        self.is_leaving = False
        self.report(_NOBODY)
        self._is_closed = True

    def _is_ahead(self) -> bool:
        return any(_NOBODY < count < self._own for (count,) in _COUNT.iter_unpack(self._counts[:]))
