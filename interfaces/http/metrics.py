"""What Prometheus is told: counters and histograms by route and status, and never a key."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from application.store.errors import StoreUnavailableError
from interfaces.http.methods import METHODS
from interfaces.http.operation import Operation, PlainOperations, Success

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import falcon

    from interfaces.bootstrap import Services

_REQUESTS = Counter("rpawatch_requests", "Requests answered", ["method", "route", "status"], registry=None)
_SECONDS = Histogram(
    "rpawatch_request_seconds",
    "Time to answer, in seconds",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=None,
)


def count_together(folder: Path, worker: int) -> None:
    """Keep the counts of this process in a folder that the web processes of one service share, under its number.

    Before the first request is counted. By the number, and not by the process id as the library has it of itself: a
    process that takes the place of one that died goes on counting in its files, so there are never more of them.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer. route: the template, never the path, which is the caller's to choose."""
    count, histogram = _of(method if method in METHODS else "other", route, status)
    count.inc()
    histogram.observe(seconds)


@lru_cache(maxsize=1024)
def _of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return _REQUESTS.labels(method, route, str(status)), _SECONDS.labels(method, route)


class _Projection:
    """How it goes with the read models. Asked for when it is needed, so no process has a value that grows old."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[GaugeMetricFamily]:
        health = self._services.projection_health()
        yield GaugeMetricFamily(
            "rpawatch_projector_lag_events",
            "Events that the read models have not taken in yet",
            value=health.lag_events,
        )
        yield GaugeMetricFamily(
            "rpawatch_projector_working", "Whether a projector keeps the read models up to date", value=not health.error
        )
        yield GaugeMetricFamily(
            "rpawatch_dead_letters", "Events that a read model could not take in", value=health.dead_letters
        )


class _LogTree:
    """How it goes with the proof of the log; nothing while the store can't be asked."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with suppress(StoreUnavailableError):
            behind, unsigned = self._services.log_proofs.health()
            yield GaugeMetricFamily(
                "rpawatch_log_tree_lag_events", "Events that the Merkle tree has not taken in yet", value=behind
            )
            yield GaugeMetricFamily(
                "rpawatch_log_unsigned_events", "Events of the tree that no signed head has yet", value=unsigned
            )


class _Clock:
    """How far this machine's clock is from the database's, which decides."""

    def __init__(self, services: Services) -> None:
        self._clock = services.store_clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the gauges; none before the first measurement."""
        ahead = self._clock.machine_ahead_seconds
        if ahead is not None:
            yield GaugeMetricFamily(
                "rpawatch_clock_offset_seconds",
                "Seconds by which this machine's clock is ahead of the database's, which decides",
                value=ahead,
            )
            yield GaugeMetricFamily(
                "rpawatch_clock_measured_seconds",
                "Seconds since the database's clock was last measured",
                value=self._clock.measured_seconds_ago,
            )


OPERATIONS: list[Operation] = []
PATH = "/metrics"


@PlainOperations(OPERATIONS, "Operation").operation(
    "get", PATH, Success(description="Prometheus' text format.", media_types=("text/plain",))
)
def read_metrics(services: Services, _req: falcon.Request, resp: falcon.Response) -> None:
    """Counters and histograms for Prometheus.

    By route and status; never a key.
    """
    registry = CollectorRegistry()
    if services.shared_folder is None:
        registry.register(_REQUESTS)
        registry.register(_SECONDS)
    else:
        MultiProcessCollector(registry, str(services.shared_folder))  # type: ignore[no-untyped-call]
    registry.register(_Projection(services))
    registry.register(_LogTree(services))
    registry.register(_Clock(services))
    resp.content_type = CONTENT_TYPE_LATEST
    resp.data = generate_latest(registry)
