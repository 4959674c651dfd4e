"""How it is printed and written down."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench.scenarios import CONNECTIONS, DETAILS, ROUNDS
from bench.services import GUNICORN_THREADS, GUNICORN_WORKERS, KEYS, THROTTLE_CACHE

if TYPE_CHECKING:
    from bench.figures import Figure, Results, Turn

PATH = Path(__file__).parent / "results" / "latest.json"


def show(results: Results, seconds: float) -> None:
    """Print the table of figures and the one of throughput."""
    # As wide as the tables need, also where there is no terminal.
    out = Console(highlight=False, width=max(Console().width, 160))
    if results.turns:
        title = f"{CONNECTIONS} connections, {KEYS} keys, {DETAILS} details, fsync on, {ROUNDS} rounds of {seconds:g} s"
        out.print(_throughput(results, title))
    out.print(_figures(results.figures))
    for name, value in results.other.items():
        if isinstance(value, float):
            out.print(f"{name}: {value:.2f}")


def write(results: Results, seconds: float) -> None:
    """Write everything as JSON."""
    PATH.parent.mkdir(exist_ok=True)
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()},
        "settings": {
            "round_seconds": seconds,
            "rounds": ROUNDS,
            "connections": CONNECTIONS,
            "keys": KEYS,
            "details": DETAILS,
            "gunicorn": f"gthread, {GUNICORN_WORKERS} workers of {GUNICORN_THREADS} threads",
            "throttle_cache": THROTTLE_CACHE,
        },
        "figures": [figure.as_json() for figure in results.figures],
        "memory_mb": results.memory_mb,
        "other": results.other,
        "rounds": {name: [_turn_json(turn) for turn in turns] for name, turns in results.turns.items()},
    }
    PATH.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _turn_json(turn: Turn) -> dict[str, Any]:
    document = asdict(turn)
    del document["load"]["answers"]
    return document


def _throughput(results: Results, title: str) -> Table:
    table = Table("service", title=title)
    for column in ("requests/s", "p50 ms", "p99 ms", "errors", "CPU µs", "PostgreSQL µs", "load µs", "MB"):
        table.add_column(column, justify="right")
    for name, turns in results.turns.items():
        memory = results.memory_mb.get(name)
        table.add_row(
            name,
            f"{statistics.median(turn.load.requests_per_second for turn in turns):,.0f}",
            f"{statistics.median(turn.load.p50 for turn in turns) * 1000:.1f}",
            f"{statistics.median(turn.load.p99 for turn in turns) * 1000:.1f}",
            "0",  # an answer that was not expected ends the run
            f"{statistics.median(turn.service_cpu_us for turn in turns):.0f}",
            f"{statistics.median(turn.postgres_cpu_us for turn in turns):.0f}",
            f"{statistics.median(turn.load.load_cpu_us for turn in turns):.0f}",
            "" if memory is None else f"{memory:.0f}",
        )
    return table


def _figures(figures: list[Figure]) -> Table:
    table = Table("figure", "of", "target", title="Measured in one run, in turns; ratios are paired round by round")
    for column in ("median", "range", "met"):
        table.add_column(column, justify="right")
    for figure in figures:
        unit = f" {figure.unit}" if figure.unit else ""
        met = "" if figure.target is None else "yes" if figure.target.is_met(figure.median) else "no"
        spread = f"{min(figure.values):.2f} to {max(figure.values):.2f}" if len(figure.values) > 1 else ""
        table.add_row(
            figure.name,
            figure.of,
            f"{figure.target.sense} {figure.target.value:g}{unit}" if figure.target else "",
            f"{figure.median:.2f}{unit}",
            spread,
            met,
        )
    return table
