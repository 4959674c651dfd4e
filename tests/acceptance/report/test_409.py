from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def change(world: World, *, retired: bool) -> Answer:
    path = world.account(f"/processes/{world.cast.flow_a}")
    return world.ask("PATCH", path, headers=world.signed_in("alice"), json={"retired": retired})


def test_a_retired_process_takes_no_jobs_until_it_is_restored(world: World) -> None:
    robot = world.robot()
    assert change(world, retired=True).status == 200
    answer = robot.report()
    assert (answer.status, answer.problem) == (409, "process-retired")
    assert answer.headers["ratelimit"] == '"per-key";r=59;t=60'
    assert change(world, retired=False).status == 200
    assert robot.report().status == 201


def test_a_job_that_was_reported_before_is_confirmed_also_after_its_process_was_retired(world: World) -> None:
    robot = world.robot()
    first = robot.report({"Idempotency-Key": "job-1"})
    assert change(world, retired=True).status == 200
    again = robot.report({"Idempotency-Key": "job-1"})
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["idempotent-replayed"] == "true"


def test_a_retired_process_of_another_account_is_still_not_found(world: World) -> None:
    assert change(world, retired=True).status == 200
    answer = world.robot(world.cast.account_b).report(flow_id=str(world.cast.flow_a))
    assert (answer.status, answer.problem) == (404, "process-not-found")
