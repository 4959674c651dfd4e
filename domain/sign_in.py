"""The wait after failed sign-ins."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from domain.limits import SIGN_IN_FAILURES_FAMILIAR_MAX, SIGN_IN_PAUSE_MAX, SIGN_IN_WINDOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_NONE = timedelta()
_FIRST_PAUSE = timedelta(seconds=1)
_DOUBLINGS_MAX = 20
"""Most doublings of a wait: more than are needed, and few enough for a number of seconds."""


def stranger_wait(most: int, failures: Sequence[datetime], now: datetime) -> timedelta:
    """Return how long it takes until one more attempt is borne, when at most so many are within SIGN_IN_WINDOW.

    failures: when they were, within the window, the last one first.
    """
    if len(failures) < most:
        return _NONE
    # No longer than the window, also when the clock was ahead then.
    return min(failures[most - 1] + SIGN_IN_WINDOW - now, SIGN_IN_WINDOW)


def familiar_wait(failures: Sequence[datetime], now: datetime) -> timedelta:
    """Return how long somebody waits who signed in before from where they are: a second, then ever longer pauses.

    failures: their own, from there, within SIGN_IN_WINDOW, the last one first.
    """
    doublings = len(failures) - SIGN_IN_FAILURES_FAMILIAR_MAX
    if doublings < 0:
        return _NONE
    pause = min(_FIRST_PAUSE * (1 << min(doublings, _DOUBLINGS_MAX)), SIGN_IN_PAUSE_MAX)
    return max(_NONE, min(failures[0] + pause - now, pause))
