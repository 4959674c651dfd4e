"""What Prometheus is told: counters and histograms by route and status, and never a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    import falcon

    from interfaces.bootstrap import Services

REGISTRY = CollectorRegistry()
_REQUESTS = Counter("rpawatch_requests", "Requests answered", ["method", "route", "status"], registry=REGISTRY)
_SECONDS = Histogram(
    "rpawatch_request_seconds",
    "Time to answer, in seconds",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
_LAG = Gauge("rpawatch_projector_lag_events", "Events that the read models have not taken in yet", registry=REGISTRY)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer. route: the template, never the path, which is the caller's to choose."""
    method = method if method in _METHODS else "other"
    _REQUESTS.labels(method, route, str(status)).inc()
    _SECONDS.labels(method, route).observe(seconds)


class Metrics:
    """`GET /metrics`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer in Prometheus' text format."""
        del req
        _LAG.set(self._services.projector_health().lag_events)
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = generate_latest(REGISTRY)
