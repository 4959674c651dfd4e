"""What a process knows of the projector: its own, or somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from application.store.errors import StoreUnavailableError
from interfaces.bootstrap import Services
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def without_projector(database_url: str) -> Iterator[Services]:
    """The service as a web process has it of several."""
    with Services(database_url, threads=2) as services:
        yield services.begin()


def test_a_process_without_a_projector_tells_how_far_the_one_of_another_is(
    without_projector: Services, database_url: str
) -> None:
    end = without_projector.event_sourcing.recorder.last_position()
    behind = without_projector.projection_health()
    assert (behind.log_position, behind.lag_events) == (end, end - behind.position)
    with Services(database_url, threads=2) as other:
        other.begin().follow()
        wait_until(lambda: without_projector.projection_health().position == end, "the other one is seen to catch up")
    health = without_projector.projection_health()
    assert (health.lag_events, health.error) == (0, None)


def test_a_process_without_a_projector_says_so_when_it_can_not_ask_and_what_it_saw_last(
    without_projector: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = without_projector.projection_health()

    def away() -> None:
        raise StoreUnavailableError("connection refused by 10.0.0.7")

    monkeypatch.setattr(without_projector.database, "get_connection", away)
    health = without_projector.projection_health()
    assert health.error
    assert "10.0.0.7" not in health.error
    assert (health.position, health.log_position) == (seen.position, seen.log_position)
