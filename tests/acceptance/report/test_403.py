from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from tests.support.world import World


def test_a_key_for_one_process_can_not_report_another_one_of_its_account(world: World) -> None:
    robot = world.robot(flow_id=world.cast.flow_a)
    answer = robot.report(flow_id=str(world.cast.other_flow_a))
    assert (answer.status, answer.problem) == (403, "key-scope")
    assert answer.headers["ratelimit"] == '"per-key";r=59;t=60'
    assert world.application.kinds(robot.key_id) == ["Created", "Used"]


def test_a_key_for_one_process_learns_nothing_of_processes_elsewhere(world: World) -> None:
    robot = world.robot(flow_id=world.cast.flow_a)
    foreign, unknown = robot.report(flow_id=str(world.cast.flow_b)), robot.report(flow_id=str(uuid4()))
    assert (foreign.status, foreign.problem) == (unknown.status, unknown.problem) == (404, "process-not-found")
