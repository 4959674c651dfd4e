"""`rpawatch projections`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from projections.accounts import ACCOUNT_LIST
from projections.read_models import READ_MODELS
from projections.rebuild import REBUILT
from tests.interfaces.cli.commands import environment, run_on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.interfaces.cli.conftest import Rpawatch

NAMES = {model.name for model in READ_MODELS}


@pytest.fixture
def owner(served_url: str) -> Iterator[psycopg.Connection]:
    """The owner of the database, who may do what no command does."""
    with psycopg.connect(served_url, autocommit=True) as connection:
        yield connection


def test_the_status_has_every_read_model_and_how_far_it_is(store: Rpawatch, account: str) -> None:
    store("accounts", "list")  # waits until the lists show all
    shown = store("projections", "status", "--json")
    assert (shown.code, shown.err) == (0, "")
    document = shown.json
    assert (document["error"], document["dead_letters"], document["unused"]) == (None, [], [])
    assert {item["name"] for item in document["items"]} == NAMES
    assert {item["complete"] for item in document["items"]} == {True}
    assert {item["behind"] for item in document["items"]} == {0}
    assert account


def test_rebuilt_lists_are_the_same(store: Rpawatch, account: str) -> None:
    before = store("accounts", "list", "--json").json
    rebuilt = store("projections", "rebuild", "--json")
    assert rebuilt.code == 0
    assert {item["name"] for item in rebuilt.json["items"]} == NAMES
    assert store("accounts", "list", "--json").json == before
    assert account in str(before)


@pytest.mark.parametrize("name", [ACCOUNT_LIST.name, "account_list"])
def test_one_can_be_rebuilt_by_name(store: Rpawatch, name: str) -> None:
    rebuilt = store("projections", "rebuild", name, "--json")
    assert [item["name"] for item in rebuilt.json["items"]] == [ACCOUNT_LIST.name]


@pytest.mark.parametrize("command", ["rebuild", "verify"])
def test_a_name_that_there_is_not_is_wrong_usage_and_the_others_are_told(store: Rpawatch, command: str) -> None:
    refused = store("projections", command, "nosuch_v1")
    assert refused.code == 2
    assert refused.line.startswith("There is no read model nosuch_v1. There are: ")
    assert ACCOUNT_LIST.name in refused.line


def test_a_check_of_sound_lists_finds_nothing(store: Rpawatch, account: str) -> None:
    checked = store("projections", "verify", "--json")
    assert checked.code == 0
    assert checked.json["items"] == []
    assert checked.json["rows"] > 0
    assert checked.line.endswith(" read models: 0 differ.")
    people = store("projections", "verify")
    assert (people.code, people.out) == (0, "")
    assert account


def test_a_check_finds_a_row_that_was_changed_and_a_rebuild_puts_it_right(
    store: Rpawatch, account: str, owner: psycopg.Connection
) -> None:
    (account_id,) = [
        item["id"] for item in store("accounts", "list", "--json").json["items"] if item["name"] == account
    ]
    altered = f"UPDATE rpawatch_lists.{ACCOUNT_LIST.name} SET name = 'Altered' WHERE account_id = %s"
    owner.execute(altered, (account_id,))
    found = store("projections", "verify", "--json")
    assert found.code == 1
    assert found.json["items"] == [{"read_model": ACCOUNT_LIST.name, "key": [account_id], "kind": "different"}]
    assert "rpawatch projections rebuild" in found.err
    assert store("projections", "rebuild", ACCOUNT_LIST.name).code == 0
    assert store("projections", "verify").code == 0


def test_tables_of_other_releases_are_told_and_dropped(store: Rpawatch, owner: psycopg.Connection) -> None:
    for name in ("account_list_v0", "account_list_v0" + REBUILT):
        owner.execute(f"CREATE TABLE rpawatch_lists.{name} (account_id uuid)".encode())
        owner.execute(f"ALTER TABLE rpawatch_lists.{name} OWNER TO rpawatch_projector".encode())
        owner.execute(
            "INSERT INTO rpawatch_lists.positions (name, position, is_complete) VALUES (%s, 0, true)", (name,)
        )
    shown = store("projections", "status", "--json")
    assert shown.json["unused"] == ["account_list_v0", "account_list_v0" + REBUILT]
    assert "rpawatch projections clean" in shown.err
    cleaned = store("projections", "clean", "--json")
    assert cleaned.json == {"items": [{"name": name} for name in shown.json["unused"]]}
    assert store("projections", "clean").line == "There are none."
    assert store("projections", "status", "--json").json["unused"] == []


@pytest.mark.parametrize(("command", "words"), [("rebuild", "Rebuilding"), ("verify", "Reading the log")])
def test_a_terminal_shows_how_far_it_is(
    store: Rpawatch, account: str, served_url: str, tmp_path: Path, command: str, words: str
) -> None:
    store("accounts", "list")  # waits until the lists show all
    settings = environment(TERM="xterm", RPAWATCH_DATABASE_URL=served_url, RPAWATCH_LOG_LEVEL="error")
    ran = run_on_terminal("projections", command, folder=tmp_path, env=settings)
    assert ran.code == 0, ran.err
    assert words in ran.err
    assert account
