"""`rpawatch audit`."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from interfaces.audit_export import CSV_COLUMNS
from tests.interfaces.cli.set_up import create_key, end_key

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.bootstrap import Services
    from tests.interfaces.cli.conftest import Rpawatch

NOBODY = "Nobody here has the address nobody@example.com. `rpawatch members list` shows who is here."
FEW = "projections.paging.PAGE_ITEMS_MAX"


@pytest.fixture
def key(served: Services, account_id: UUID) -> str:
    """The id of a key of the account, which was made and ended."""
    key_id = create_key(served, account_id, "Nightly run")
    end_key(served, account_id, key_id)
    return str(key_id)


def actions(store: Rpawatch, *arguments: str) -> list[str]:
    shown = store("audit", "list", *arguments, "--json")
    assert shown.code == 0, shown.err
    return [item["action"] for item in shown.json["items"]]


def test_what_was_done_is_listed_newest_first(store: Rpawatch, account: str, key: str) -> None:
    assert actions(store, "--account", account) == ["api_key.deactivated", "api_key.created", "account.opened"]
    item = store("audit", "list", "--account", account, "--json").json["items"][0]
    assert (item["actor"], item["actor_kind"]) == ("system", "system")
    assert item["resource"]["id"] == key
    assert item["changes"] == {"reason": "Laptop was lost"}


def test_people_see_a_table_of_who_what_and_when(store: Rpawatch, account: str, key: str) -> None:
    shown = store("audit", "list", "--account", account, "--resource", key)
    heading, _, last, first = shown.out.splitlines()
    assert heading.split("  ")[0] == "Time"
    assert "system" in last
    assert "api_key.deactivated" in last
    assert "api_key Nightly run (" in last
    assert "reason Laptop was lost" in last
    assert "api_key.created" in first
    assert last[:20].endswith("Z")


def test_filters_narrow_the_list(store: Rpawatch, account: str, key: str, flow: str) -> None:
    here = ("--account", account)
    assert actions(store, *here, "--action", "process") == ["process.registered"]
    assert actions(store, *here, "--action", "api_key.created") == ["api_key.created"]
    assert actions(store, *here, "--resource", flow) == ["process.registered"]
    assert actions(store, *here, "--actor", str(uuid4())) == []
    assert actions(store, *here, "--actor", key) == []
    assert len(actions(store, *here, "--actor", "system")) == 4
    assert actions(store, *here, "--from", "2199-01-01T00:00:00Z") == []
    assert len(actions(store, *here, "--to", "2199-01-01T00:00:00+01:00")) == 4


def test_a_user_is_named_by_address_and_what_holds_in_the_tenant_is_listed_apart(store: Rpawatch, account: str) -> None:
    email = f"{uuid4().hex}@example.com"
    user = store("members", "add", email, "--role", "auditor", "--name", "Aud", "--json").json["user_id"]
    items = store("audit", "list", "--tenant", "--resource", user, "--json").json["items"]
    assert [(item["action"], item["resource"]["label"]) for item in items] == [("member.role_granted", "Aud")]
    assert actions(store, "--tenant", "--actor", email) == []
    assert actions(store, "--account", account, "--resource", user) == []


def test_more_than_was_asked_for_is_said_and_the_limit_goes_beyond_a_page(
    store: Rpawatch, account: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FEW, 2)
    short = store("audit", "list", "--account", account, "--limit", "1", "--json")
    assert [item["resource"]["id"] for item in short.json["items"]] == [key]
    assert short.line == "There are more than 1. See them with --limit, --to, or `audit export`."
    whole = store("audit", "list", "--account", account, "--limit", "3", "--json")
    assert (len(whole.json["items"]), whole.err) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--action", "api_key.used"),
            "Invalid value for '--action': must be one of account, process, member, api_key,",
        ),
        (("--resource", "Nightly run"), "Invalid value for '--resource': must be a UUID, as in"),
        (("--limit", "0"), "Invalid value for '--limit': Input should be greater than or equal to 1"),
    ],
)
def test_what_no_filter_can_be_is_wrong_usage(
    store: Rpawatch, account: str, arguments: tuple[str, str], words: str
) -> None:
    refused = store("audit", "list", "--account", account, *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.usage_error.startswith(words)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--from", "yesterday"), 1, "From must be a time as in 2026-03-10T21:43:51Z (RFC 3339)."),
        (("--to", "2026-03-10T21:43:51"), 1, "To must have a time zone, as in 2026-03-10T21:43:51Z."),
        (("--from", "2026-03-02T00:00:00Z", "--to", "2026-03-01T00:00:00Z"), 2, "--to must not be before --from."),
        (("--actor", "nobody@example.com"), 1, NOBODY),
        (("--tenant",), 2, "--account and --tenant are two different places. Name one of them."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(
    store: Rpawatch, account: str, arguments: tuple[str, ...], code: int, line: str
) -> None:
    for command in (("list",), ("export", "--format", "csv")):
        refused = store("audit", *command, "--account", account, *arguments)
        assert (refused.code, refused.out, refused.line) == (code, "", line)


def test_an_export_goes_to_standard_output_oldest_first(
    store: Rpawatch, account: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.audit.queries.PAGE_ITEMS_MAX", 2)
    listed = store("audit", "list", "--account", account, "--json").json["items"]
    lines = store("audit", "export", "--format", "jsonl", "--account", account)
    assert [json.loads(line) for line in lines.out.splitlines()] == listed[::-1]
    assert (lines.code, lines.line) == (0, "3 rows.")
    table = store("audit", "export", "--format", "csv", "--account", account, "--action", "api_key")
    rows = list(csv.DictReader(io.StringIO(table.out, newline="")))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["resource_id"] for row in rows] == [key, key]


def test_an_export_to_a_file_is_whole_and_for_its_owner_alone(store: Rpawatch, account: str, key: str) -> None:
    Path("audit.csv").write_text("what was there before", encoding="utf-8")
    Path("audit.csv").chmod(0o644)
    made = store("audit", "export", "--format", "csv", "--account", account, "--output", "audit.csv", "--json")
    content = Path("audit.csv").read_bytes()
    assert made.json == {"file": "audit.csv", "format": "csv", "rows": 3, "bytes": len(content)}
    assert made.err == ""
    assert stat.S_IMODE(Path("audit.csv").stat().st_mode) == 0o600
    assert key in content.decode()
    assert os.listdir() == ["audit.csv"]  # noqa: PTH208 - all that is left


def test_a_link_stays_a_link(store: Rpawatch, account: str) -> None:
    Path("kept").mkdir()
    Path("audit.csv").symlink_to("kept/real.csv")
    assert store("audit", "export", "--format", "csv", "--account", account, "--output", "audit.csv").code == 0
    assert Path("audit.csv").is_symlink()
    assert Path("kept/real.csv").read_bytes().startswith(b"position,")


def test_a_file_is_as_it_was_when_an_export_fails(
    store: Rpawatch, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("audit.csv").write_text("what was there before", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("interfaces.cli.private_file.os.fsync", full)
    failed = store("audit", "export", "--format", "csv", "--account", account, "--output", "audit.csv")
    assert (failed.code, failed.out) == (1, "")
    assert failed.line == (
        "audit.csv can't be written (No space left on device). Nothing was left there; check folder and room."
    )
    assert Path("audit.csv").read_text(encoding="utf-8") == "what was there before"
    assert os.listdir() == ["audit.csv"]  # noqa: PTH208 - all that is left


@pytest.mark.parametrize("place", ["/dev/null", ".", "nosuch/audit.csv"])
def test_what_can_be_no_file_is_refused(store: Rpawatch, account: str, place: str) -> None:
    refused = store("audit", "export", "--format", "csv", "--account", account, "--output", place)
    assert (refused.code, refused.out) == (1, "")
    assert refused.line.startswith(place)
    assert Path("/dev/null").is_char_device()


def test_json_is_about_a_file(store: Rpawatch, account: str) -> None:
    refused = store("audit", "export", "--format", "csv", "--account", account, "--json")
    assert (refused.code, refused.out) == (2, "")
    assert refused.line == "--json says what was written to a file. Name it with --output, or leave --json out."


def test_a_format_has_to_be_named(store: Rpawatch, account: str) -> None:
    assert store("audit", "export", "--account", account).usage_error == "Missing option '--format'."
    refused = store("audit", "export", "--account", account, "--format", "xml").usage_error
    assert refused == "Invalid value for '--format': must be one of csv, jsonl"
