from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.world import World


def test_members_are_listed_with_what_they_are_in_the_account_itself(world: World) -> None:
    world.people.sign_up("bob")
    answer = world.ask("GET", world.account("/members"), headers=world.signed_in("alice"))
    assert answer.status == 200
    listed = {item["user_id"]: item for item in answer.json["items"]}
    assert listed.keys() == {world.cast.alice, world.cast.bob}, "roles in the tenant are not listed here"
    assert listed[world.cast.bob] == {
        "user_id": world.cast.bob,
        "account_id": str(world.cast.account_a),
        "email": "bob@example.com",
        "name": "Bob",
        "roles": ["account_user"],
        "password": None,
        "first_password_until": None,
    }, "whom the tenant vouched for is nobody whose password is told here"


def test_members_come_in_pages_too(world: World) -> None:
    _ = world.cast.bob
    headers = world.signed_in("alice")
    first = world.ask("GET", world.account("/members?limit=1"), headers=headers)
    second = world.ask("GET", world.account(f"/members?limit=1&cursor={first.json['next_cursor']}"), headers=headers)
    assert {answer.json["items"][0]["user_id"] for answer in (first, second)} == {world.cast.alice, world.cast.bob}
    assert second.json["next_cursor"] is None
    assert "link" not in second.headers
