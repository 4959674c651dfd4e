from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.api import REPORT

if TYPE_CHECKING:
    from tests.support.world import World


def count(world: World, **labels: str) -> float:
    text = world.ask("GET", "/metrics").body.decode()
    wanted = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    found = re.search(rf"^rpawatch_requests_total\{{{re.escape(wanted)}\}} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_answers_are_counted_by_route_and_status(world: World) -> None:
    before = count(world, method="POST", route=REPORT, status="201")
    world.robot().report()
    assert count(world, method="POST", route=REPORT, status="201") == before + 1


def test_what_strangers_write_makes_no_new_series(world: World) -> None:
    for path in ("/strange/1", "/strange/2", f"/api/v1/accounts/{world.cast.flow_b}/keys/{world.cast.flow_a}"):
        world.ask("GET", path)
    text = world.ask("GET", "/metrics").body.decode()
    for strange in ("strange", str(world.cast.flow_a), str(world.cast.flow_b)):
        assert strange not in text


def test_times_to_answer_and_the_lag_of_lists_are_there(world: World) -> None:
    answer = world.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"rpawatch_request_seconds_bucket" in answer.body
    assert b"rpawatch_projector_lag_events" in answer.body
