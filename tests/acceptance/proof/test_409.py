"""What no signed head has yet is said to have no proof yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.limits import POSITION_MAX
from projections.log_tree.follower import TreeFollower
from tests.acceptance.audit.asking import create_key, listed

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World

AUDIT = "/api/v1/audit"


def test_an_event_that_came_after_the_last_head_has_no_proof_yet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.wait_for_head()
    monkeypatch.setattr(TreeFollower, "_add_head", lambda *_: None)
    key = create_key(world)
    position = listed(world, resource=key["id"])[0]["position"]
    for path in (f"{AUDIT}/proof/inclusion?position={position}", world.account(f"/audit/{position}/proof")):
        answer = world.ask("GET", path, headers=world.signed_in("tess"))
        assert (answer.status, answer.problem) == (409, "no-proof-yet")
        assert "each minute" in answer.json["detail"]


def test_a_size_of_which_no_head_was_signed_has_none(world: World) -> None:
    world.wait_for_head()
    answer = world.ask("GET", f"{AUDIT}/proof/inclusion?position=1&size=123456789", headers=world.signed_in("aud"))
    assert (answer.status, answer.problem) == (409, "no-proof-yet")
    assert "123456789" in answer.json["detail"]


def test_a_tree_that_is_larger_than_the_one_there_is_has_none(world: World) -> None:
    world.wait_for_head()
    path = f"{AUDIT}/proof/consistency?from=1&to={POSITION_MAX}"
    answer = world.ask("GET", path, headers=world.signed_in("aud"))
    assert (answer.status, answer.problem) == (409, "no-proof-yet")
