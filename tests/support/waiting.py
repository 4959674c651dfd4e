"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tests.support.effort import in_time

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_SECONDS = 0.01
_SECONDS_MAX = in_time(15.0)


def wait_until(condition: Callable[[], object], what: str, *, seconds_max: float = _SECONDS_MAX) -> None:
    """Return as soon as `condition` holds; fail, saying `what` did not come, when it does not in time."""
    deadline = time.monotonic() + seconds_max
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds_max:g} s: {what}")
        pause.wait(_POLL_SECONDS)
