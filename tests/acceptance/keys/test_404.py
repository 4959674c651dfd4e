from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


@pytest.mark.parametrize(("method", "path"), [("GET", "/keys/{}"), ("POST", "/keys/{}/deactivate")])
def test_a_key_of_another_account_looks_like_one_that_does_not_exist(world: World, method: str, path: str) -> None:
    robot = world.robot(world.cast.account_b)
    headers = world.signed_in("alice")
    foreign, unknown, no_key = (
        world.ask(method, world.account(path.format(key_id)), headers=headers)
        for key_id in (robot.key_id, uuid4(), world.cast.account_a)
    )
    assert (foreign.status, foreign.problem) == (404, "not-found")
    assert foreign.without_request_id == unknown.without_request_id == no_key.without_request_id
    assert robot.look().status == 200


@pytest.mark.parametrize("name", ["tess", "aud"])
def test_also_who_sees_both_accounts_finds_it_only_in_its_own(world: World, name: str) -> None:
    robot = world.robot(world.cast.account_b)
    statuses = [
        world.ask("GET", world.account(f"/keys/{robot.key_id}", of=account), headers=world.signed_in(name)).status
        for account in (world.cast.account_a, world.cast.account_b)
    ]
    assert statuses == [404, 200]


@pytest.mark.parametrize("foreign", [True, False])
def test_a_key_can_not_be_made_for_a_process_that_is_not_the_accounts(world: World, *, foreign: bool) -> None:
    body: dict[str, Any] = {"name": "x", "flow_id": str(world.cast.flow_b if foreign else uuid4())}
    answer, appended = world.appended_by(
        lambda: world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json=body)
    )
    assert (answer.status, answer.problem) == (404, "process-not-found")
    assert appended == []
