"""Whose turn it is: the one queue, by priority, of connections whose request was received and has to be answered."""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from itertools import cycle
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from interfaces.http.server.channel import Channel


class Priority(IntEnum):
    """The part of the queue in which a connection waits for its turn."""

    HEALTH = 0
    """Asks whether the process runs: whoever watches the service must not take a busy one for a dead one."""
    ORDINARY = 1
    REFUSED = 2
    """Was refused the last time. Who sends junk as fast as it can must not take the turns of those who don't."""


_SHARES: Final = (Priority.HEALTH, *[Priority.ORDINARY] * 4, Priority.REFUSED)
"""Whose each of six turns is, while somebody waits in each part. An empty one leaves its turns to the others."""


class Turns:
    """The queue. For the thread of the loop alone.

    A connection is in it once, since it has one request at a time: whoever has many connections has many turns, and
    whoever sends many requests on one has not.
    """

    def __init__(self) -> None:
        self._parts: tuple[deque[Channel], ...] = tuple(deque() for _ in Priority)
        self._shares = cycle(_SHARES)

    def __bool__(self) -> bool:
        return any(self._parts)

    def add(self, channel: Channel, priority: Priority) -> None:
        self._parts[priority].append(channel)

    def next(self) -> Channel:
        """Take out whose turn it is. Raises IndexError when nobody waits."""
        for _ in _SHARES:
            part = self._parts[next(self._shares)]
            if part:
                return part.popleft()
        raise IndexError("nobody waits")
