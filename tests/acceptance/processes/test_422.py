from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/name": "is required"}),
        ({"name": "x", "flow_id": "x"}, {"/flow_id": "must be a UUID"}),
        ({"name": 1, "flow_id": 1}, {"/name": "must be a string", "/flow_id": "must be a UUID"}),
        ({"name": "x", "retired": True}, {"/retired": "is not a known field"}),
    ],
)
def test_what_is_wrong_with_a_process_is_told_field_by_field(world: World, body: Any, errors: dict[str, str]) -> None:
    answer = world.ask("POST", world.account("/processes"), headers=world.signed_in("alice"), json=body)
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"retired": "true"}, {"/retired": "must be true or false"}),
        ({"retired": 1}, {"/retired": "must be true or false"}),
        ({"name": ""}, {"/name": "must have at least 1 character"}),
        ({"flow_id": None}, {"/flow_id": "is not a known field"}),
    ],
)
def test_what_is_wrong_with_a_change_is_told_field_by_field(world: World, body: Any, errors: dict[str, str]) -> None:
    path = world.account(f"/processes/{world.cast.flow_a}")
    answer, appended = world.appended_by(lambda: world.ask("PATCH", path, headers=world.signed_in("alice"), json=body))
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)
    assert appended == []


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_parameter_that_is_not_known_is_refused(world: World, method: str) -> None:
    path = world.account("/processes" if method == "POST" else f"/processes/{world.cast.flow_a}")
    answer = world.ask(method, f"{path}?dry_run=true", headers=world.signed_in("alice"), json={"name": "x"})
    assert (answer.status, answer.errors) == (422, {"": "dry_run is not a known parameter"})
