"""`rpawatch keys hygiene`."""

from __future__ import annotations

import shlex
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from application.ingest import ReadOwnKey
from application.keys import CountRefusals, CreateKey, DeactivateKey, RotateKey
from domain import key_secret
from domain.limits import KEY_REFUSED_NOTICE, RATE_LIMIT_DEFAULT, RATE_WINDOW, ROTATION_OVERLAP_DEFAULT
from interfaces.bootstrap import Services
from interfaces.cli import store_command
from interfaces.cli.operator_context import open_context
from tests.interfaces.cli.set_up import caller, name_of, open_account
from tests.support.clock import NOON, FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from application.unit_of_work import Command
    from tests.interfaces.cli.commands import Ran
    from tests.interfaces.cli.conftest import Rpawatch

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Keys:
    """Keys of one account, and a clock that all commands go by. What is done to keys is done past the command line."""

    def __init__(self, store: Rpawatch, services: Services, account_id: UUID, clock: FakeClock) -> None:
        self.store = store
        self.account = name_of(account_id)
        self.clock = clock
        self._services = services
        self._by = caller(services, account_id)

    def create(
        self, name: str, *, expires_at: datetime | None = None, limit: int = RATE_LIMIT_DEFAULT, at: datetime = NOON
    ) -> str:
        """Make a key, and return its id."""
        secret = key_secret.generate()
        command = CreateKey(by=self._by, secret=secret, name=name, expires_at=expires_at, limit=limit)
        return str(self._do(command, at).resource_id)

    def rotate(self, key: str, *, overlap: timedelta = ROTATION_OVERLAP_DEFAULT, at: datetime = NOON) -> str:
        """Rotate a key, and return the new one's id."""
        command = RotateKey(by=self._by, key_id=UUID(key), secret=key_secret.generate(), overlap=overlap)
        return str(self._do(command, at).resource_id)

    def end(self, key: str, *, at: datetime = NOON) -> None:
        self._do(DeactivateKey(by=self._by, key_id=UUID(key)), at)

    def use(self, key: str, *, at: datetime = NOON) -> None:
        self._do(ReadOwnKey(key_id=UUID(key)), at)

    def refuse(self, key: str, attempts: int = 1, *, at: datetime = NOON, address: str = "192.0.2.7") -> None:
        self._do(CountRefusals(key_id=UUID(key), attempts=attempts, last_attempt_at=at, address=address), at)

    def hygiene(self, *options: str, at: datetime = NOON) -> Ran:
        self.clock.now = at
        return self.store("keys", "hygiene", "--account", self.account, *options)

    def findings(self, *options: str, at: datetime = NOON) -> list[tuple[str, str]]:
        """Return what is found, as pairs of finding and key."""
        document = self.hygiene("--json", *options, at=at).json
        return [(item["finding"], item["key"]["id"]) for item in document["findings"]]

    def _do(self, command: Command, at: datetime) -> Any:
        self.clock.now = at
        return self._services.command_queue.execute(command).result


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of the commands; it begins a while before NOON, so that accounts are there before keys are."""
    clock = FakeClock(NOON - 2_000 * DAY)
    monkeypatch.setattr(store_command, "open_context", partial(open_context, clock=clock))
    return clock


@pytest.fixture
def services(served_url: str, clock: FakeClock) -> Iterator[Services]:
    """A second process of the service, which goes by that clock too."""
    with Services(served_url, clock=clock, threads=2) as services:
        yield services.begin()


@pytest.fixture
def account_id(services: Services) -> UUID:
    return open_account(services)


@pytest.fixture
def keys(clock: FakeClock, store: Rpawatch, services: Services, account_id: UUID) -> Keys:
    return Keys(store, services, account_id, clock)


def test_without_keys_there_is_nothing_to_do(keys: Keys) -> None:
    looked = keys.hygiene()
    assert (looked.code, looked.out, looked.err) == (0, "None of 0 keys needs attention.\n", "")
    assert keys.hygiene("--json").json["findings"] == []


def test_a_key_that_is_used_and_expires_some_day_needs_no_attention(keys: Keys) -> None:
    key = keys.create("Nightly run", expires_at=NOON + 300 * DAY, at=NOON - DAY)
    keys.use(key)
    looked = keys.hygiene()
    assert (looked.code, looked.out) == (0, "None of 1 key needs attention.\n")


def test_a_key_that_was_never_used_is_found_after_90_days_or_as_many_as_are_asked_for(keys: Keys) -> None:
    key = keys.create("Trial", at=NOON - 90 * DAY)
    assert keys.findings(at=NOON - timedelta(microseconds=1)) == [("never_expires", key)]
    assert keys.findings() == [("never_used", key)]
    assert keys.findings("--unused-days", "91") == [("never_expires", key)]
    looked = keys.hygiene()
    assert looked.code == 1
    assert f"End it: rpawatch keys deactivate {key} --reason Unused" in looked.out
    assert "made 90 days ago" in looked.out


def test_a_key_that_is_not_used_any_more_is_found(keys: Keys) -> None:
    key = keys.create("Old run", expires_at=NOON + 3 * DAY, at=NOON - 200 * DAY)
    keys.use(key, at=NOON - 90 * DAY)
    assert keys.findings() == [("unused", key)]
    assert "last used 90 days ago; expires in 3 days" in keys.hygiene().out
    [finding] = keys.hygiene("--json").json["findings"]
    assert finding["detail"] == {
        "created_at": "2025-08-22T12:00:00.000000Z",
        "last_used_at": "2025-12-10T12:00:00.000000Z",
        "uses": 1,
        "days": 90,
        "expires_at": "2026-03-13T12:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("left", "words", "options"),
    [
        (3 * DAY + HOUR, "expires in 3 days, 2026-03-13 13:00Z", ""),
        (DAY, "expires in 1 day,", " --overlap 43200"),
        (5 * HOUR, "expires in 5 hours,", " --overlap 9000"),
        (timedelta(minutes=59), "expires in less than an hour,", " --overlap 1770"),
    ],
)
def test_a_key_that_expires_soon_is_to_be_rotated_by_a_command_that_still_works(
    keys: Keys, left: timedelta, words: str, options: str
) -> None:
    key = keys.create("Nightly run", expires_at=NOON + left, at=NOON - 30 * DAY)
    keys.use(key, at=NOON - DAY)
    looked = keys.hygiene()
    assert looked.code == 1
    assert words in looked.out
    [finding] = keys.hygiene("--json").json["findings"]
    assert finding["command"] == f"rpawatch keys rotate {key}{options}"
    assert finding["detail"]["days_left"] == left // DAY
    assert keys.store(*shlex.split(finding["command"])[1:]).code == 0


def test_a_key_that_never_expires_is_advice_that_changes_no_exit_code(keys: Keys) -> None:
    key = keys.create("Nightly run", at=NOON - 400 * DAY)
    keys.use(key)
    looked = keys.hygiene()
    assert looked.code == 0
    assert looked.out == (
        "None of 1 key needs attention. 1 never expires (--advice lists them, --max-age-days asks for old ones).\n"
    )
    listed = keys.hygiene("--advice")
    assert listed.code == 0
    assert f"Give it an end: rpawatch keys change {key} --expires-at TIME" in listed.out
    assert listed.out.endswith("None of 1 key needs attention. 1 never expires.\n")
    assert keys.findings() == [("never_expires", key)], "scripts get all of it"


def test_a_key_that_never_expires_can_be_too_old(keys: Keys) -> None:
    key = keys.create("Nightly run", at=NOON - 365 * DAY)
    keys.use(key)
    assert keys.findings("--max-age-days", "366") == [("never_expires", key)]
    assert keys.findings("--max-age-days", "365") == [("too_old", key)]
    looked = keys.hygiene("--max-age-days", "365")
    assert looked.code == 1
    assert f"Replace it: rpawatch keys rotate {key}\n" in looked.out.replace(" \n", "\n")


def test_a_rotated_key_is_shown_only_when_it_was_used_since(keys: Keys) -> None:
    old = keys.create("Nightly run", expires_at=NOON + 300 * DAY, at=NOON - 30 * DAY)
    new = keys.rotate(old, at=NOON - HOUR)
    assert keys.findings() == []
    keys.use(old, at=NOON - HOUR + RATE_WINDOW)
    assert keys.findings() == [("not_switched", old)]
    looked = keys.hygiene()
    assert looked.code == 0
    assert "rotated, ends at 2026-03-11 11:00Z, in 23 hours" in looked.out
    assert f"rpawatch keys show {new}" in looked.out
    assert looked.out.endswith("None of 2 keys needs attention. 1 rotation under way.\n")


def test_a_robot_that_was_forgotten_is_found_for_30_days(keys: Keys) -> None:
    key = keys.create("Robot's key", limit=7, at=NOON - 50 * DAY)
    keys.end(key, at=NOON - 40 * DAY)
    assert keys.findings() == []
    keys.refuse(key, 17, at=NOON - KEY_REFUSED_NOTICE)
    looked = keys.hygiene()
    assert looked.code == 1
    assert "refused 17 times since its end, last 2026-02-08 12:00Z from 192.0.2.7" in looked.out
    [finding] = keys.hygiene("--json").json["findings"]
    assert finding["detail"] == {
        "refusals": 17,
        "refused_at": "2026-02-08T12:00:00.000000Z",
        "refused_address": "192.0.2.7",
        "ended_at": "2026-01-29T12:00:00.000000Z",
        "rotated_to": None,
    }
    assert shlex.split(finding["command"])[:5] == ["rpawatch", "keys", "create", "Robot's key", "--account"]
    assert keys.store(*shlex.split(finding["command"])[1:]).code == 0, "the command does as it is"
    assert ("still_presented", key) not in keys.findings(at=NOON + timedelta(microseconds=1))


def test_the_robot_of_a_rotated_key_is_told_of_the_new_one(keys: Keys) -> None:
    old = keys.create("Nightly run", at=NOON - 50 * DAY)
    new = keys.rotate(old, overlap=timedelta(0), at=NOON - DAY)
    keys.refuse(old)
    looked = keys.hygiene()
    assert "refused once since its end, last 2026-03-10 12:00Z from 192.0.2.7" in looked.out
    assert f"Stop the robot, or give it another key: rpawatch keys show {new}" in looked.out


def make_one_of_each(keys: Keys) -> list[tuple[str, str]]:
    """Make keys with every finding; returns what is to be found with --max-age-days 365, in order."""
    refused = keys.create("A", at=NOON - 800 * DAY)
    ends = keys.create("B", expires_at=NOON + DAY, at=NOON - 700 * DAY)
    ends_later = keys.create("A", expires_at=NOON + 2 * DAY, at=NOON - 700 * DAY)
    never = keys.create("E", at=NOON - 600 * DAY)
    longer, unused = (keys.create(name, at=NOON - 500 * DAY) for name in ("F", "A"))
    keys.use(longer, at=NOON - 400 * DAY)
    old = keys.create("G", at=NOON - 395 * DAY)
    keys.use(unused, at=NOON - 390 * DAY)
    switching = keys.create("H", expires_at=NOON + 100 * DAY, at=NOON - 300 * DAY)
    endless = keys.create("J", at=NOON - 2 * DAY)
    keys.end(refused, at=NOON - 2 * DAY)
    keys.rotate(switching, overlap=7 * DAY, at=NOON - 2 * DAY)
    keys.refuse(refused, at=NOON - DAY)
    for key in (ends, ends_later, old, switching, endless):
        keys.use(key, at=NOON - DAY)
    return [
        ("still_presented", refused), ("expires_soon", ends), ("expires_soon", ends_later), ("never_used", never),
        ("unused", longer), ("unused", unused), ("too_old", old), ("not_switched", switching),
        ("never_expires", endless),
    ]  # fmt: skip


def test_findings_come_in_groups_with_the_most_pressing_first_and_a_line_each(keys: Keys) -> None:
    expected = make_one_of_each(keys)
    assert keys.findings("--max-age-days", "365") == expected
    looked = keys.hygiene("--max-age-days", "365", "--advice")
    assert (looked.code, looked.err) == (1, "")
    lines = [line.split() for line in looked.out.splitlines()]
    with_ids = [(line, key) for line in lines for _, key in expected if key in line]
    assert [key for _, key in with_ids] == [key for _, key in expected]
    assert all(line[:2] == keys.account.split() for line, _ in with_ids)
    assert [" ".join(line) for line in lines if line and line[0] in {"Ended,", "Expires", "Never", "Too"}] == [
        "Ended, and still presented: a robot was forgotten",
        "Expires soon: the robot stops then",
        "Never used",
        "Too old for a key that never expires",
        "Never expires (advice)",
    ]
    assert looked.out.endswith("\n\n7 of 10 keys need attention. 1 rotation under way. 1 never expires.\n")
    again = keys.hygiene("--max-age-days", "365", "--advice")
    assert again.out == looked.out


def test_the_document_for_scripts_has_all_findings_and_counts(keys: Keys) -> None:
    expected = make_one_of_each(keys)
    looked = keys.hygiene("--json", "--max-age-days", "365")
    assert looked.code == 1
    document = looked.json
    assert document["generated_at"] == "2026-03-10T12:00:00.000000Z"
    assert document["counts"] == {
        "accounts": 1, "suspended_accounts": 0, "keys": 10, "act": 7, "notice": 1, "advice": 1,
        "still_presented": 1, "expires_soon": 2, "never_used": 1, "unused": 2, "too_old": 1, "not_switched": 1,
        "never_expires": 1,
    }  # fmt: skip
    first = document["findings"][0]
    assert first.keys() == {"finding", "severity", "key", "detail", "command"}
    shown = keys.store("keys", "show", expected[0][1], "--json").json
    assert first["key"] == shown | {"account_name": keys.account}
    assert "rpakey_" not in looked.out


def test_without_an_account_all_are_looked_at(keys: Keys) -> None:
    key = keys.create("Trial", at=NOON - 90 * DAY)
    other: dict[str, Any] = keys.store("accounts", "create", "Other account", "--json").json
    theirs = keys.store("keys", "create", "Trial", "--account", other["id"], "--json").json["id"]
    keys.clock.now = NOON + 90 * DAY
    document = keys.store("keys", "hygiene", "--json").json
    found = {item["key"]["id"]: item["key"]["account_name"] for item in document["findings"]}
    assert found.items() >= {key: keys.account, theirs: "Other account"}.items()
    assert document["counts"]["accounts"] > 2


def test_keys_of_a_suspended_account_need_no_attention_until_they_have_ended(keys: Keys) -> None:
    unused, ended = keys.create("Trial", at=NOON - 90 * DAY), keys.create("Old", at=NOON - 90 * DAY)
    keys.end(ended)
    keys.refuse(ended)
    keys.store("accounts", "suspend", "--account", keys.account)
    assert keys.findings() == [("still_presented", ended)]
    looked = keys.hygiene()
    assert unused not in looked.out
    assert looked.out.endswith("Of 1 suspended account, only keys that have ended were looked at.\n")


def test_accounts_with_many_keys_are_looked_at_in_full(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.paging.PAGE_ITEMS_MAX", 2)
    made = [keys.create(f"Key {number}", at=NOON - 100 * DAY) for number in range(5)]
    assert keys.findings() == [("never_used", key) for key in made]


@pytest.mark.parametrize("option", ["--unused-days", "--max-age-days"])
@pytest.mark.parametrize("days", ["0", "36501", "x"])
def test_days_that_make_no_sense_are_wrong_usage(store: Rpawatch, option: str, days: str) -> None:
    refused = store("keys", "hygiene", option, days)
    assert (refused.code, refused.out) == (2, "")
    assert f"Invalid value for '{option}'" in refused.usage_error


def test_an_unknown_account_is_refused(store: Rpawatch, account: str) -> None:
    refused = store("keys", "hygiene", "--account", f"not {account}")
    assert (refused.code, refused.out) == (1, "")
    assert "rpawatch accounts list" in refused.line
