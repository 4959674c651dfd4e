"""`rpawatch keys deactivate --leaked`: the end of every key that a file names."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from domain import key_secret
from interfaces.cli.keys import leaked as leaked_keys
from tests.support.keys_to_find import near_misses

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interfaces.cli.conftest import Rpawatch


@pytest.fixture
def keys(store: Rpawatch, account: str) -> list[dict[str, Any]]:
    """Three keys, as they were shown when they were made."""
    return [store("keys", "create", f"Bot {number}", "--account", account, "--json").json for number in range(3)]


def reason_of(store: Rpawatch, key_id: str) -> str | None:
    shown = store("keys", "show", key_id, "--json").json
    reason: str | None = shown["deactivation_reason"]
    assert shown["active"] is (reason is None)
    return reason


def test_all_keys_of_a_file_are_ended_and_no_other(store: Rpawatch, keys: list[dict[str, Any]], tmp_path: Path) -> None:
    first, second, other = keys
    unknown = key_secret.generate().text
    text = f"key={first['key']}\r\n\0\xff{second['key']} {first['key']}\n{unknown}\n{near_misses(other['key'])}"
    (tmp_path / "paste.txt").write_text(text, encoding="latin-1", errors="replace")
    ended = store("keys", "deactivate", "--leaked", "paste.txt", "--json")
    assert (ended.code, ended.line) == (0, "2 deactivated, 1 unknown here.")
    assert [(item["outcome"], item["prefix"], item["name"]) for item in ended.json["items"]] == [
        ("deactivated", first["prefix"], "Bot 0"),
        ("deactivated", second["prefix"], "Bot 1"),
        ("unknown here", unknown[7:15], None),
    ]
    assert [item["key_id"] for item in ended.json["items"][:2]] == [first["id"], second["id"]]
    assert [reason_of(store, key["id"]) for key in keys] == ["Leaked", "Leaked", None]
    assert all(key["key"][16:] not in ended.out + ended.err for key in keys)


def test_again_changes_nothing(store: Rpawatch, keys: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "paste.txt").write_text(keys[0]["key"], encoding="utf-8")
    assert store("keys", "deactivate", "--leaked", "paste.txt", "--reason", "Stood in a ticket").code == 0
    before = store("keys", "show", keys[0]["id"], "--json").json
    again = store("keys", "deactivate", "--leaked", "paste.txt")
    assert (again.code, again.line) == (0, "1 was deactivated before.")
    [heading, _, line] = again.out.splitlines()
    assert heading.split() == ["Prefix", "Id", "Name", "What", "happened"]
    assert line.split("  ")[0] == keys[0]["prefix"]
    assert "was deactivated before" in line
    assert store("keys", "show", keys[0]["id"], "--json").json == before
    assert before["deactivation_reason"] == "Stood in a ticket"


def test_standard_input_will_do(store: Rpawatch, keys: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(keys[2]["key"].encode())))
    assert store("keys", "deactivate", "--leaked", "-").code == 0
    assert reason_of(store, keys[2]["id"]) == "Leaked"


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_file_without_a_key_is_a_failure(store: Rpawatch, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "paste.txt").write_text(" ".join(near_misses(key_secret.generate().text)), encoding="utf-8")
    failed = store("keys", "deactivate", "--leaked", "paste.txt", *options)
    assert failed.code == 1
    assert failed.err.splitlines()[-1].startswith("No whole key stands there, so none was deactivated.")
    assert not options or failed.json == {"items": [], "more": 0}


def test_keys_of_another_installation_are_a_failure(store: Rpawatch, tmp_path: Path) -> None:
    (tmp_path / "paste.txt").write_text(key_secret.generate().text, encoding="utf-8")
    failed = store("keys", "deactivate", "--leaked", "paste.txt", "--json")
    assert failed.code == 1
    assert failed.line.startswith("None of these keys is known here, so none was deactivated.")
    assert [item["outcome"] for item in failed.json["items"]] == ["unknown here"]


@pytest.mark.parametrize("arguments", [(), (str(uuid4()), "--leaked", "paste.txt")])
def test_one_of_an_id_and_a_file_is_needed(store: Rpawatch, arguments: tuple[str, ...]) -> None:
    refused = store("keys", "deactivate", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.line.startswith("Say which key: KEY_ID, or --leaked FILE")


@pytest.mark.parametrize(("file", "reason"), [("missing", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_can_not_be_read_is_one_line(store: Rpawatch, file: str, reason: str) -> None:
    failed = store("keys", "deactivate", "--leaked", file)
    assert (failed.code, failed.out) == (1, "")
    assert failed.line.startswith(f"Can't read {file} ({reason}).")


def test_a_key_given_as_the_file_is_not_repeated(store: Rpawatch) -> None:
    key = key_secret.generate().text
    failed = store("keys", "deactivate", "--leaked", key)
    assert failed.code == 1
    assert key[16:] not in failed.err


def test_too_long_a_reason_ends_no_key(store: Rpawatch, keys: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "paste.txt").write_text(keys[0]["key"], encoding="utf-8")
    refused = store("keys", "deactivate", "--leaked", "paste.txt", "--reason", "x" * 501)
    assert (refused.code, refused.line) == (1, "Reason must have at most 500 characters.")
    assert reason_of(store, keys[0]["id"]) is None


def test_of_very_many_keys_all_are_ended_and_some_listed(
    store: Rpawatch, keys: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaked_keys, "ITEMS_MAX", 2)
    (tmp_path / "paste.txt").write_text("\n".join(key["key"] for key in keys), encoding="utf-8")
    ended = store("keys", "deactivate", "--leaked", "paste.txt", "--json")
    assert (ended.code, len(ended.json["items"]), ended.json["more"]) == (0, 2, 1)
    assert [reason_of(store, key["id"]) for key in keys] == ["Leaked"] * 3
