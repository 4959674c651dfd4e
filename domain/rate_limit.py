"""The limit of a key: at most `limit` uses in any 60 seconds, a sliding window over the times of the last uses."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.limits import RATE_WINDOW

if TYPE_CHECKING:
    from collections import deque
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller is told of its limit.

    left: requests that would be admitted now. reset_seconds: whole seconds, rounded up, until one more is free than
    now; whoever waits that long gets through. 0 when nothing is used.
    """

    limit: int
    left: int
    reset_seconds: int


def forget_old_uses(window: deque[datetime], at: datetime) -> None:
    """Drop the times that no 60 seconds up to `at` hold; uses exactly 60 seconds apart are not in one span."""
    horizon = at - RATE_WINDOW
    while window and window[0] <= horizon:
        window.popleft()


def quota(window: deque[datetime], limit: int, at: datetime, *, clock: datetime | None = None) -> Quota:
    """Return what is left of `limit` at `at`, given the times of the uses, oldest first.

    clock: what the caller's clock says now, where that is behind `at`; reset_seconds count from it.
    """
    horizon = at - RATE_WINDOW
    gone = bisect_right(window, horizon) if window and window[0] <= horizon else 0
    used = len(window) - gone
    left = max(0, limit - used)
    if not used:
        return Quota(limit, left, 0)
    # With more uses than the limit allows (it may have been lowered), as many have to pass as are too many.
    frees_one = window[gone + max(0, used - limit)]
    return Quota(limit, left, math.ceil((frees_one + RATE_WINDOW - (clock or at)).total_seconds()))
