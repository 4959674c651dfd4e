"""How fast large bodies are read: all connections together share so many bytes a second.

A client can send a large report again as soon as it was refused, on many connections, at the speed of the network. To
read all of that takes most of a core, which small requests wait for.
"""

from __future__ import annotations

from typing import Final

BYTES_PER_SECOND: Final = 16 * 1024 * 1024
"""More than twice what can be taken apart and stored in a second."""
BURST_BYTES: Final = 16 * 1024 * 1024
"""What may come at once when nothing large came for a second: any report that is alone is not slowed."""


class Pace:
    """What large bodies have used up of it. now: of time.monotonic(). For the thread of the loop alone."""

    def __init__(self, now: float, bytes_per_second: float = BYTES_PER_SECOND, burst_bytes: int = BURST_BYTES) -> None:
        self._bytes_per_second = bytes_per_second
        self._burst_seconds = burst_bytes / bytes_per_second
        self._used_up_to = now - self._burst_seconds
        """When all that was read would have come, byte by byte; until now, there is something left of the burst."""

    def spend(self, number: int, now: float) -> None:
        """Count bytes that were read."""
        self._used_up_to = max(self._used_up_to, now - self._burst_seconds) + number / self._bytes_per_second

    def seconds_left(self, now: float) -> float:
        """Return how long nothing large is to be read, 0.0 for not at all."""
        return max(0.0, self._used_up_to - now)
