"""What is measured one by one: a large report, a key that is not in memory, a start; and memory over time."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid5

from application.caller import AccountCaller
from application.ingest import ReadOwnKey
from application.keys import CreateKey
from bench.figures import Figure, Target
from bench.load import TIMEOUT_SECONDS, run
from bench.scenarios import CONNECTIONS, DETAILS
from bench.services import PATH, WATCH_1, WATCH_2, report_body, rpawatch, url
from bench.testbed import free_port
from domain import key_secret
from domain.clock import system_clock
from domain.ids import key_id
from domain.limits import RATE_LIMIT_MAX
from interfaces.bootstrap import Services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from bench.figures import Results
    from bench.services import Contenders
    from bench.testbed import Running

LARGE_DETAILS = 10_000
LARGE_REPORTS = 7
COLD_KEYS = 3
COLD_USES = 10_000
LONG_SECONDS = 600.0
_LONG_STEP_SECONDS = 10.0
_SAMPLE_SECONDS = 0.002
_HTTP_CREATED = 201


def large(contenders: Contenders, seconds: float, results: Results) -> None:
    """Send reports of 10,000 details, one after another."""
    del seconds
    with contenders.running(WATCH_1) as running:
        key = contenders.secrets[0].text
        _post(running, report_body(DETAILS), key)
        contenders.testbed.rest()
        body = report_body(LARGE_DETAILS)
        with _peak_memory(running) as above_rest_mb:
            took = [_post(running, body, key) * 1000 for _ in range(LARGE_REPORTS)]
    results.other["body of the large report, MB"] = len(body) / 1e6
    results.figures += [
        Figure("10,000 details until acknowledged", took, Target("under", 150), "ms", WATCH_1),
        Figure("10,000 details, memory above rest", above_rest_mb, Target("under", 60), "MB", WATCH_1),
    ]


def cold(contenders: Contenders, seconds: float, results: Results) -> None:
    """Send the first request of keys with a long history, just after a start."""
    del seconds
    contenders.watch_database(WATCH_1)
    database = contenders.testbed.create_database("cold", template="watch_1")
    keys = _used_keys(database)
    with contenders.running(WATCH_1, database_url=url(database)) as running:
        for secret in contenders.secrets[:CONNECTIONS]:
            _post(running, report_body(DETAILS), secret.text)
        contenders.testbed.rest()
        took = [_post(running, report_body(DETAILS), key) * 1000 for key in keys]
    results.figures.append(Figure("first request of a key with 10,000 uses", took, Target("under", 20), "ms", WATCH_1))


def _used_keys(conninfo: str) -> list[str]:
    """Return keys that were used often, an hour ago, so that their limits are free again."""

    def clock() -> datetime:
        return system_clock() - timedelta(hours=1)

    secrets = [key_secret.generate() for _ in range(COLD_KEYS)]
    with Services(conninfo, clock=clock, threads=CONNECTIONS) as services:
        tenant = services.begin().tenant_id
        account = uuid5(tenant, "account:default")

        def use(stream: UUID) -> None:
            answer = services.command_queue.execute(ReadOwnKey(key_id=stream)).result
            if answer.error is not None:
                raise answer.error

        for secret in secrets:
            services.command_queue.execute(
                CreateKey(
                    by=AccountCaller(tenant_id=tenant, account_id=account),
                    secret=secret,
                    name="Cold",
                    limit=RATE_LIMIT_MAX,
                )
            )
        streams = [key_id(secret.sha256_hex) for secret in secrets]
        # One key after the other in each round, so that those that are decided together are of different keys.
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            for _ in threads.map(use, streams * COLD_USES):
                pass
    return [secret.text for secret in secrets]


def start(contenders: Contenders, seconds: float, results: Results) -> None:
    """Time the second start on a data directory, from the command to the first answer."""
    del seconds
    environment = {"RPAWATCH_DATA_DIR": str(contenders.testbed.folder / "start"), "RPAWATCH_LOG_LEVEL": "warning"}
    took = []
    for _ in range(4):
        port = free_port()
        listen = {"RPAWATCH_LISTEN": f"127.0.0.1:{port}"}
        began = time.perf_counter()
        with contenders.testbed.run([rpawatch(), "serve"], port, environment | listen, "/health/live"):
            took.append(time.perf_counter() - began)
    results.other["first start to first answer, s"] = took[0]
    results.figures.append(Figure("second start to first answer", took[1:], unit="s", of="RPA Watch"))


def long(contenders: Contenders, seconds: float, results: Results) -> None:
    """Watch memory over ten minutes of load, and how it grows."""
    del seconds
    memory = []
    with contenders.running(WATCH_2) as running:
        requests = contenders.requests(WATCH_2, report_body(DETAILS))
        for _ in range(int(LONG_SECONDS / _LONG_STEP_SECONDS)):
            load = run(running.address, requests, connections=CONNECTIONS, seconds=_LONG_STEP_SECONDS)
            if set(load.statuses) != {_HTTP_CREATED}:
                raise RuntimeError(f"{WATCH_2} answered {load.answers}")
            memory.append(running.memory_mb())
    results.other["memory of a web process every 10 s of load, MB"] = memory
    warm = memory[len(memory) // 10 :]  # caches and pools fill first
    minutes = [number * _LONG_STEP_SECONDS / 60 for number in range(len(warm))]
    slope = statistics.linear_regression(minutes, warm).slope
    results.figures += [
        Figure("memory after 10 minutes of load", [memory[-1]], Target("under", 200), "MB", WATCH_2),
        Figure("growth of memory under load", [slope], unit="MB a minute", of=WATCH_2),
    ]


def _post(running: Running, body: bytes, key: str) -> float:
    """Send one report and return how long it took, in seconds. Raises RuntimeError when it is not taken."""
    connection = http.client.HTTPConnection(*running.address, timeout=TIMEOUT_SECONDS)
    connection.connect()
    began = time.perf_counter()
    connection.request("POST", PATH, body, {"X-API-Key": key, "Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    took = time.perf_counter() - began
    connection.close()
    if answer.status != _HTTP_CREATED:
        raise RuntimeError(f"RPA Watch answered {answer.status}: {said[:400]!r}")
    return took


@contextmanager
def _peak_memory(running: Running) -> Iterator[list[float]]:
    """Sample the memory of the service's processes; at the end the list holds the most above what it was, in MB."""
    rest = peak = running.memory_mb_of_all()
    processes = running.processes()
    end = threading.Event()
    above: list[float] = []

    def sample() -> None:
        nonlocal peak
        while not end.wait(_SAMPLE_SECONDS):
            peak = max(peak, sum(process.memory_info().rss for process in processes) / 1e6)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield above
    finally:
        end.set()
        thread.join()
        above.append(peak - rest)
