"""How hard the tests try: short in the default run, long on demand; and the seeds of what they draw."""

from __future__ import annotations

import os
import random
import sys

LONG = os.environ.get("RPAWATCH_TEST_LONG") == "1"
"""Set RPAWATCH_TEST_LONG=1 for the long run."""


def effort(short: int, long: int) -> int:
    """Return how often to try: `short` in the default run, `long` with RPAWATCH_TEST_LONG=1."""
    return long if LONG else short


def in_time(seconds: float) -> float:
    """Return how long to wait for what a guarantee gives that many seconds.

    As long as that in the long run, which has a machine of its own. Five times that in the default run, whose tests
    share their machine with each other and with strangers: there it tells a pause from a wait that does not end.
    """
    return seconds if LONG else 5 * seconds


def seeded_random() -> random.Random:
    """Return a source of chance whose seed is printed, and can be given again in RPAWATCH_TEST_SEED."""
    seed = int(os.environ.get("RPAWATCH_TEST_SEED") or random.SystemRandom().randrange(2**32))
    sys.stdout.write(f"to draw the same again: RPAWATCH_TEST_SEED={seed}\n")
    return random.Random(seed)
