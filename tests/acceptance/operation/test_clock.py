"""Guarantee 40: a machine whose clock is off says so, and harms nobody."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from application.store.clock import OFF_SECONDS

if TYPE_CHECKING:
    from tests.support.world import World


def gauge(world: World, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", world.ask("GET", "/metrics").body.decode(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


@pytest.mark.parametrize("off", [65.0, -65.0, 86_400.0, -86_400.0])
def test_a_machine_whose_clock_is_off_says_so_and_stays_ready(
    world: World, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    monkeypatch.setattr(world.services.store_clock, "_wall", lambda: time.time() + off)
    answer = world.ask("GET", "/health/ready")
    assert (answer.status, answer.json["status"]) == (200, "ok")
    where = "ahead of" if off > 0 else "behind"
    assert re.match(rf"this machine's clock is {abs(off):,.0f}\.\d s {where} the database's", answer.json["clock"])
    assert abs(gauge(world, "rpawatch_clock_offset_seconds") - off) < OFF_SECONDS
    assert world.robot().report().status == 201


def test_a_machine_whose_clock_is_right_says_nothing(world: World) -> None:
    assert "clock" not in world.ask("GET", "/health/ready").json
    assert abs(gauge(world, "rpawatch_clock_offset_seconds")) < OFF_SECONDS
    assert gauge(world, "rpawatch_clock_measured_seconds") >= 0
