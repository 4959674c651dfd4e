"""Two small memories of the edge: addresses that keep presenting bad keys, and keys that were good a moment ago.

Neither decides who gets in. They only save work: whether a key is good is decided in the event store.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.errors import InvalidApiKeyError
from domain.limits import BAD_KEYS_PER_MINUTE_MAX
from interfaces.http.problems import ProblemError

if TYPE_CHECKING:
    from uuid import UUID

    from domain.clock import Clock

_WINDOW = timedelta(minutes=1)
_REMEMBERED_MAX = 10_000


class BadKeys:
    """Counts refused keys by address, in this process, and forgets the longest unseen address first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: OrderedDict[str, deque[datetime]] = OrderedDict()

    def refuse(self, address: str) -> Exception:
        """Count a refused key, and return the refusal: over the limit one that says how long to wait."""
        now = self._clock()
        with self._lock:
            times = self._times.setdefault(address, deque(maxlen=BAD_KEYS_PER_MINUTE_MAX))
            self._times.move_to_end(address)
            if len(self._times) > _REMEMBERED_MAX:
                self._times.popitem(last=False)
            full = len(times) == BAD_KEYS_PER_MINUTE_MAX and times[0] > now - _WINDOW
            if not full:
                times.append(now)
                return InvalidApiKeyError()
            wait = max(1, math.ceil((times[0] + _WINDOW - now).total_seconds()))
        return ProblemError(
            "rate-limited",
            detail="Too many refused keys came from this address. Wait as many seconds as Retry-After says;"
            " valid keys still work.",
            headers={"Retry-After": str(wait)},
        )


class SeenKeys:
    """Keys that were let in, so that the next request need not look before its body is read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[UUID, None] = OrderedDict()

    def is_known(self, stream: UUID) -> bool:
        """Return whether the key was let in before and not refused since, in this process."""
        return stream in self._seen

    def add(self, stream: UUID) -> None:
        """Remember a key that was found active."""
        with self._lock:
            self._seen[stream] = None
            if len(self._seen) > _REMEMBERED_MAX:
                self._seen.popitem(last=False)

    def forget(self, stream: UUID) -> None:
        """Look again the next time."""
        with self._lock:
            self._seen.pop(stream, None)
