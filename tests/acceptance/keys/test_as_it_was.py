"""A key as it was at an instant or a version, and what happened to it, replayed from the log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.acceptance.audit.asking import create_key

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

MINUTE = timedelta(minutes=1)


def get(world: World, path: str, by: str = "alice") -> Answer:
    return world.ask("GET", world.account(path), headers=world.signed_in(by))


def found(world: World, path: str, by: str = "alice") -> Any:
    answer = get(world, path, by)
    assert answer.status == 200, answer.body
    return answer.json


def change(world: World, key_id: str, **fields: Any) -> None:
    world.clock.advance(MINUTE)
    answer = world.ask("PATCH", world.account(f"/keys/{key_id}"), headers=world.signed_in("alice"), json=fields)
    assert answer.status == 200, answer.body


def end(world: World, key_id: str) -> None:
    world.clock.advance(MINUTE)
    path = world.account(f"/keys/{key_id}/deactivate")
    assert world.ask("POST", path, headers=world.signed_in("alice"), json={"reason": "lost"}).status == 200


@pytest.fixture
def key_id(world: World) -> str:
    """A key that was made, renamed, limited and ended, a minute apart."""
    made: str = create_key(world)["id"]
    change(world, made, name="Nightly, old")
    change(world, made, limit=7)
    end(world, made)
    return made


def test_a_key_is_shown_as_it_was_after_each_of_its_events(world: World, key_id: str) -> None:
    shown = [found(world, f"/keys/{key_id}?version={version}") for version in (1, 2, 3, 4)]
    assert [one["name"] for one in shown] == ["Nightly run", "Nightly, old", "Nightly, old", "Nightly, old"]
    assert [one["limit"] for one in shown] == [60, 60, 7, 7]
    assert [one["active"] for one in shown] == [True, True, True, False]
    assert [one["as_of"]["version"] for one in shown] == [1, 2, 3, 4]
    now = found(world, f"/keys/{key_id}")
    assert "as_of" not in now
    assert {name: value for name, value in shown[3].items() if name != "as_of"} == now


def test_a_key_is_shown_as_it_was_at_an_instant(world: World, key_id: str) -> None:
    for item in found(world, f"/keys/{key_id}/history")["items"]:
        shown = found(world, f"/keys/{key_id}?as_of={item['at']}")
        assert shown["as_of"] == {"version": item["version"], "at": item["at"]}
    with_zone = quote((world.clock.now - MINUTE).isoformat())
    assert found(world, f"/keys/{key_id}?as_of={with_zone}")["as_of"]["version"] == 3


def test_active_is_what_it_was_then_also_where_an_expiry_was_set_later(world: World) -> None:
    key = create_key(world)["id"]
    expires_at = world.clock.now + 10 * MINUTE
    change(world, key, expires_at=expires_at.isoformat())
    world.clock.advance(30 * MINUTE)
    assert found(world, f"/keys/{key}")["status"] == "expired"
    before = quote((expires_at - MINUTE).isoformat())
    assert found(world, f"/keys/{key}?as_of={before}")["status"] == "expiring"
    assert found(world, f"/keys/{key}?as_of={quote(expires_at.isoformat())}")["status"] == "expired"


def test_the_history_says_who_changed_what_from_what_to_what(world: World, key_id: str) -> None:
    items = found(world, f"/keys/{key_id}/history")["items"]
    assert [item["action"] for item in items] == [
        "api_key.created", "api_key.renamed", "api_key.rate_limit_changed", "api_key.deactivated",
    ]  # fmt: skip
    assert items[1]["changes"] == {"name": ["Nightly run", "Nightly, old"]}
    assert items[2]["changes"] == {"limit": [60, 7]}
    assert {(item["actor"], item["actor_name"], item["actor_kind"]) for item in items} == {
        (world.cast.alice, "Alice", "user")
    }
    assert [item["version"] for item in items] == [1, 2, 3, 4]
    positions = [item["position"] for item in items]
    assert positions == sorted(positions)


def test_uses_are_in_it_on_request(world: World) -> None:
    robot = world.robot()
    robot.report()
    assert [item["action"] for item in found(world, f"/keys/{robot.key_id}/history")["items"]] == ["api_key.created"]
    every = found(world, f"/keys/{robot.key_id}/history?kind=all")["items"]
    assert [item["action"] for item in every] == ["api_key.created", "api_key.used"]
    assert (every[1]["outcome"], every[1]["actor_kind"]) == ("accepted", "key")
    assert every[1]["job_id"] is not None


def test_pages_follow_each_other_without_a_gap(world: World, key_id: str) -> None:
    whole = found(world, f"/keys/{key_id}/history?kind=all")["items"]
    for limit in (1, 2, 3, 4):
        items: list[Any] = []
        path: str | None = f"/keys/{key_id}/history?kind=all&limit={limit}"
        while path is not None:
            page = found(world, path)
            items += page["items"]
            cursor = page["next_cursor"]
            path = cursor and f"/keys/{key_id}/history?kind=all&limit={limit}&cursor={cursor}"
        assert items == whole


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_whoever_sees_the_keys_sees_what_they_were(world: World, key_id: str, name: str) -> None:
    assert found(world, f"/keys/{key_id}?version=1", name)["name"] == "Nightly run"
    assert len(found(world, f"/keys/{key_id}/history", name)["items"]) == 4


@pytest.mark.parametrize("query", ["?version=5", "?version=1000000000000000000", "?as_of=2020-01-01T00:00:00Z"])
def test_a_moment_that_the_key_did_not_have_is_not_found(world: World, key_id: str, query: str) -> None:
    answer = get(world, f"/keys/{key_id}{query}")
    assert (answer.status, answer.problem) == (404, "not-found")


def test_carol_finds_nothing_of_a_key_of_account_a(world: World, key_id: str) -> None:
    own = f"/api/v1/accounts/{world.cast.account_b}/keys"
    for rest in ("?version=1", "?as_of=2126-01-01T00:00:00Z", "/history", "/history?kind=all"):
        theirs, nothing = (
            world.ask("GET", f"{own}/{key}{rest}", headers=world.signed_in("carol")) for key in (key_id, uuid4())
        )
        assert theirs.without_request_id[0] == nothing.without_request_id[0] == 404


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ("?version=0", "version must be from 1"),
        ("?version=x", "version must be from 1"),
        ("?as_of=yesterday", "as_of"),
        ("?as_of=2026-03-10T12:00:00", "as_of"),
        ("?as_of=2026-03-10T12:00:00Z&version=1", "both name a moment"),
        ("?at=2026-03-10T12:00:00Z", "at is not a known parameter"),
        ("/history?kind=some", "kind must be one of"),
        ("/history?cursor=x", "cursor"),
        ("/history?cursor=v0", "cursor"),
        ("/history?limit=0", "limit must be from 1"),
        ("/history?version=1", "version is not a known parameter"),
    ],
)
def test_what_can_not_be_meant_is_refused(world: World, rest: str, named: str) -> None:
    key = create_key(world)["id"]
    answer = get(world, f"/keys/{key}{rest}")
    assert (answer.status, answer.problem) == (422, "invalid-request")
    assert named in answer.json["errors"][0]["message"]
