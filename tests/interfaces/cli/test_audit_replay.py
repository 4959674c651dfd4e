"""`rpawatch audit replay`, `diff`, `uses`, `limits`."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from application.keys import ChangeKey
from application.store.database import connect
from interfaces.cli import long_answers
from tests.interfaces.cli.set_up import caller, create_key, end_key

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.bootstrap import Services
    from tests.interfaces.cli.conftest import Rpawatch

EARLY, LATE = "2026-01-01T00:00:00Z", "2150-01-01T00:00:00Z"
HOLDS, DOES_NOT_HOLD, NOT_CHECKED = 0, 1, 2


@pytest.fixture
def key(served: Services, account_id: UUID) -> str:
    """The id of a key that was made, renamed, limited and ended."""
    key_id = create_key(served, account_id, "=Nightly run")
    change = ChangeKey(by=caller(served, account_id), key_id=key_id, name="Nightly", limit=7)
    served.command_queue.execute(change)
    end_key(served, account_id, key_id)
    return str(key_id)


def history(store: Rpawatch, key: str, *more: str) -> list[dict[str, Any]]:
    shown = store("audit", "replay", key, *more, "--json")
    assert shown.code == 0, shown.err
    items: list[dict[str, Any]] = shown.json["items"]
    return items


def test_the_life_of_a_key_is_a_table(store: Rpawatch, key: str) -> None:
    shown = store("audit", "replay", key)
    heading, _, *rows = shown.out.splitlines()
    assert heading.split() == ["Version", "Time", "By", "Event", "What", "changed", "Position"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert "name =Nightly run -> Nightly" in rows[1]
    assert "limit 60 -> 7" in rows[2]
    assert "deactivation_reason Laptop was lost" in rows[3]


def test_it_is_json_with_what_was_before_and_after(store: Rpawatch, key: str) -> None:
    items = history(store, key)
    assert [item["action"] for item in items] == [
        "api_key.created", "api_key.renamed", "api_key.rate_limit_changed", "api_key.deactivated",
    ]  # fmt: skip
    assert items[1]["changes"] == {"name": ["=Nightly run", "Nightly"]}
    assert items[2]["changes"] == {"limit": [60, 7]}
    assert items[0]["actor"] == "system"


def test_it_is_csv_in_which_no_cell_is_a_formula(store: Rpawatch, key: str) -> None:
    rows = list(csv.DictReader(io.StringIO(store("audit", "replay", key, "--csv").out)))
    assert [row["version"] for row in rows] == ["1", "2", "3", "4"]
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_long_answers_are_whole_whatever_the_size_of_a_page(
    store: Rpawatch, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = history(store, key)
    as_csv = store("audit", "replay", key, "--csv").out
    for size in (1, 3, 4):
        monkeypatch.setattr(long_answers, "PAGE_ROWS", size)
        assert history(store, key) == whole
        assert store("audit", "replay", key, "--csv").out == as_csv
    assert store("audit", "uses", key, "--json").json == {"items": []}


def test_a_key_is_shown_as_it_was(store: Rpawatch, key: str) -> None:
    items = history(store, key)
    for version, name, limit, active in (
        (1, "=Nightly run", 60, True),
        (2, "Nightly", 60, True),
        (4, "Nightly", 7, False),
    ):
        by_version = store("audit", "replay", key, "--version", str(version), "--json").json
        by_time = store("audit", "replay", key, "--at", items[version - 1]["at"], "--json").json
        assert (by_version["name"], by_version["limit"], by_version["active"]) == (name, limit, active)
        assert by_version["version"] == version
        assert by_time["version"] >= version
    shown = store("audit", "replay", key, "--version", "1", "--from-start")
    assert "=Nightly run" in shown.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version", "5"), 1),
        (("--at", EARLY), 1),
        (("--version", "1", "--at", EARLY), 2),
        (("--at", "yesterday"), 1),
        (("--json", "--csv"), 2),
        (("--version", "1", "--csv"), 2),
    ],
)
def test_what_can_not_be_shown_is_refused(store: Rpawatch, key: str, arguments: tuple[str, ...], code: int) -> None:
    shown = store("audit", "replay", key, *arguments)
    assert (shown.code, shown.out) == (code, "")
    assert shown.err


def test_a_key_that_never_was_is_not_there(store: Rpawatch) -> None:
    for command in (("replay",), ("uses",), ("diff", "--from", EARLY, "--to", LATE)):
        name, *more = command
        shown = store("audit", name, str(uuid4()), *more)
        assert (shown.code, shown.out) == (1, "")


def test_a_difference_names_what_changed_in_between(store: Rpawatch, key: str) -> None:
    items = history(store, key)
    found = store("audit", "diff", key, "--from", items[0]["at"], "--to", LATE, "--json").json
    assert found["changes"]["name"] == ["=Nightly run", "Nightly"]
    assert found["versions"] == [1, 4]
    assert [item["version"] for item in found["items"]] == [2, 3, 4]
    shown = store("audit", "diff", key, "--from", items[0]["at"], "--to", LATE)
    assert "limit" in shown.out
    assert "Uses in between: none." in shown.err
    assert store("audit", "diff", key, "--from", LATE, "--to", EARLY).code == 2


def use(url: str, key: str, version: int, at: datetime) -> None:
    """Put a use into the log that nobody decided on."""
    state = (
        f'{{"v":1,"timestamp":"{at.isoformat()}","actor":"{key}","request_id":"forged","command_id":"{uuid4()}",'
        '"outcome":"accepted"}'
    )
    with connect(url) as owner:
        owner.execute(
            "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)"
            " VALUES (%s, %s, 'api_key.used', convert_to(%s, 'UTF8'))",
            (key, version, state),
        )


def test_uses_are_listed_from_one_instant_to_before_another(store: Rpawatch, served_url: str, account: str) -> None:
    made = store("keys", "create", "Nightly run", "--account", account, "--json").json["id"]
    at = datetime.now(UTC) + timedelta(minutes=1)
    for number in range(3):
        use(served_url, made, 2 + number, at + timedelta(minutes=number))
    items = store("audit", "uses", made, "--json").json["items"]
    assert [item["version"] for item in items] == [2, 3, 4]
    assert items[0]["outcome"] == "accepted"
    since, until = (at + timedelta(minutes=1)).isoformat(), (at + timedelta(minutes=2)).isoformat()
    items = store("audit", "uses", made, "--from", since, "--to", until, "--json").json["items"]
    assert [item["version"] for item in items] == [3]
    assert len(list(csv.reader(io.StringIO(store("audit", "uses", made, "--csv").out)))) == 4
    assert store("audit", "limits", made).code == HOLDS


def test_limits_that_were_kept_hold_and_a_breach_is_named(store: Rpawatch, served_url: str, account: str) -> None:
    made = store("keys", "create", "Nightly run", "--account", account, "--limit", "2", "--json").json["id"]
    at = datetime.now(UTC) + timedelta(minutes=1)
    for number in range(2):
        use(served_url, made, 2 + number, at)
    shown = store("audit", "limits", made)
    assert (shown.code, shown.out.strip()) == (HOLDS, "It holds: no limit was broken.")
    use(served_url, made, 4, at)
    shown = store("audit", "limits")
    assert shown.code == DOES_NOT_HOLD
    assert "it is use 3 in 60 seconds, and the limit was 2" in shown.out
    [found] = [item for item in store("audit", "limits", "--json").json["items"] if item["key_id"] == made]
    assert (found["kind"], found["version"], found["uses"], found["limit"]) == ("over_limit", 4, 3, 2)


def test_a_database_that_is_away_is_no_answer(rpawatch: Rpawatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", "postgresql://127.0.0.1:1/nothing")
    assert rpawatch("audit", "limits").code == NOT_CHECKED
