"""How whoever runs here waits: the thread does, or in a server's loop others go on in it meanwhile.

Whoever waits for the store or for the command queue asks for nothing: it waits in the way that its caller has set.
"""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import PQGen


class Bell(Protocol):
    """What one waits for: that somebody rings it, once."""

    def ring(self) -> None:
        """Let the one who waits go on, now or when it comes to waiting. In any thread."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait until it rings, at most that long, and return whether it has. Where it was made."""
        ...


class Waiting(Protocol):
    """A way to wait in which others go on meanwhile."""

    def bell(self) -> Bell: ...

    def wait_for_socket(self, descriptor: int, wanted: int, seconds: float) -> int:
        """Wait until a socket is ready for some of what is wanted, and return for what; for nothing after that long.

        wanted: as `psycopg.waiting.Wait` has it, and what is returned as `Ready` has it.
        """
        ...


WAITING: Final[ContextVar[Waiting | None]] = ContextVar("waiting", default=None)
"""How it is waited here; None where the thread waits."""


def bell() -> Bell:
    """Return a bell for whoever asks."""
    waiting = WAITING.get()
    return _ThreadBell() if waiting is None else waiting.bell()


def pause(seconds: float) -> None:
    """Do nothing for so long."""
    bell().wait(seconds)


def wait_for_reply(waiting: Waiting, connection: psycopg.Connection[Any], replies: PQGen[Any], seconds: float) -> Any:  # noqa: ANN401 - what psycopg's generator returns
    """Do what psycopg's `waiting.wait` does, in that way. Raises TimeoutError."""
    until = time.monotonic() + seconds
    try:
        wanted = next(replies)
        while ready := waiting.wait_for_socket(connection.pgconn.socket, wanted, until - time.monotonic()):
            wanted = replies.send(ready)
    except StopIteration as end:
        return end.value
    raise TimeoutError


class _ThreadBell:
    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        self._silent.release()

    def wait(self, seconds: float) -> bool:
        return self._silent.acquire(timeout=max(0.0, seconds))
