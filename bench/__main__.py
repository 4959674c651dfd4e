"""`make bench`: measures in turns, prints a table of ratios from one run, and writes bench/results/latest.json.

Machines are shared and noisy, so compare ratios, not figures of different runs. docs/performance.md tells the rest.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import structlog

from bench import pages, proof, reading, scenarios, single, tables
from bench.figures import Results
from bench.services import Contenders
from bench.testbed import ENDING_SIGNALS, testbed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

SECONDS = float(os.environ.get("RPAWATCH_BENCH_SECONDS", "1.5"))

PARTS: dict[str, Callable[[Contenders, float, Results], None]] = {
    "reports": scenarios.reports,
    "refusals": scenarios.refusals,
    "contention": scenarios.contention,
    "large": single.large,
    "cold": single.cold,
    "start": single.start,
    "catch-up": reading.catch_up,
    "lag": reading.lag,
    "keys": reading.key_lists,
    "pages": pages.pages,
    "proof": proof.proof,
    "tree-cost": proof.tree_cost,
    "long": single.long,
}


def main() -> None:
    """Measure the parts that are asked for, print the tables, and write the figures."""
    parts = _parts()
    for number in ENDING_SIGNALS:
        signal.signal(number, _end)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    results = Results()
    with testbed() as where:
        contenders = Contenders(where)
        for part in parts:
            print(f"Measuring: {part}", file=sys.stderr, flush=True)
            began = time.monotonic()
            PARTS[part](contenders, SECONDS, results)
            print(f"  took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    tables.show(results, SECONDS)
    tables.write(results, SECONDS)


def _parts() -> list[str]:
    """Return what is asked for as arguments or in RPAWATCH_BENCH_ONLY, or else everything but the long part."""
    asked = sys.argv[1:] or os.environ.get("RPAWATCH_BENCH_ONLY", "").replace(",", " ").split()
    if unknown := set(asked) - PARTS.keys():
        sys.exit(f"No part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    with_long = os.environ.get("RPAWATCH_BENCH_LONG") == "1"
    return [part for part in PARTS if part in asked] if asked else [p for p in PARTS if p != "long" or with_long]


def _end(number: int, frame: FrameType | None) -> None:
    """Leave by way of every block that ends a process or removes a folder; a second signal must not cut that short."""
    del frame
    for other in ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
