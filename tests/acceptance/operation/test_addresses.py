"""The service on several addresses, and its metrics on one of their own, as `rpawatch serve` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import OWN_KEY, OverSocket
from tests.support.service import Installation, free_port
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=["1", "2"], ids=["one process", "two web processes"])
def places(request: pytest.FixtureRequest) -> Iterator[dict[str, OverSocket]]:
    """The service's addresses: of IPv4, of IPv6, and of the metrics."""
    ports = [free_port() for _ in "123"]
    with Installation(WORKERS=request.param) as installation:
        listen = f"127.0.0.1:{ports[0]},[::1]:{ports[1]}"
        service = installation.service(RPAWATCH_LISTEN=listen, RPAWATCH_METRICS_LISTEN=f"127.0.0.1:{ports[2]}")
        service.ask = OverSocket(("127.0.0.1", ports[0]))
        service.start()
        wait_until(service.is_ready, "the service is ready")
        said = service.said()
        assert f"RPA Watch listens on http://127.0.0.1:{ports[0]} and http://[::1]:{ports[1]}" in said
        assert f"Metrics: http://127.0.0.1:{ports[2]}/metrics" in said
        yield {
            "IPv4": service.ask,
            "IPv6": OverSocket(("::1", ports[1])),
            "metrics": OverSocket(("127.0.0.1", ports[2])),
        }


@pytest.mark.parametrize("place", ["IPv4", "IPv6"])
def test_everything_is_at_each_address_but_the_metrics(places: dict[str, OverSocket], place: str) -> None:
    ask = places[place]
    for path, status in {
        "/health/live": 200,
        "/health/ready": 200,
        "/sign-in": 200,
        OWN_KEY: 401,
        "/metrics": 404,
    }.items():
        for _ in range(4):
            assert ask("GET", path).status == status, path
    assert ask("HEAD", "/metrics").status == 404


def test_the_metrics_and_nothing_else_are_at_their_own_and_count_what_was_asked_elsewhere(
    places: dict[str, OverSocket],
) -> None:
    places["IPv6"]("GET", "/problems/not-found")
    ask = places["metrics"]
    for _ in range(4):
        answer = ask("GET", "/metrics")
        assert answer.status == 200
        assert b'route="/problems/{slug}",status="200"' in answer.body
    assert ask("HEAD", "/metrics").status == 200
    for path in ("/", "/health/live", "/sign-in", OWN_KEY, "/openapi.json", "//metrics", "/metrics/"):
        refused = ask("GET", path)
        assert (refused.status, refused.problem) == (404, "not-found"), path
