"""`rpawatch demo`: a month in an installation of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from application.event_sourcing import EventSourcing
from application.identity.sessions import Client, Sessions
from application.identity.users import Users
from application.store.database import Database
from domain.clock import system_clock
from domain.key_secret import parse
from interfaces.cli.demo import filling as demo_filling
from interfaces.cli.demo.tenant import KEYS
from tests.interfaces.cli.commands import Ran, environment, run_process
from tests.support.running import log_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.model import Event
    from tests.interfaces.cli.conftest import Rpawatch
    from tests.support.postgres import Server

THURSDAY = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)
SMALL = ("--days", "10", "--jobs-per-day", "8")


@pytest.fixture(scope="module")
def small_demo(served_url: str, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """What a small demo said that was made while a service ran."""
    made = run_process(
        "demo",
        *SMALL,
        "--json",
        folder=tmp_path_factory.mktemp("demo"),
        env=environment(RPAWATCH_DATABASE_URL=served_url),
    )
    assert made.code == 0, made.err
    return made


@pytest.fixture
def made(small_demo: Ran, store: Rpawatch) -> Ran:
    """That demo, on which `store` and `database` work too."""
    del store
    return small_demo


@pytest.fixture
def fresh_url(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new installation, on which commands work."""
    url = postgres.create_database()
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", url)
    yield url
    postgres.drop_database(url)


def log(database: Database) -> list[Event]:
    decode = EventSourcing(database).mapper.to_domain_event
    return [decode(logged) for logged in log_after(database, 0)]


def test_it_makes_what_it_says(made: Ran, store: Rpawatch, database: Database) -> None:
    document = made.json
    accounts = store("accounts", "list", "--json").json["items"]
    assert {item["id"] for item in document["accounts"]} < {item["id"] for item in accounts}
    assert [item["name"] for item in document["accounts"]] == ["Finance", "Human Resources", "Customer Service"]
    topics = Counter(event.TOPIC for event in log(database))
    assert topics["process.registered"] == document["processes"] == 10
    assert topics["api_key.created"] == len(document["keys"]) == len(KEYS)
    assert topics["job.reported"] == document["jobs"] > 20
    assert topics["api_key.used"] == document["jobs"] + document["rejected"] + document["replayed"]
    assert topics["process.retired"] == topics["api_key.deactivated"] == 1


def test_its_people_can_sign_in(made: Ran, database: Database) -> None:
    sessions = Sessions(database, Users(database), system_clock)
    anna = made.json["people"][0]
    assert sessions.sign_in(anna["email"], anna["password"], Client("192.0.2.7")).user.name == anna["name"]


def test_everything_happened_in_its_time_and_within_limits(made: Ran, database: Database) -> None:
    assert made.code == 0
    events = log(database)
    now = system_clock()
    assert all(now - timedelta(days=11) < event.timestamp <= now for event in events)
    assert not [event for event in events if event.TOPIC == "api_key.throttled"]


def test_its_keys_are_in_every_state_but_only_one_secret_is_shown(made: Ran, store: Rpawatch) -> None:
    assert made.out.count("rpakey_") == 1
    secret = parse(made.json["trial"]["key"])
    assert secret is not None
    shown = {key["name"]: store("keys", "show", key["id"], "--json").json for key in made.json["keys"]}
    assert shown["SAP robots, old server"]["status"] == "deactivated"
    assert shown["SAP robots, old server"]["deactivation_reason"]
    assert shown["Contractor, payroll project"]["expires_at"] < system_clock().isoformat()
    assert shown["Bank statements"]["flow_id"]
    [unused] = [key for key in shown.values() if key["uses"] == 0 and key["prefix"] == secret.prefix]
    assert unused["name"] == "To try things out"


def test_people_are_told_how_to_sign_in(rpawatch: Rpawatch, fresh_url: str) -> None:
    assert fresh_url
    made = rpawatch("demo", "--days", "2", "--jobs-per-day", "2")
    assert made.code == 0
    assert "anna.lindqvist@example.com" in made.out
    assert made.out.count("rpakey_") == 1
    assert "This installation is new. Its first administrator: admin@localhost" in made.err
    assert made.err.splitlines()[-1].startswith("To sign in, start `rpawatch serve`.")


def test_a_second_demo_is_refused_and_changes_nothing(made: Ran, store: Rpawatch, database: Database) -> None:
    assert made.code == 0
    before = len(log(database))
    for arguments in ((), ("--force",), ("--seed", "2")):
        refused = store("demo", *SMALL, *arguments)
        assert (refused.code, refused.out) == (1, "")
        assert refused.line.startswith("A demo has been made here before")
    assert len(log(database)) == before


def test_an_installation_in_use_is_left_alone_unless_told_otherwise(rpawatch: Rpawatch, fresh_url: str) -> None:
    assert fresh_url
    rpawatch("keys", "create", "Nightly run")
    refused = rpawatch("demo", *SMALL)
    assert (refused.code, refused.out) == (1, "")
    assert refused.line.startswith("This installation is in use")
    assert rpawatch("demo", "--days", "1", "--jobs-per-day", "1", "--force").code == 0


def test_robots_keep_to_the_limits_of_their_keys(
    rpawatch: Rpawatch, fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.cli.demo.commands.system_clock", lambda: THURSDAY)
    tight = tuple(replace(key, limit=1) for key in KEYS)
    monkeypatch.setattr(demo_filling, "KEYS", tight)
    monkeypatch.setattr(demo_filling, "TRIAL", tight[-1])
    made = rpawatch("demo", "--days", "3", "--jobs-per-day", "60", "--json")
    assert made.code == 0, made.err
    database = Database(fresh_url)
    database.open()
    topics = Counter(event.TOPIC for event in log(database))
    database.close()
    assert topics["job.reported"] == made.json["jobs"] > 100
    assert topics["api_key.throttled"] == 0


@pytest.mark.parametrize("options", [("--days", "0"), ("--days", "367"), ("--jobs-per-day", "2001"), ("--seed", "x")])
def test_an_impossible_demo_is_wrong_usage(rpawatch: Rpawatch, options: tuple[str, ...]) -> None:
    refused = rpawatch("demo", *options)
    assert (refused.code, refused.out) == (2, "")
