"""`rpawatch processes`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

if TYPE_CHECKING:
    from tests.interfaces.cli.conftest import Rpawatch


def test_a_registered_process_is_in_the_list(store: Rpawatch, account: str) -> None:
    made = store("processes", "register", "Invoice entry", "--account", account, "--json")
    assert made.code == 0
    assert UUID(made.json["flow_id"]).version == 4
    assert store("processes", "list", "--account", account, "--json").json == {"items": [made.json]}


def test_a_process_can_bring_its_own_flow_id(store: Rpawatch, account: str) -> None:
    flow_id = str(uuid4())
    made = store("processes", "register", "Invoice entry", "--flow-id", flow_id, "--account", account, "--json")
    assert made.json["flow_id"] == flow_id
    again = store("processes", "register", "Other name", "--flow-id", flow_id, "--account", account)
    assert again.code == 1
    assert again.line == f"This exists already: {flow_id}. Use what is there, or another id."


def test_a_process_is_renamed_retired_and_restored(store: Rpawatch, account: str, flow: str) -> None:
    assert store("processes", "rename", flow, "Invoices", "--account", account, "--json").json["name"] == "Invoices"
    assert store("processes", "retire", flow, "--account", account, "--json").json["retired_at"]
    assert store("processes", "restore", flow, "--account", account, "--json").json["retired_at"] is None


@pytest.mark.parametrize("change", [("rename", "New name"), ("retire",), ("restore",)])
def test_a_process_of_another_account_is_not_there(store: Rpawatch, flow: str, change: tuple[str, ...]) -> None:
    other = store("accounts", "create", f"Other {uuid4().hex}", "--json").json["id"]
    refused = store("processes", change[0], flow, *change[1:], "--account", other)
    assert refused.code == 1
    assert refused.line.startswith("There is nothing here, or nothing that you may see.")


def test_an_empty_list_says_so_and_prints_nothing(store: Rpawatch, account: str) -> None:
    listed = store("processes", "list", "--account", account)
    assert (listed.code, listed.out, listed.line) == (0, "", "There are none.")
    assert store("processes", "list", "--account", account, "--json").json == {"items": []}


def test_what_is_no_flow_id_is_wrong_usage(store: Rpawatch, account: str) -> None:
    refused = store("processes", "retire", "invoices", "--account", account)
    assert refused.code == 2
    assert refused.usage_error == (
        "Invalid value for 'FLOW_ID': must be a UUID, as in 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11"
    )


def test_lists_of_more_than_a_page_are_whole(store: Rpawatch, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.paging.PAGE_ITEMS_MAX", 2)
    for number in range(5):
        store("processes", "register", f"Process {number}", "--account", account)
    names = [item["name"] for item in store("processes", "list", "--account", account, "--json").json["items"]]
    assert names == [f"Process {number}" for number in range(5)]
