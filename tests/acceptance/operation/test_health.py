from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from application.store.errors import StoreUnavailableError
from projections.health import ProjectionHealth
from projections.keys.listing import KEY_LIST
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.support.world import World


def test_a_healthy_service_says_so(world: World) -> None:
    wait_until(lambda: world.ask("GET", "/health/ready").status == 200, "readiness")
    for path in ("/health/live", "/health/ready"):
        answer = world.ask("GET", path)
        assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_without_its_store_it_lives_and_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise StoreUnavailableError("connection refused by 10.0.0.7")

    monkeypatch.setattr(world.services.database, "ping", away)
    answer = world.ask("GET", "/health/ready")
    assert (answer.status, answer.json["status"]) == (503, "unavailable")
    assert "PostgreSQL" in answer.json["store"]
    assert b"10.0.0.7" not in answer.body
    assert answer.headers["retry-after"] == "1"
    assert world.ask("GET", "/health/live").status == 200


@pytest.mark.parametrize(
    "health",
    [
        ProjectionHealth(7, 9, error="No projector has looked at the log for 17 seconds."),
        ProjectionHealth(0, 20_000),
    ],
)
def test_with_lists_that_are_not_kept_up_it_is_not_ready(
    world: World, monkeypatch: pytest.MonkeyPatch, health: ProjectionHealth
) -> None:
    monkeypatch.setattr(world.services, "projection_health", lambda: health)
    answer = world.ask("GET", "/health/ready")
    assert (answer.status, answer.json["status"]) == (503, "unavailable")
    assert answer.json["projector"]


def test_what_lists_lack_is_told_and_does_not_send_reports_elsewhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = ProjectionHealth(9, 9, incomplete=(KEY_LIST.name,), dead_letters=3)
    monkeypatch.setattr(world.services, "projection_health", lambda: health)
    answer = world.ask("GET", "/health/ready")
    assert (answer.status, answer.json) == (
        200,
        {"status": "ok", "incomplete_lists": [KEY_LIST.name], "dead_letters": 3},
    )
