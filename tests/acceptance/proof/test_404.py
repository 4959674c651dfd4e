"""What is not there, or of another account, is not proven to whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.audit.asking import create_key, listed

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True

AUDIT = "/api/v1/audit"


@pytest.mark.parametrize(
    "path",
    [
        "0/001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/0",
        "0/x000/000",
        "0/000/000",
        "0/x001/x234/067",
        "0/000.p/1/2",
        "1/000",
        "63/000",
        "8/000.p/1",
        "64/000",
        "-1/000",
        "00/000",
        "entries/001",
        "entries/000",
        "data/000",
        "0/..%2f..%2f",
        "0/٠٠٠",
    ],
)
def test_a_tile_that_the_tree_has_not_is_not_found(world: World, path: str) -> None:
    world.wait_for_head()
    answer = world.ask("GET", f"{AUDIT}/tile/{path}", headers=world.signed_in("aud"))
    assert (answer.status, answer.problem) == (404, "not-found")


def test_an_event_that_the_log_has_not_is_not_found(world: World) -> None:
    world.wait_for_head()
    beyond = world.application.position() + 1000
    answer = world.ask("GET", f"{AUDIT}/proof/inclusion?position={beyond}", headers=world.signed_in("aud"))
    assert (answer.status, answer.problem) == (404, "not-found")


def test_carol_gets_no_proof_of_what_happened_in_account_a(world: World) -> None:
    key = create_key(world)
    world.wait_for_head()
    position = listed(world, resource=key["id"])[0]["position"]
    theirs = world.ask("GET", world.account(f"/audit/{position}/proof"), headers=world.signed_in("carol"))
    own = f"/api/v1/accounts/{world.cast.account_b}/audit/{{}}/proof"
    through_own = world.ask("GET", own.format(position), headers=world.signed_in("carol"))
    nothing = world.ask("GET", own.format(position + 10_000_000), headers=world.signed_in("carol"))
    assert {answer.status for answer in (theirs, through_own, nothing)} == {404}
    assert through_own.without_request_id[0] == nothing.without_request_id[0]


@pytest.mark.parametrize("position", ["0", "x", "-1", "1.5", "9" * 19, "9" * 400, "%D9%A1"])
def test_a_position_that_is_none_is_not_found(world: World, position: str) -> None:
    answer = world.ask("GET", world.account(f"/audit/{position}/proof"), headers=world.signed_in("alice"))
    assert (answer.status, answer.problem) == (404, "not-found")
