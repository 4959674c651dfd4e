"""The projector is a process beside the web process; whichever one works, the lists show everything once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from projections.keys.listing import KEY_LIST
from tests.support.effort import effort, in_time
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.conftest import Pair
    from tests.support.service import Installation, Service

TAKES_OVER_SECONDS_MAX = in_time(5.0)
"""Of the design: a stand-by works so soon after the projector that worked is gone."""


def projector_of(service: Service) -> psutil.Process | None:
    """Return the projector that a service keeps running, if it runs now."""
    with suppress(psutil.Error):
        for child in psutil.Process(service.process.pid).children():
            with suppress(psutil.Error):
                if "interfaces.serving.projector_process" in child.cmdline():
                    return child
    return None


def running_projector(service: Service) -> psutil.Process:
    wait_until(lambda: projector_of(service), "a projector runs")
    found = projector_of(service)
    assert found
    return found


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def lag(service: Service) -> int:
    """Return how many events the lists lack, as the service says."""
    for line in service.ask("GET", "/metrics").body.decode().splitlines():
        if line.startswith("rpawatch_projector_lag_events "):
            return int(float(line.split()[1]))
    raise AssertionError("the metric is not there")


def test_a_projector_that_is_killed_is_started_again_and_the_lists_catch_up(
    installation: Installation, service: Service
) -> None:
    desk = installation.desk()
    for _ in range(effort(2, 20)):
        killed = running_projector(service)
        killed.kill()
        wait_until(lambda killed=killed: not is_alive(killed), "it is dead")  # type: ignore[misc] # bound
        desk.robot()
        assert running_projector(service).pid != killed.pid
        wait_until(service.is_ready, "ready")
        wait_until(lambda: lag(service) == 0, "the lists show all")


def test_a_service_that_is_killed_leaves_no_projector_behind(installation: Installation, service: Service) -> None:
    projector = running_projector(service)
    service.kill()
    wait_until(lambda: not is_alive(projector), "it has ended")
    installation.running(1)


def test_a_service_that_ends_has_ended_its_projector(installation: Installation, service: Service) -> None:
    projector = running_projector(service)
    assert service.stop()[0] == 0
    assert not is_alive(projector)
    installation.running(1)


def test_readiness_says_so_when_no_projector_looks_at_the_log(service: Service) -> None:
    wait_until(service.is_ready, "ready")
    projector = running_projector(service)
    projector.suspend()
    try:
        wait_until(lambda: not service.is_ready(), "it is noticed")
        answer = service.ask("GET", "/health/ready")
        assert (answer.status, answer.json["status"]) == (503, "unavailable")
        assert answer.json["projector"].startswith("No projector has looked at the log for ")
        assert service.ask("GET", "/health/live").status == 200
    finally:
        projector.resume()
    wait_until(service.is_ready, "ready again")


@pytest.mark.parametrize("how", ["projector", "service"])
def test_when_the_one_that_works_is_killed_the_other_takes_over_and_counts_nothing_twice(
    installation: Installation, pair: Pair, how: str
) -> None:
    desk = installation.desk()
    robot = desk.robot(limit=10_000)
    asked = 0
    # One of the two works, and the other stands by. Each is killed in turn, so the one that works is too.
    for victim, survivor in [pair, pair[::-1]] * effort(1, 5):
        wait_until(lambda: all(map(projector_of, pair)), "both have a projector")
        if how == "projector":
            running_projector(victim).kill()
        else:
            victim.kill()
        for _ in range(20):
            assert replace(robot, ask=survivor.ask).look().status == 200
            asked += 1
        wait_until(lambda there=survivor: lag(there) == 0, "the lists show all", seconds_max=TAKES_OVER_SECONDS_MAX)  # type: ignore[misc] # bound
        installation.running(2)
    with psycopg.connect(installation.conninfo()) as connection:
        row = connection.execute(
            f"SELECT uses FROM rpawatch_lists.{KEY_LIST.name} WHERE key_id = %s",
            (robot.key_id,),
        ).fetchone()
    assert row == (asked,)
