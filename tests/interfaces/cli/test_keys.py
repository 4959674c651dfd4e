"""`rpawatch keys`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from domain import key_secret
from domain.ids import key_id

if TYPE_CHECKING:
    from tests.interfaces.cli.conftest import Rpawatch


def test_a_key_is_shown_once_by_its_creation_and_nowhere_else(store: Rpawatch, account: str) -> None:
    made = store("keys", "create", "Nightly run", "--account", account, "--json")
    secret = made.json["key"]
    assert made.code == 0
    assert made.out.count(secret) == 1
    assert secret not in made.err
    assert "it is not shown again" in made.line
    parsed = key_secret.parse(secret)
    assert parsed is not None
    assert made.json["id"] == str(key_id(parsed.sha256_hex))
    for later in (("keys", "show", made.json["id"]), ("keys", "deactivate", made.json["id"])):
        for form in ((), ("--json",)):
            shown = store(*later, *form)
            assert shown.code == 0
            assert secret not in shown.out + shown.err
            assert "key" not in (shown.json if form else {})


def test_people_see_the_key_in_one_piece(store: Rpawatch, account: str) -> None:
    made = store("keys", "create", "Nightly run", "--account", account)
    [line] = [line for line in made.out.splitlines() if line.startswith("Key")]
    assert key_secret.parse(line.split()[1]) is not None


def test_a_key_has_the_scope_limit_and_expiry_that_were_asked_for(store: Rpawatch, account: str, flow: str) -> None:
    expires = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    scope = ("--process", flow, "--limit", "10", "--expires-at", expires)
    made = store("keys", "create", "Invoices", "--account", account, *scope, "--json")
    shown = store("keys", "show", made.json["id"], "--json").json
    assert shown["flow_id"] == flow
    assert shown["limit"] == 10
    assert shown["expires_at"].startswith(expires[:19])
    assert (shown["status"], shown["uses"], shown["created_by"]) == ("active", 0, "system")


def test_a_deactivated_key_says_when_why_and_by_whom(store: Rpawatch, account: str) -> None:
    made = store("keys", "create", "Nightly run", "--account", account, "--json").json
    ended = store("keys", "deactivate", made["id"], "--reason", "Laptop was lost", "--json").json
    assert (ended["status"], ended["active"]) == ("deactivated", False)
    assert (ended["deactivation_reason"], ended["deactivated_by"]) == ("Laptop was lost", "system")
    assert store("keys", "deactivate", made["id"], "--reason", "Again", "--json").json == ended
    assert "Laptop was lost" in store("keys", "show", made["id"]).out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--limit", "0"), 2, "Invalid value for '--limit'"),
        (("--limit", "10001"), 2, "Invalid value for '--limit'"),
        (("--expires-at", "tomorrow"), 1, "Expires_at must be a time as in 2026-03-10T21:43:51Z (RFC 3339)."),
        (("--expires-at", "2020-01-01T00:00:00Z"), 1, "Expires_at must be in the future."),
        (("--process", str(uuid4())), 1, "flow_id is not a process of this key's account."),
        (("--process", "x"), 2, "Invalid value for '--process': must be a UUID"),
    ],
)
def test_a_key_that_can_not_be_is_refused(
    store: Rpawatch, account: str, options: tuple[str, ...], code: int, message: str
) -> None:
    refused = store("keys", "create", "Nightly run", "--account", account, *options)
    assert (refused.code, refused.out) == (code, "")
    assert refused.err.startswith(message)


def test_a_key_of_a_retired_process_is_refused(store: Rpawatch, account: str, flow: str) -> None:
    store("processes", "retire", flow, "--account", account)
    refused = store("keys", "create", "Invoices", "--account", account, "--process", flow)
    assert refused.code == 1
    assert refused.line.startswith("This process was retired ")


@pytest.mark.parametrize("command", ["show", "deactivate"])
def test_an_unknown_key_is_refused(store: Rpawatch, command: str) -> None:
    refused = store("keys", command, str(uuid4()))
    assert refused.code == 1
    assert refused.line.startswith("There is nothing here, or nothing that you may see.")


@pytest.mark.parametrize("command", ["show", "deactivate"])
def test_a_key_given_as_an_argument_is_refused_and_not_repeated(store: Rpawatch, command: str) -> None:
    secret = key_secret.generate().text
    refused = store("keys", command, secret)
    assert refused.code == 2
    assert "name it by its id" in refused.usage_error
    assert secret not in refused.out + refused.err


def test_too_long_a_reason_is_refused(store: Rpawatch, account: str) -> None:
    made = store("keys", "create", "Nightly run", "--account", account, "--json").json
    refused = store("keys", "deactivate", made["id"], "--reason", "x" * 501)
    assert (refused.code, refused.line) == (1, "Reason must have at most 500 characters.")
    assert store("keys", "show", made["id"], "--json").json["active"] is True
