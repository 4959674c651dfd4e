from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from application.accounts import OpenAccount
from tests.support.api import ACCOUNTS

if TYPE_CHECKING:
    from tests.support.world import World


def ids(world: World, name: str, query: str = "?limit=200") -> list[str]:
    answer = world.ask("GET", ACCOUNTS + query, headers=world.signed_in(name))
    assert answer.status == 200, answer.body
    return [item["id"] for item in answer.json["items"]]


def test_members_see_the_accounts_that_they_are_a_member_of(world: World) -> None:
    a, b = str(world.cast.account_a), str(world.cast.account_b)
    for name, sees_a, sees_b in (("alice", True, False), ("bob", True, False), ("carol", False, True)):
        assert (a in ids(world, name), b in ids(world, name)) == (sees_a, sees_b), name


@pytest.mark.parametrize("name", ["tess", "aud", "con"])
def test_who_has_a_role_in_the_tenant_sees_all_accounts(world: World, name: str) -> None:
    assert {str(world.cast.account_a), str(world.cast.account_b)} <= set(ids(world, name))


def test_who_is_no_member_of_any_sees_an_empty_list(world: World) -> None:
    answer = world.ask("GET", ACCOUNTS, headers=world.signed_in("stranger"))
    assert (answer.status, answer.json) == (200, {"items": [], "next_cursor": None})


def open_accounts(world: World, *names: str) -> None:
    for name in names:
        answer = world.ask("POST", ACCOUNTS, headers=world.signed_in("tess"), json={"name": name})
        assert answer.status == 201


def test_a_page_leads_to_the_next_one_until_all_were_seen_once(world: World) -> None:
    open_accounts(world, "Émile", "émile", "Zoë 🤖", "an account")
    headers = world.signed_in("tess")
    path, seen, names = f"{ACCOUNTS}?limit=3", [], []
    while path:
        answer = world.ask("GET", path, headers=headers)
        assert len(answer.json["items"]) <= 3
        seen += [item["id"] for item in answer.json["items"]]
        names += [item["name"] for item in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        path = f"{ACCOUNTS}?limit=3&cursor={quote(cursor)}" if cursor else ""
        assert answer.headers.get("link") == (f'<{path}>; rel="next"' if cursor else None)
    assert len(seen) == len(set(seen)) > 3
    assert set(seen) == set(ids(world, "tess"))
    assert [name for name in names if name in {"an account", "Zoë 🤖"}][:2] == ["an account", "Zoë 🤖"]


def test_an_account_that_is_opened_meanwhile_moves_no_page(world: World) -> None:
    open_accounts(world, "m 1", "m 2", "m 3")
    headers = world.signed_in("tess")
    first = world.ask("GET", f"{ACCOUNTS}?limit=2", headers=headers).json
    world.application.execute(
        OpenAccount(by=world.cast.caller(), new_account_id=world.cast.flow_a, name="0 comes first")
    )
    second = world.ask("GET", f"{ACCOUNTS}?limit=200&cursor={first['next_cursor']}", headers=headers).json
    assert not {item["id"] for item in first["items"]} & {item["id"] for item in second["items"]}


@pytest.mark.parametrize("size", [1, 50, 200])
def test_a_page_may_have_from_1_to_200_items(world: World, size: int) -> None:
    assert len(ids(world, "tess", f"?limit={size}")) <= size
