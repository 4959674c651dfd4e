"""`rpawatch keys find`: where keys lie about, and what they are here."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from application.event_sourcing import EventSourcing
from domain import key_secret
from domain.ids import key_id
from interfaces.cli.keys import find as find_keys
from tests.interfaces.cli.commands import SECONDS_MAX, environment, run_on_terminal
from tests.support.keys_to_find import near_misses

if TYPE_CHECKING:
    from tests.interfaces.cli.conftest import Rpawatch

LATER = timedelta(days=10)


@pytest.fixture
def key() -> str:
    """A key that is known nowhere."""
    return key_secret.generate().text


def type_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def prefix(key: str) -> str:
    return key[:15] + "…"


def id_of(key: str) -> str:
    parsed = key_secret.parse(key)
    assert parsed is not None
    return str(key_id(parsed.sha256_hex))


def made(store: Rpawatch, account: str, name: str, *options: str) -> dict[str, Any]:
    created = store("keys", "create", name, "--account", account, *options, "--json")
    assert created.code == 0
    document: dict[str, Any] = created.json
    return document


def test_people_see_a_line_for_each_key_while_scripts_get_a_document(
    rpawatch: Rpawatch, tmp_path: Path, key: str
) -> None:
    (tmp_path / "settings.ini").write_text(f"[bot]\n  key={key}\n", encoding="utf-8")
    shown = rpawatch("keys", "find", "--offline", "settings.ini")
    assert (shown.code, shown.out) == (1, f"settings.ini:2:7: {prefix(key)} {id_of(key)}\n")
    assert shown.line == "Keys in 1 place (1 file, 58 bytes)."
    document = rpawatch("keys", "find", "--offline", "settings.ini", "--json")
    assert (document.code, document.err) == (1, "")
    item = {
        "path": "settings.ini", "line": 2, "column": 7, "prefix": key[7:15], "status": None, "key_id": id_of(key),
        "name": None, "account_id": None,
    }  # fmt: skip
    nothing_else = {"more": 0, "files": 1, "bytes": 58, "unreadable": [], "unreadable_more": 0}
    assert document.json == {"items": [item]} | nothing_else


def test_each_key_is_told_with_what_it_is_here(
    store: Rpawatch, account: str, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    soon, late = ((now + LATER + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (-1, 3))
    keys = {
        "active": made(store, account, "Nightly run"),
        "expired": made(store, account, "Trial", "--expires-at", soon),
        "expiring": made(store, account, "Contractor", "--expires-at", late),
        "deactivated": made(store, account, "Old"),
        "unknown here": {"key": key, "id": id_of(key), "name": None, "account_id": None},
    }
    assert store("keys", "deactivate", keys["deactivated"]["id"]).code == 0
    (tmp_path / "all.txt").write_text("\n".join(document["key"] for document in keys.values()), encoding="utf-8")
    monkeypatch.setattr("application.store.clock.StoreClock.__call__", lambda _: now + LATER)
    found = store("keys", "find", "all.txt", "--json")
    assert found.code == 1
    for number, (status, document) in enumerate(keys.items()):
        item = found.json["items"][number]
        assert (item["status"], item["line"]) == (status, number + 1)
        assert (item["key_id"], item["name"], item["account_id"]) == tuple(
            document[name] for name in ("id", "name", "account_id")
        )
    lines = store("keys", "find", "all.txt").out.splitlines()
    active = keys["active"]
    assert lines[0] == f'all.txt:1:1: {prefix(active["key"])} active "Nightly run" {active["id"]}'
    assert lines[4] == f"all.txt:5:1: {prefix(key)} unknown here"


def test_a_key_in_many_places_is_looked_up_once(
    store: Rpawatch, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    find = EventSourcing.find

    def counted(self: EventSourcing, kind: Any, aggregate_id: Any) -> Any:
        asked.append(aggregate_id)
        return find(self, kind, aggregate_id)

    monkeypatch.setattr(EventSourcing, "find", counted)
    for name in "ab":
        (tmp_path / name).write_text(f"{key}\n" * 3, encoding="utf-8")
    found = store("keys", "find", "a", "b")
    assert found.out.count(prefix(key)) == 6
    assert [str(aggregate_id) for aggregate_id in asked].count(id_of(key)) == 1


def test_a_folder_is_searched_with_all_in_it(rpawatch: Rpawatch, tmp_path: Path, key: str) -> None:
    for name in ("a.txt", ".hidden", ".git/objects/x", "deep/er/b.bin", "größe.log"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0\xff" + key.encode() + b"\0")
    (tmp_path / "tree" / "empty").touch()
    (tmp_path / "tree" / "misses").write_text("\n".join(near_misses(key)), encoding="utf-8")
    found = rpawatch("keys", "find", "--offline", "--json", "tree").json
    assert {item["path"].removeprefix("tree/") for item in found["items"]} == {
        "a.txt", ".hidden", ".git/objects/x", "deep/er/b.bin", "größe.log",
    }  # fmt: skip
    assert found["files"] == 7
    assert {(item["line"], item["column"]) for item in found["items"]} == {(1, 3)}


def test_standard_input_is_searched(rpawatch: Rpawatch, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, f"+ key: {key}".encode())
    assert rpawatch("keys", "find", "--offline", "-").out.startswith(f"-:1:8: {prefix(key)}")


def test_where_there_is_none_the_exit_code_is_0(rpawatch: Rpawatch, tmp_path: Path, key: str) -> None:
    (tmp_path / "clean").write_text("\n".join(near_misses(key)), encoding="utf-8")
    found = rpawatch("keys", "find", "--offline", "clean")
    assert (found.code, found.out) == (0, "")
    assert found.line.startswith("No key (1 file, ")
    assert rpawatch("keys", "find", "--offline", "--json", "clean").json["items"] == []


def test_links_in_a_folder_are_not_followed_but_those_that_are_named(
    rpawatch: Rpawatch, tmp_path: Path, key: str
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "round").symlink_to(tree)
    (tmp_path / "outside").write_text(key, encoding="utf-8")
    (tree / "link").symlink_to(tmp_path / "outside")
    (tree / "dangling").symlink_to("nowhere")
    found = rpawatch("keys", "find", "--offline", "tree")
    assert (found.code, found.line) == (0, "No key (0 files, 0 bytes).")
    assert rpawatch("keys", "find", "--offline", "tree/link").out.startswith("tree/link:1:1: ")
    (tree / "file").write_text(key, encoding="utf-8")
    assert rpawatch("keys", "find", "--offline", "tree/round").out.startswith("tree/round/file:1:1: ")


def test_pipes_and_sockets_in_a_folder_are_passed_over(rpawatch: Rpawatch, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tree / "socket"))
        found = rpawatch("keys", "find", "--offline", "tree")
    assert (found.code, found.line) == (0, "No key (0 files, 0 bytes).")


def test_a_pipe_that_is_named_is_read(rpawatch: Rpawatch, tmp_path: Path, key: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"echo {key} > pipe"], cwd=tmp_path) as writer:
        found = rpawatch("keys", "find", "--offline", "pipe")
        assert writer.wait(SECONDS_MAX) == 0
    assert found.out.startswith(f"pipe:1:1: {prefix(key)}")


def test_what_can_not_be_read_is_named_and_found_keys_count_more(rpawatch: Rpawatch, tmp_path: Path, key: str) -> None:
    (tmp_path / "file").write_text("clean", encoding="utf-8")
    failed = rpawatch("keys", "find", "--offline", "vanished", "file")
    assert failed.code == 2
    assert failed.err.splitlines() == ["Can't read vanished (No such file or directory).", "No key (1 file, 5 bytes)."]
    (tmp_path / "file").write_text(key, encoding="utf-8")
    found = rpawatch("keys", "find", "--offline", "vanished", "file", "--json")
    assert (found.code, found.line) == (1, "Can't read vanished (No such file or directory).")
    assert found.json["unreadable"] == [{"path": "vanished", "reason": "No such file or directory"}]


def test_a_file_of_a_folder_that_is_a_pipe_by_now_is_not_waited_for(
    rpawatch: Rpawatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    os.mkfifo(tmp_path / "tree" / "pipe")
    monkeypatch.setattr("interfaces.cli.keys.search.KeySearch._is", lambda *of: of[2] is os.DirEntry.is_file)
    failed = rpawatch("keys", "find", "--offline", "tree")
    assert failed.code == 2
    assert failed.err.splitlines()[0] == "Can't read tree/pipe (No file any more)."


@pytest.mark.parametrize("name", [b"\xff\xfe.txt", b"line\nfeed", b"\x1b[2J", "\u202egpj".encode()])
def test_a_name_that_is_no_text_or_would_steer_a_terminal_is_spelled_out(
    rpawatch: Rpawatch, tmp_path: Path, key: str, name: bytes
) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(key, encoding="utf-8")
    found = rpawatch("keys", "find", "--offline", ".")
    assert len(found.out.splitlines()) == 1
    assert found.out.strip().isprintable()
    [item] = rpawatch("keys", "find", "--offline", ".", "--json").json["items"]
    assert item["path"] == f"./{name.decode('utf-8', 'backslashreplace')}"
    assert rpawatch("keys", "find", "--offline", os.fsdecode(name) + "x").code == 2


def test_no_output_holds_a_whole_key(store: Rpawatch, account: str, tmp_path: Path, key: str) -> None:
    document = made(store, account, "Nightly run")
    for text in (key, document["key"]):
        (tmp_path / f"{text}.txt").write_text(text, encoding="utf-8")
    for options in ((), ("--json",), ("--offline",), ("--offline", "--json")):
        found = store("keys", "find", ".", key, f"no-{document['key']}", *options)
        assert found.code == 1
        for text in (key, document["key"]):
            assert text[16:] not in found.out + found.err
            assert text[7:15] in found.out


def test_a_document_holds_so_many_items_and_counts_the_others(
    rpawatch: Rpawatch, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_keys, "ITEMS_MAX", 3)
    (tmp_path / "many").write_text(f"{key}\n" * 5, encoding="utf-8")
    missing = [f"missing{number}" for number in range(4)]
    found = rpawatch("keys", "find", "--offline", "--json", "many", *missing)
    assert (len(found.json["items"]), found.json["more"]) == (3, 2)
    assert (len(found.json["unreadable"]), found.json["unreadable_more"]) == (3, 1)
    assert len(found.err.splitlines()) == 4


def test_without_a_path_it_is_wrong_usage(rpawatch: Rpawatch) -> None:
    refused = rpawatch("keys", "find", "--offline")
    assert (refused.code, refused.out) == (2, "")
    assert "PATH" in refused.usage_error


def test_without_an_installation_none_is_made_to_search(rpawatch: Rpawatch, tmp_path: Path) -> None:
    refused = rpawatch("keys", "find", ".")
    assert refused.code == 2
    assert refused.line.startswith("There is no installation in ")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_can_not_be_reached_is_told_before_the_search(rpawatch: Rpawatch) -> None:
    failed = rpawatch("keys", "find", ".", "--database-url", "postgresql://127.0.0.1:1/rpawatch")
    assert (failed.code, failed.out) == (3, "")


def test_a_terminal_shows_how_far_it_is_and_finds_go_to_standard_output(tmp_path: Path, key: str) -> None:
    for name in "ab":
        (tmp_path / name).write_text(key, encoding="utf-8")
    ran = run_on_terminal("keys", "find", "--offline", "a", "b", folder=tmp_path, env=environment(TERM="xterm"))
    assert ran.code == 1
    assert ran.out == "".join(f"{name}:1:1: {prefix(key)} {id_of(key)}\n" for name in "ab")
    assert "Searched 1 files" in ran.err
    assert ran.err.endswith("Keys in 2 places (2 files, 90 bytes).\r\n")


def test_the_hook_for_pre_commit_refuses_files_with_keys(rpawatch: Rpawatch, tmp_path: Path, key: str) -> None:
    manifest = (Path(__file__).parents[3] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    hook = dict(line.removeprefix("- ").strip().split(": ", 1) for line in manifest.splitlines())
    assert (hook["id"], hook["args"], hook["types"]) == ("rpawatch-keys", '["--"]', "[text]")
    program, *arguments = hook["entry"].split()
    assert program == "rpawatch"
    (tmp_path / "clean.py").write_text("pass\n", encoding="utf-8")
    (tmp_path / "-r").write_text(key, encoding="utf-8")
    assert rpawatch(*arguments, "--", "clean.py").code == 0
    assert rpawatch(*arguments, "--", "clean.py", "-r").code == 1
