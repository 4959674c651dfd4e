"""A small memory of the edge: addresses that keep presenting bad keys.

It does not decide who gets in. It only saves work: whether a key is good is decided in the event store.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from domain.client_network import network_of
from domain.errors import InvalidApiKeyError
from domain.limits import BAD_KEYS_PER_MINUTE_MAX, CLOCKS_APART_MAX
from interfaces.http.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from domain.clock import Clock

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = 1_000_000
_WINDOW: Final = 60 * _SECOND
_CLOCKS_APART: Final = CLOCKS_APART_MAX // _MICROSECOND
_REMEMBERED_MAX = 10_000


class RefusalCounters(Protocol):
    """Remembers when keys of an address were refused."""

    def of(self, address: str) -> AbstractContextManager[deque[int]]:
        """Lend the times of an address, oldest first; they are kept as they are at the end, and nobody else has them.

        In microseconds since 1970. There is room for BAD_KEYS_PER_MINUTE_MAX; one more pushes the first one out.
        """


class InProcessCounters:
    """Times of refusals by address, in this process. Forgets the longest unseen address first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: OrderedDict[str, deque[int]] = OrderedDict()

    @contextmanager
    def of(self, address: str) -> Iterator[deque[int]]:
        """Lend the times of an address."""
        with self._lock:
            times = self._times.setdefault(address, deque(maxlen=BAD_KEYS_PER_MINUTE_MAX))
            self._times.move_to_end(address)
            if len(self._times) > _REMEMBERED_MAX:
                self._times.popitem(last=False)
            yield times


class RefusedKeyThrottle:
    """Counts refused keys by address: by the network that one subscriber has, where there are many in it."""

    def __init__(self, clock: Clock, counters: RefusalCounters) -> None:
        self._clock = clock
        self._counters = counters

    def refuse(self, address: str) -> Exception:
        """Count a refused key, and return the refusal: over the limit one that says how long to wait."""
        now = (self._clock() - _EPOCH) // _MICROSECOND
        with self._counters.of(network_of(address)) as times:
            if times and times[-1] - now > _CLOCKS_APART:
                times.clear()  # the clock was set back: they are not waited for
            full = len(times) == BAD_KEYS_PER_MINUTE_MAX and times[0] > now - _WINDOW
            if not full:
                times.append(now)
                return InvalidApiKeyError()
            wait = max(1, math.ceil((times[0] + _WINDOW - now) / _SECOND))
        return ProblemError(
            "rate-limited",
            detail="Too many refused keys came from this address. Wait as many seconds as Retry-After says;"
            " valid keys still work.",
            headers={"Retry-After": str(wait)},
        )
