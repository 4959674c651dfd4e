"""`make bench`: one table of ratios from one run, in turns, with medians; the figures go to bench/results/latest.json.

Machines are shared and noisy, so compare ratios, not figures of different runs.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import psutil
from rich.console import Console
from rich.table import Table

from application.accounts import RegisterProcess
from application.keys import CreateKey
from application.store.embedded import EmbeddedPostgres
from bench.load import Load, post, run
from domain import key_secret
from domain.limits import RATE_LIMIT_MAX
from interfaces.bootstrap import Services, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 16
KEYS = 300
ROUNDS = 5
SECONDS = float(os.environ.get("RPAWATCH_BENCH_SECONDS", "4"))
FLOW = UUID("4de713a3-1a07-4282-8885-dfbaa7869a31")
PATH = "/api/v1/ingest/report"
_START_SECONDS_MAX = 60.0
_RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Measure, print the table, and write the figures."""
    with tempfile.TemporaryDirectory(prefix="rpawatch-bench-") as folder:
        Path(folder).chmod(0o711)
        keys = _prepare(Path(folder))
        with _service(Path(folder)) as (service, process), _bare() as bare:
            figures = _compare(service, bare, keys)
            figures["report of 10,000 details"] = _large_report(service, process, keys[0])
            figures["memory of the service, MB"] = _memory_mb(process)
        figures["second start to first answer, s"] = _start_seconds(Path(folder))
    _print(figures)
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _prepare(folder: Path) -> list[str]:
    """Return keys of one account whose limits are out of the way."""
    secrets = [key_secret.generate() for _ in range(KEYS)]
    with EmbeddedPostgres(folder) as embedded:
        migrate(embedded.conninfo)
        with Services(embedded.conninfo, threads=2) as services:
            tenant = services.begin().tenant_id
            account = uuid5(tenant, "account:default")
            services.door.execute(RegisterProcess(tenant_id=tenant, account_id=account, flow_id=FLOW, name="Bench"))
            for number, secret in enumerate(secrets):
                services.door.execute(
                    CreateKey(
                        tenant_id=tenant, account_id=account, secret=secret, name=f"Key {number}", limit=RATE_LIMIT_MAX
                    )
                )
    return [secret.text for secret in secrets]


@contextmanager
def _service(folder: Path) -> Iterator[tuple[tuple[str, int], psutil.Process]]:
    port = _free_port()
    settings = {
        "RPAWATCH_DATA_DIR": str(folder),
        "RPAWATCH_LISTEN": f"127.0.0.1:{port}",
        "RPAWATCH_LOG_LEVEL": "warning",
    }
    command = [str(Path(sys.executable).with_name("rpawatch")), "serve"]
    with _running(command, port, os.environ | settings) as process:
        yield ("127.0.0.1", port), psutil.Process(process.pid)


@contextmanager
def _bare() -> Iterator[tuple[str, int]]:
    port = _free_port()
    with _running([sys.executable, "-m", "bench.bare", str(port)], port, dict(os.environ)):
        yield "127.0.0.1", port


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for_answer(port)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for_answer(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _compare(service: tuple[str, int], bare: tuple[str, int], keys: list[str]) -> dict[str, Any]:
    body = json.dumps(_report(3)).encode()
    requests = [post(PATH, body, {"X-API-Key": key}) for key in keys]
    loads: dict[str, list[Load]] = {"RPA Watch": [], "bare Falcon on waitress": []}
    for turn in range(ROUNDS + 1):
        for name, address in (("RPA Watch", service), ("bare Falcon on waitress", bare)):
            load = run(address, requests, connections=CONNECTIONS, seconds=SECONDS)
            if set(load.statuses) != {201}:
                raise RuntimeError(f"{name} answered {load.statuses}")
            if turn:  # the first one warms up
                loads[name].append(load)
    ratios = [
        ours.requests_per_second / theirs.requests_per_second for ours, theirs in zip(*loads.values(), strict=True)
    ]
    return {
        "reports/s": {
            name: statistics.median(load.requests_per_second for load in many) for name, many in loads.items()
        },
        "ratio, RPA Watch to bare": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "rounds": {name: [asdict(load) for load in many] for name, many in loads.items()},
    }


def _large_report(address: tuple[str, int], process: psutil.Process, key: str) -> dict[str, float]:
    body = json.dumps(_report(10_000)).encode()
    before = _memory_mb(process)
    seconds = []
    for _ in range(ROUNDS):
        request = urllib.request.Request(
            f"http://127.0.0.1:{address[1]}{PATH}",
            body,
            {"X-API-Key": key, "Content-Type": "application/json"},
        )
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own service
            answer.read()
        seconds.append(time.perf_counter() - began)
    return {
        "body, MB": len(body) / 1e6,
        "median, ms": statistics.median(seconds) * 1000,
        "memory above rest, MB": _memory_mb(process) - before,
    }


def _start_seconds(folder: Path) -> float:
    began = time.perf_counter()
    with _service(folder):
        return time.perf_counter() - began


def _report(details: int) -> dict[str, Any]:
    return {
        "flow_id": str(FLOW),
        "robot_id": "robot-7",
        "started_at": "2026-03-10T21:43:51.863Z",
        "finished_at": "2026-03-10T21:48:51.863Z",
        "target": "SAP",
        "source": "Excel Import",
        "result_summary": "Records processed",
        "details": [
            {
                "sequence_no": number,
                "record_id": f"REC-{number:05}",
                "record_name": f"Record {number}",
                "status": "failed" if number % 3 else "success",
                "result": "Created successfully",
            }
            for number in range(1, details + 1)
        ],
    }


def _memory_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _print(figures: dict[str, Any]) -> None:
    table = Table(
        "", "reports/s", "p50 ms", "p99 ms", title=f"{CONNECTIONS} connections, {KEYS} keys, 3 details, fsync on"
    )
    for name, loads in figures["rounds"].items():
        table.add_row(
            name,
            f"{figures['reports/s'][name]:.0f}",
            f"{statistics.median(load['p50'] for load in loads) * 1000:.1f}",
            f"{statistics.median(load['p99'] for load in loads) * 1000:.1f}",
        )
    out = Console()
    out.print(table)
    ratio = figures["ratio, RPA Watch to bare"]
    out.print(f"RPA Watch to bare Falcon: {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})")
    for name in ("report of 10,000 details", "memory of the service, MB", "second start to first answer, s"):
        value = figures[name]
        shown = ", ".join(f"{k} {v:.1f}" for k, v in value.items()) if isinstance(value, dict) else f"{value:.2f}"
        out.print(f"{name}: {shown}")


if __name__ == "__main__":
    main()
