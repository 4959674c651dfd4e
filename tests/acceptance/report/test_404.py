from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from tests.support.world import World


def test_a_process_of_another_account_looks_like_one_that_does_not_exist(world: World) -> None:
    foreign, unknown = (
        world.robot().report(flow_id=str(flow_id)).without_request_id for flow_id in (world.cast.flow_b, uuid4())
    )
    assert foreign == unknown
    assert foreign[0] == 404


def test_an_unknown_process_is_named_as_such_and_leaves_a_use_only(world: World) -> None:
    robot = world.robot()
    answer = robot.report(flow_id=str(uuid4()))
    assert (answer.status, answer.problem) == (404, "process-not-found")
    assert answer.headers["ratelimit"] == '"per-key";r=59;t=60'
    assert world.application.kinds(robot.key_id) == ["Created", "Used"]


def test_the_same_flow_id_in_two_accounts_is_two_processes(world: World) -> None:
    world.cast.add_process(world.cast.account_b, world.cast.flow_a)
    jobs = [
        world.robot(account).report(flow_id=str(world.cast.flow_a)).json for account in (None, world.cast.account_b)
    ]
    assert [job["account_id"] for job in jobs] == [str(world.cast.account_a), str(world.cast.account_b)]
