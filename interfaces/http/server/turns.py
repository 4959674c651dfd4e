"""Whose turn it is: the one queue of connections whose request has been received and has to be answered."""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from itertools import cycle
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from interfaces.http.server.channel import Channel


class Line(IntEnum):
    """Where a connection waits for its turn."""

    HEALTH = 0
    """Asks whether the process runs: whoever watches the service must not take a busy one for a dead one."""
    ORDINARY = 1
    REFUSED = 2
    """Was refused the last time. Who sends junk as fast as it can must not take the turns of those who don't."""


_SHARES: Final = (Line.HEALTH, Line.ORDINARY, Line.ORDINARY, Line.ORDINARY, Line.ORDINARY, Line.REFUSED)
"""Of six turns, while somebody waits in each line. A line that is empty leaves its turns to the others."""


class Turns:
    """The queue. For the thread of the loop alone.

    A connection is in it once, since it has one request at a time: whoever has many connections has many turns, and
    whoever sends many requests on one has not.
    """

    def __init__(self) -> None:
        self._lines: tuple[deque[Channel], ...] = tuple(deque() for _ in Line)
        self._shares = cycle(_SHARES)

    def __bool__(self) -> bool:
        return any(self._lines)

    def add(self, channel: Channel, line: Line) -> None:
        """Line a connection up."""
        self._lines[line].append(channel)

    def next(self) -> Channel:
        """Take out whose turn it is. Raises IndexError when nobody waits."""
        for _ in _SHARES:
            line = self._lines[next(self._shares)]
            if line:
                return line.popleft()
        raise IndexError("nobody waits")
