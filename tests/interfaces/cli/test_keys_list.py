"""`rpawatch keys list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.interfaces.cli.conftest import Rpawatch


def create(store: Rpawatch, account: str, name: str) -> str:
    made = store("keys", "create", name, "--account", account, "--json")
    assert made.code == 0
    key_id: str = made.json["id"]
    return key_id


def listed(store: Rpawatch, account: str, *options: str) -> list[str]:
    shown = store("keys", "list", "--account", account, "--json", *options)
    assert shown.code == 0, shown.err
    return [item["name"] for item in shown.json["items"]]


def test_a_key_is_in_the_list_as_it_is_shown(store: Rpawatch, account: str) -> None:
    key_id = create(store, account, "Nightly run")
    shown = store("keys", "show", key_id, "--json").json
    [item] = store("keys", "list", "--account", account, "--json").json["items"]
    uses = item.pop("uses_by_hour")
    assert item.pop("uses_of_a_day") == 0
    assert item == shown
    assert len(uses) == 24
    assert {name: hour[name] for hour in uses for name in hour if name != "hour"} == {
        "accepted": 0,
        "replayed": 0,
        "rejected": 0,
        "throttled": 0,
    }


def test_those_that_have_ended_are_listed_on_request(store: Rpawatch, account: str) -> None:
    create(store, account, "Goes on")
    ended = create(store, account, "Has ended")
    assert store("keys", "deactivate", ended).code == 0
    assert listed(store, account) == ["Goes on"]
    assert listed(store, account, "--inactive") == ["Has ended"]
    assert listed(store, account, "--all", "--sort=-name") == ["Has ended", "Goes on"]


def test_they_are_searched_and_filtered(store: Rpawatch, account: str, flow: str) -> None:
    for name in ("Invoice bot", "Nightly run"):
        create(store, account, name)
    store("keys", "create", "Scoped", "--process", flow, "--account", account)
    assert listed(store, account, "--search", "inv") == ["Invoice bot"]
    assert listed(store, account, "--process", flow) == ["Scoped"]
    assert listed(store, account, "--unused-for", "1") == []


@pytest.mark.parametrize("options", [("--sort", "uses"), ("--unused-for", "-1"), ("--process", "x")])
def test_what_can_not_be_is_wrong_usage(store: Rpawatch, account: str, options: tuple[str, ...]) -> None:
    assert store("keys", "list", "--account", account, *options).code == 2


def test_people_see_a_table_with_the_uses_of_a_day(store: Rpawatch, account: str) -> None:
    create(store, account, "Nightly run")
    shown = store("keys", "list", "--account", account)
    assert "Uses in 24 h" in shown.out
    assert "Nightly run" in shown.out
