from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


@pytest.mark.parametrize("rest", ["", "/details", "/details?status=failed"])
def test_a_job_of_another_account_looks_like_one_that_does_not_exist(world: World, rest: str) -> None:
    theirs = world.robot(world.cast.account_b).report().json["job_id"]
    world.wait_for_lists()
    foreign, unknown, no_job = (
        world.ask("GET", world.account(f"/jobs/{id_}{rest}"), headers=world.signed_in("alice"))
        for id_ in (theirs, uuid4(), world.cast.flow_a)
    )
    assert (foreign.status, foreign.problem) == (404, "not-found")
    assert foreign.without_request_id == unknown.without_request_id == no_job.without_request_id


@pytest.mark.parametrize("name", ["bob", "con"])
@pytest.mark.parametrize("rest", ["", "/details"])
@pytest.mark.parametrize("is_shown", [True, False])
def test_so_does_a_job_of_a_process_that_is_not_ones_own(world: World, name: str, rest: str, *, is_shown: bool) -> None:
    job = world.robot().report(flow_id=str(world.cast.other_flow_a)).json["job_id"]
    if is_shown:
        world.wait_for_lists()
    foreign, unknown = (
        world.ask("GET", world.account(f"/jobs/{id_}{rest}"), headers=world.signed_in(name)) for id_ in (job, uuid4())
    )
    assert (foreign.status, foreign.problem) == (404, "not-found")
    assert foreign.without_request_id == unknown.without_request_id


@pytest.mark.parametrize("path", ["", "/{job}", "/{job}/details", "?q=x", "?cursor=x"])
@pytest.mark.parametrize("name", ["carol", "stranger"])
def test_to_a_stranger_an_account_with_jobs_looks_like_none(world: World, name: str, path: str) -> None:
    job = world.robot().report().json["job_id"]
    headers = world.signed_in(name)
    real, unknown = (
        world.ask("GET", world.account(f"/jobs{path.format(job=job)}", of=account), headers=headers)
        for account in (world.cast.account_a, uuid4())
    )
    assert (real.status, real.problem) == (404, "not-found")
    assert real.without_request_id == unknown.without_request_id


@pytest.mark.parametrize("written", ["x", "{hex}", "urn:uuid:{uuid}"])
def test_only_the_plain_spelling_of_an_id_is_one(world: World, written: str) -> None:
    job = world.robot().report().json["job_id"]
    path = world.account(f"/jobs/{written.format(uuid=job, hex=job.replace('-', ''))}")
    assert world.ask("GET", path, headers=world.signed_in("alice")).status == 404
