from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def ask(world: World, query: str = "", *, by: str = "alice") -> Answer:
    return world.ask("GET", world.account(f"/keys{query}"), headers=world.signed_in(by))


def listed(world: World, query: str = "", *, by: str = "alice") -> list[dict[str, Any]]:
    answer = ask(world, query, by=by)
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def create(world: World, **body: Any) -> dict[str, Any]:
    answer = world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json={"name": "Key"} | body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


def time_text(world: World) -> str:
    return world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_a_key_is_listed_as_it_is_shown_by_itself_at_once(world: World) -> None:
    made = create(world, name="Invoice bot")
    shown = {name: value for name, value in made.items() if name != "key"}
    assert listed(world) == [shown]
    path = world.account(f"/keys/{made['id']}")
    changed = world.ask("PATCH", path, headers=world.signed_in("alice"), json={"name": "Renamed", "limit": 7}).json
    assert listed(world) == [changed]
    ended = world.ask("POST", f"{path}/deactivate", headers=world.signed_in("alice"), json={"reason": "Lost"}).json
    assert listed(world) == [ended]
    assert (ended["active"], ended["status"]) == (False, "deactivated")


def test_a_key_that_was_created_used_and_deactivated_shows_the_time_of_its_use(world: World) -> None:
    robot = world.robot()
    world.clock.advance(timedelta(minutes=3))
    used_at = time_text(world)
    assert robot.report().status == 201
    world.clock.advance(timedelta(minutes=3))
    path = world.account(f"/keys/{robot.key_id}/deactivate")
    ended = world.ask("POST", path, headers=world.signed_in("alice"), json={})
    assert ended.headers.get("x-lists-behind") is None
    assert listed(world) == [ended.json]
    assert (ended.json["last_used_at"], ended.json["uses"], ended.json["status"]) == (used_at, 1, "deactivated")


def test_no_secret_is_in_the_list(world: World) -> None:
    secret = create(world)["key"]
    assert secret.encode() not in ask(world).body


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_who_may_read_keys_sees_all_of_the_account_and_no_others(world: World, name: str) -> None:
    mine = create(world)["id"]
    world.robot(world.cast.account_b)
    assert [item["id"] for item in listed(world, by=name)] == [mine]


def test_those_that_let_requests_in_can_be_told_from_those_that_have_ended(world: World) -> None:
    open_ended = create(world, name="A")["id"]
    expires_at = (world.clock.now + timedelta(minutes=5)).isoformat()
    expiring = create(world, name="B", expires_at=expires_at)["id"]

    def ids(query: str) -> list[str]:
        return [item["id"] for item in listed(world, query)]

    assert ids("?active=true") == [open_ended, expiring]
    assert ids("?active=false") == []
    # Nothing happens but that time passes.
    world.clock.advance(timedelta(minutes=5))
    assert ids("?active=true") == [open_ended]
    assert ids("?active=false") == [expiring]
    assert listed(world, "?active=false")[0]["status"] == "expired"


def test_keys_are_found_by_words_and_prefix_by_scope_and_by_how_long_they_were_not_used(world: World) -> None:
    scoped = create(world, name="Invoice bot, SAP", flow_id=str(world.cast.flow_a))
    plain = create(world, name="Nightly run")

    def ids(query: str) -> set[str]:
        return {item["id"] for item in listed(world, query)}

    assert ids("?q=invoice") == ids("?q=sap%20inv") == ids(f"?q={scoped['prefix']}") == {scoped["id"]}
    assert ids("?q=nothing") == ids("?q=%00") == ids("?q=---") == set()
    assert ids(f"?scope={world.cast.flow_a}") == {scoped["id"]}
    assert ids(f"?scope={uuid4()}") == set()
    world.clock.advance(timedelta(days=10))
    create(world, name="New")
    assert ids("?unused_for=9") == {scoped["id"], plain["id"]}
    assert ids("?unused_for=11") == set()
    assert ids("?unused_for=9&q=night&active=true") == {plain["id"]}


@pytest.mark.parametrize("sort", ["name", "created_at", "last_used_at", "expires_at"])
def test_an_order_and_its_reverse_in_pages_are_the_same_keys(world: World, sort: str) -> None:
    for number in range(5):
        create(world, name=f"Key {number % 2}")
        world.clock.advance(timedelta(minutes=1))

    def pages(order: str) -> list[str]:
        found: list[str] = []
        path = world.account(f"/keys?limit=2&sort={order}")
        while True:
            answer = world.ask("GET", path, headers=world.signed_in("alice"))
            found += [item["id"] for item in answer.json["items"]]
            if answer.json["next_cursor"] is None:
                return found
            path = answer.headers["link"].removeprefix("<").partition(">")[0]

    up = pages(sort)
    assert len(set(up)) == 5
    assert pages(f"-{sort}") == up[::-1]


def test_a_cursor_of_another_order_is_refused(world: World) -> None:
    for _ in range(2):
        create(world)
    cursor = ask(world, "?limit=1").json["next_cursor"]
    assert ask(world, f"?limit=1&cursor={cursor}").status == 200
    answer = ask(world, f"?limit=1&sort=-name&cursor={cursor}")
    assert (answer.status, answer.problem) == (422, "invalid-request")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?active=yes", "active must be true or false"),
        ("?scope=mine", "scope must be a UUID"),
        ("?unused_for=-1", "unused_for must be from 0 to 36500"),
        ("?unused_for=36501", "unused_for must be from 0 to 36500"),
        ("?unused_for=1.5", "unused_for must be from 0 to 36500"),
        (f"?unused_for={'9' * 5000}", "unused_for must be from 0 to 36500"),
        ("?q=", "q must have 1 to 200 characters"),
        ("?q=%20", "q must not be blank"),
        (f"?q={'x' * 201}", "q must have 1 to 200 characters"),
        ("?sort=uses", "sort must be one of name, -name"),
        ("?sort=", "sort must be one of name, -name"),
        ("?cursor=x", "cursor must be a next_cursor of this list"),
        ("?limit=0", "limit must be from 1 to 200"),
        ("?order=name", "order is not a known parameter"),
    ],
)
def test_a_parameter_that_can_not_be_taken_is_named(world: World, query: str, message: str) -> None:
    answer = ask(world, query)
    assert (answer.status, answer.problem) == (422, "invalid-request")
    assert answer.errors[""].startswith(message)


def test_a_search_of_the_longest_text_is_answered(world: World) -> None:
    assert listed(world, f"?q={'x' * 200}") == []
    assert listed(world, "?q=" + "%20".join("abcdefghij" * 2)) == []
