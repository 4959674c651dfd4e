from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import ACCOUNTS

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def open_account(world: World, name: str = "Finance", *, by: str = "tess", key: str | None = None) -> Answer:
    headers = world.signed_in(by) | ({"Idempotency-Key": key} if key else {})
    return world.ask("POST", ACCOUNTS, headers=headers, json={"name": name})


def test_a_tenant_admin_opens_an_account_and_sees_it_in_the_list_at_once(world: World) -> None:
    answer = open_account(world)
    assert answer.status == 201
    account_id = answer.json["id"]
    opened_at = world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert answer.json == {"id": account_id, "name": "Finance", "opened_at": opened_at, "suspended_at": None}
    assert answer.headers["location"] == f"{ACCOUNTS}/{account_id}"
    assert "x-lists-behind" not in answer.headers
    listed = world.ask("GET", f"{ACCOUNTS}?limit=200", headers=world.signed_in("tess")).json["items"]
    assert answer.json in listed


@pytest.mark.parametrize(
    ("sent", "kept"), [("  Finance ", "Finance"), ("財務部 🤖", "財務部 🤖"), ("ä" * 200, "ä" * 200)]
)
def test_its_name_is_kept_without_the_space_around_it(world: World, sent: str, kept: str) -> None:
    assert open_account(world, sent).json["name"] == kept


def test_two_accounts_may_have_one_name(world: World) -> None:
    assert open_account(world).json["id"] != open_account(world).json["id"]


def test_a_repeat_with_the_same_idempotency_key_is_the_same_account(world: World) -> None:
    key = str(world.cast.account_a)
    first = open_account(world, key=key)
    again, appended = world.appended_by(lambda: open_account(world, key=key))
    assert (again.status, again.body, again.headers["location"]) == (201, first.body, first.headers["location"])
    assert again.headers["idempotent-replayed"] == "true"
    assert appended == []
