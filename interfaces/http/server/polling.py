"""Waiting for sockets: each is asked what it waits for when that may have changed, not at every turn."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any, Final

from waitress import wasyncore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from interfaces.http.server.channel import Channel

_HAS_EPOLL: Final = hasattr(select, "epoll")
EVENTS_PER_TURN_MAX: Final = 128
"""Sockets that one turn looks after. The others keep their event, and come first in the next one."""
_READ: Final = select.POLLIN | select.POLLPRI
_WRITE: Final = select.POLLOUT
# The flags of epoll have the numbers of those of poll, which is what waitress looks at.


class AwaitedSocket:
    """A socket that is no connection of a client, as waitress sees those that it waits for.

    wanted, ready: as psycopg has them, 1 for reading and 2 for writing.
    """

    accepting = False

    def __init__(self, descriptor: int, wanted: int, notify: Callable[[], None]) -> None:
        self._fileno = descriptor
        self._wanted = wanted
        self._notify = notify
        self.ready = 0
        self.watched = False
        self.armed = 0

    def readable(self) -> bool:
        return bool(self._wanted & 1 & ~self.ready)

    def writable(self) -> bool:
        return bool(self._wanted & 2 & ~self.ready)

    def handle_read_event(self) -> None:
        self._add(1)

    def handle_write_event(self) -> None:
        self._add(2)

    def handle_expt_event(self) -> None:
        self._add(self._wanted)

    def handle_close(self) -> None:
        # Whoever waits finds out what it is.
        self._add(self._wanted)

    handle_error = handle_close

    def _add(self, ready: int) -> None:
        if not self.ready:
            self._notify()
        self.ready |= ready


class Poller:
    """Waits for the sockets of one loop, in its thread.

    waitress asks every connection at every turn, so that a turn costs more the more connections there are, busy or not.
    With epoll an event disarms its connection, and whoever has changed one says so, which arms it for what it waits for
    then. Where there is no epoll (macOS), all are asked, as waitress does.

    always: what is asked at each turn: the listening socket and what wakes the loop.
    """

    def __init__(self, always: Sequence[Any]) -> None:
        self._always = always
        self._watched: dict[int, int] = {}
        self._epoll = select.epoll() if _HAS_EPOLL else None

    def arm(self, channel: Channel | AwaitedSocket) -> None:
        """Wait for what a connection wants now. One that is closed wants nothing."""
        fd = channel._fileno  # noqa: SLF001 - waitress' name for it, and its own poll uses it
        if self._epoll is None or fd is None:
            return
        wanted = _wanted(channel)
        if wanted == channel.armed:
            return
        flags = wanted | select.EPOLLONESHOT
        if channel.watched:
            self._epoll.modify(fd, flags)
        else:
            self._epoll.register(fd, flags)
            channel.watched = True
        channel.armed = wanted

    def watch(self, descriptor: int, wanted: int, notify: Callable[[], None], sockets: dict[int, Any]) -> AwaitedSocket:
        """Wait once for a socket that is no connection, until `unwatch`."""
        awaited = sockets[descriptor] = AwaitedSocket(descriptor, wanted, notify)
        self.arm(awaited)
        return awaited

    def unwatch(self, awaited: AwaitedSocket, sockets: dict[int, Any]) -> None:
        """Wait no longer; call it before the socket is closed."""
        del sockets[awaited._fileno]  # noqa: SLF001 - see above
        if awaited.watched and self._epoll is not None:
            self._epoll.unregister(awaited._fileno)  # noqa: SLF001 - see above

    def forget(self, fd: int) -> None:
        """Stop waiting for one of `always`, before it is closed: another process may have the same socket open."""
        if self._epoll is not None and self._watched.pop(fd, 0):
            self._epoll.unregister(fd)

    def poll(self, seconds_max: float, sockets: dict[int, Any]) -> None:
        """Wait for events, up to that long, and have them handled."""
        if self._epoll is None:
            wasyncore.poll2(seconds_max, sockets)
            return
        for one in self._always:
            self._watch(one)
        for fd, flags in self._epoll.poll(seconds_max, EVENTS_PER_TURN_MAX):
            one = sockets.get(fd)
            if one is None:
                continue
            if fd in self._watched:
                wasyncore.readwrite(one, flags)
            else:
                one.armed = 0
                wasyncore.readwrite(one, flags)
                self.arm(one)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._epoll is not None:
            self._epoll.close()

    def _watch(self, one: Any) -> None:  # noqa: ANN401 - a dispatcher of waitress
        fd = one._fileno  # noqa: SLF001 - see above
        if fd is None or self._epoll is None:
            return
        wanted, watched = _wanted(one), self._watched.get(fd, 0)
        if wanted == watched:
            return
        if not wanted:
            self.forget(fd)
        elif watched:
            self._epoll.modify(fd, wanted)
            self._watched[fd] = wanted
        else:
            self._epoll.register(fd, wanted)
            self._watched[fd] = wanted


def _wanted(one: Any) -> int:  # noqa: ANN401 - a dispatcher of waitress
    flags = _READ if one.readable() else 0
    return flags | _WRITE if one.writable() and not one.accepting else flags
