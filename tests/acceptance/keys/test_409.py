from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.api import ACCOUNTS

if TYPE_CHECKING:
    from tests.support.world import World


def test_a_repeated_create_names_the_key_that_there_is_and_shows_no_secret(world: World) -> None:
    headers = world.signed_in("alice") | {"Idempotency-Key": "key-1"}
    body = {"name": "Nightly", "limit": 5}
    first = world.ask("POST", world.account("/keys"), headers=headers, json=body)
    again, appended = world.appended_by(lambda: world.ask("POST", world.account("/keys"), headers=headers, json=body))
    assert (again.status, again.problem) == (409, "already-created")
    assert again.json["resource"] == {name: value for name, value in first.json.items() if name != "key"}
    assert first.json["key"].encode() not in again.body
    assert again.headers["location"] == first.headers["location"]
    assert "make another" in again.json["detail"]
    assert appended == []


def test_the_key_that_was_made_is_shown_as_it_is_by_now(world: World) -> None:
    headers = world.signed_in("alice") | {"Idempotency-Key": "key-1"}
    first = world.ask("POST", world.account("/keys"), headers=headers, json={"name": "Nightly"})
    path = first.headers["location"]
    assert path.startswith(ACCOUNTS)
    assert world.ask("POST", f"{path}/deactivate", headers=world.signed_in("alice")).status == 200
    again = world.ask("POST", world.account("/keys"), headers=headers, json={"name": "Nightly"})
    assert again.json["resource"]["status"] == "deactivated"


def test_a_key_can_not_be_made_for_a_retired_process(world: World) -> None:
    headers = world.signed_in("alice")
    path = world.account(f"/processes/{world.cast.flow_a}")
    assert world.ask("PATCH", path, headers=headers, json={"retired": True}).status == 200
    body = {"name": "x", "flow_id": str(world.cast.flow_a)}
    answer = world.ask("POST", world.account("/keys"), headers=headers, json=body)
    assert (answer.status, answer.problem) == (409, "process-retired")
