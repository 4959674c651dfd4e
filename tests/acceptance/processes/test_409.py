from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.world import World


def test_an_id_that_the_account_has_already_is_not_registered_again(world: World) -> None:
    body = {"name": "Other", "flow_id": str(world.cast.flow_a)}
    answer, appended = world.appended_by(
        lambda: world.ask("POST", world.account("/processes"), headers=world.signed_in("alice"), json=body)
    )
    assert (answer.status, answer.problem) == (409, "already-created")
    assert "secret" not in answer.json["detail"]
    assert appended == []


def test_an_id_of_another_account_is_free(world: World) -> None:
    body = {"name": "Other", "flow_id": str(world.cast.flow_b)}
    path = world.account("/processes")
    assert world.ask("POST", path, headers=world.signed_in("alice"), json=body).status == 201
