from __future__ import annotations

from typing import TYPE_CHECKING

from domain.permissions import Role

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def remove(world: World, user_id: str) -> Answer:
    return world.ask("DELETE", world.account(f"/members/{user_id}"), headers=world.signed_in("alice"))


def test_who_is_removed_is_a_stranger_from_their_next_request_on(world: World) -> None:
    world.cast.add_member(world.cast.bob, Role.ACCOUNT_USER, world.cast.account_b)
    bob = world.signed_in("bob")
    assert world.ask("GET", world.account("/processes"), headers=bob).status == 200
    answer = remove(world, world.cast.bob)
    assert (answer.status, answer.body) == (204, b"")
    assert world.ask("GET", world.account("/processes"), headers=bob).status == 404
    members = world.ask("GET", world.account("/members"), headers=world.signed_in("alice")).json["items"]
    assert [item["user_id"] for item in members] == [world.cast.alice]


def test_what_they_are_elsewhere_stays(world: World) -> None:
    world.cast.add_member(world.cast.bob, Role.ACCOUNT_USER, world.cast.account_b)
    assert remove(world, world.cast.bob).status == 204
    path = world.account("/processes", of=world.cast.account_b)
    assert world.ask("GET", path, headers=world.signed_in("bob")).status == 200


def test_who_comes_back_sees_no_process_that_they_saw_before(world: World) -> None:
    world.people.sign_up("bob")
    assert remove(world, world.cast.bob).status == 204
    body = {"email": "bob@example.com", "role": "account_user"}
    answer = world.ask("POST", world.account("/members"), headers=world.signed_in("tess"), json=body)
    assert (answer.status, answer.json["user_id"]) == (201, world.cast.bob)
    assert world.ask("GET", world.account("/processes"), headers=world.signed_in("bob")).json["items"] == []


def test_an_admin_may_leave_and_then_has_no_more_to_say(world: World) -> None:
    assert remove(world, world.cast.alice).status == 204
    assert remove(world, world.cast.bob).status == 404
