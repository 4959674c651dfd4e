"""`rpawatch accounts`, and how every command finds its account."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.clock import FakeClock
from tests.support.running import another_process

if TYPE_CHECKING:
    from tests.interfaces.cli.conftest import Rpawatch


def test_a_created_account_is_in_the_list(store: Rpawatch) -> None:
    made = store("accounts", "create", "  Finance north ", "--json")
    assert made.code == 0
    assert made.json["name"] == "Finance north"
    listed = store("accounts", "list", "--json")
    assert made.json in listed.json["items"]
    assert listed.err == ""


def test_people_see_a_table_with_whole_ids(store: Rpawatch, account: str) -> None:
    listed = store("accounts", "list")
    assert listed.code == 0
    [row] = [line for line in listed.out.splitlines() if account in line]
    [found] = [item for item in store("accounts", "list", "--json").json["items"] if item["name"] == account]
    assert row.startswith(found["id"])


@pytest.mark.parametrize("name", ["[red]x", "[/]", "[link=https://example.com]y[/link]", ":smile:"])
def test_a_name_that_looks_like_markup_comes_out_as_it_is(store: Rpawatch, name: str) -> None:
    assert name in store("accounts", "create", name).out
    assert name in store("accounts", "list").out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (" ", "Name must not be blank."),
        ("a\nb", "Name must not hold control characters."),
        ("x" * 201, "Name must have at most 200 characters."),
        ("\udce4", "Name must be UTF-8; check the terminal's encoding."),
    ],
)
def test_a_bad_name_is_refused(store: Rpawatch, name: str, message: str) -> None:
    refused = store("accounts", "create", name)
    assert (refused.code, refused.out, refused.line) == (1, "", message)


def test_settings_are_shown_and_changed(store: Rpawatch, account: str) -> None:
    assert store("accounts", "settings", "--account", account, "--json").json["keep_addresses"] is True
    off = store("accounts", "settings", "--account", account, "--keep-addresses", "off", "--json")
    assert off.json["keep_addresses"] is False
    assert "Keep addresses  no" in store("accounts", "settings", "--account", account).out
    on = store("accounts", "settings", "--account", account, "--keep-addresses", "on", "--json")
    assert on.json["keep_addresses"] is True


def test_what_is_done_at_the_command_line_is_recorded_without_an_address(store: Rpawatch, served_url: str) -> None:
    with another_process(served_url, FakeClock()) as log:
        before = log.position()
        for arguments in (
            ("accounts", "create", "Nowhere"),
            ("processes", "register", "Invoices", "--account", "Nowhere"),
            ("keys", "create", "Nightly run", "--account", "Nowhere"),
        ):
            assert store(*arguments).code == 0
        appended = log.log_after(before)
    assert [row.topic for row in appended] == ["account.opened", "process.registered", "api_key.created"]
    assert not any(b"address" in row.state for row in appended)


def test_an_account_is_found_by_its_id(store: Rpawatch, account: str) -> None:
    [found] = [item for item in store("accounts", "list", "--json").json["items"] if item["name"] == account]
    assert store("accounts", "settings", "--account", found["id"], "--json").json["name"] == account


@pytest.mark.parametrize("wanted", ["No such account", str(uuid4()), ""])
def test_an_unknown_account_is_refused(store: Rpawatch, wanted: str) -> None:
    refused = store("accounts", "settings", "--account", wanted)
    assert (refused.code, refused.out) == (1, "")
    assert refused.line == f"There is no account {wanted}. `rpawatch accounts list` shows those that there are."


def test_a_name_that_several_accounts_have_is_refused_with_their_ids(store: Rpawatch) -> None:
    ids = {store("accounts", "create", "Twin", "--json").json["id"] for _ in range(2)}
    refused = store("accounts", "settings", "--account", "Twin")
    assert refused.code == 1
    assert refused.line.startswith("2 accounts are named Twin.")
    assert all(id_ in refused.line for id_ in ids)


def test_with_several_accounts_one_has_to_be_named(store: Rpawatch, account: str) -> None:
    refused = store("keys", "create", "Nightly run")
    assert refused.code == 2
    assert refused.line.startswith("There are ")
    assert account in refused.line
    assert refused.line.endswith("Say which with --account.")
