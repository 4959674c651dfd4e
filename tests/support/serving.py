"""A server of ours in a thread of the test's own process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.http.server import Server


@contextmanager
def running_in_a_thread(server: Server, *, stop_seconds_max: float) -> Iterator[Server]:
    """Run it for as long as the block; then stop it, and see that it ends."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(stop_seconds_max)
        assert not thread.is_alive()
