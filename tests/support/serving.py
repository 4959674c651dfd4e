"""What runs until it is told to stop, in a thread of the test's own process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stoppable(Protocol):
    """A server, or what keeps the processes of one."""

    def run(self) -> object: ...

    def stop(self) -> None: ...


S = TypeVar("S", bound=Stoppable)


@contextmanager
def running_in_a_thread(server: S, *, stop_seconds_max: float) -> Iterator[S]:
    """Run it for as long as the block; then stop it, and see that it ends."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(stop_seconds_max)
        assert not thread.is_alive()
