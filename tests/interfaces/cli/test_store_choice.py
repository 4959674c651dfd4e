"""Where commands work: the embedded PostgreSQL, one of one's own, or none that can be reached."""

from __future__ import annotations

import json
import re
import socket
import stat
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from application.store.embedded import EmbeddedPostgres
from tests.interfaces.cli.commands import Ran, environment, run_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.interfaces.cli.conftest import Rpawatch
    from tests.support.postgres import Server


@pytest.fixture(scope="module")
def first_command(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """What the first command ever said in a folder, which it has left with data in it."""
    folder = tmp_path_factory.mktemp("installation")
    return folder, run_process("accounts", "list", "--json", folder=folder, env=environment())


@pytest.fixture
def fresh_url(postgres: Server) -> Iterator[str]:
    """A database in which nothing was ever done."""
    url = postgres.create_database(empty=True)
    yield url
    postgres.drop_database(url)


def test_the_first_command_sets_the_installation_up_and_keeps_the_first_password_in_a_file_of_its_owner(
    first_command: tuple[Path, Ran],
) -> None:
    folder, first = first_command
    assert first.code == 0, first.err
    assert [item["name"] for item in first.json["items"]] == ["Default"]
    assert "Its first administrator: admin@localhost" in first.err
    kept = folder / "rpawatch-data" / "first-password.txt"
    assert "rpawatch-data/first-password.txt, which only you can read" in first.err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    password = re.search(r"^First password: (\S+)$", kept.read_text(encoding="utf-8"), re.MULTILINE)
    assert password is not None
    assert password[1] not in first.err + first.out
    assert (folder / "rpawatch-data").is_dir()


def test_a_later_command_joins_the_server_that_runs_and_leaves_it_running(first_command: tuple[Path, Ran]) -> None:
    folder, _ = first_command
    with EmbeddedPostgres(folder / "rpawatch-data") as embedded:
        pid = embedded.postmaster_pid
        later = run_process("keys", "create", "Nightly run", "--json", folder=folder, env=environment())
        assert later.code == 0, later.err
        assert json.loads(later.out)["key"].startswith("rpakey_")
        assert "password" not in later.err
        assert pid is not None
        assert embedded.postmaster_pid == pid


def test_serve_says_in_one_line_when_its_address_is_taken(first_command: tuple[Path, Ran]) -> None:
    folder, _ = first_command
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        failed = run_process("serve", "--listen", address, folder=folder, env=environment(RPAWATCH_LOG_LEVEL="error"))
    assert (failed.code, failed.out) == (1, "")
    assert failed.line.startswith(f"Can't listen on {address} (Address already in use).")


def test_serve_with_several_web_processes_says_so_too(first_command: tuple[Path, Ran]) -> None:
    folder, _ = first_command
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        env = environment(RPAWATCH_LOG_LEVEL="error", RPAWATCH_WORKERS="2")
        failed = run_process("serve", "--listen", address, folder=folder, env=env)
    assert (failed.code, failed.out) == (1, "")
    assert failed.line.startswith(f"Can't listen on {address} (Address already in use).")


@pytest.mark.parametrize(
    ("workers", "rule"),
    [("0", "greater than or equal to 1"), ("65", "less than or equal to 64"), ("x", "a valid integer")],
)
def test_a_wrong_number_of_web_processes_is_refused_with_what_it_should_be(
    rpawatch: Rpawatch, workers: str, rule: str
) -> None:
    refused = rpawatch("serve", "--workers", workers)
    assert (refused.code, refused.out) == (2, "")
    assert "--workers" in refused.usage_error
    assert rule in refused.usage_error


def test_migrate_tells_what_it_did_and_then_that_nothing_is_left(rpawatch: Rpawatch, fresh_url: str) -> None:
    first = rpawatch("migrate", "--database-url", fresh_url, "--json")
    assert (first.code, first.line) == (0, "The database is up to date.")
    assert "0001_log.sql" in first.json["done"]
    again = rpawatch("migrate", "--database-url", fresh_url, "--json")
    assert (again.json, again.line) == ({"done": []}, "The database was up to date.")
    assert rpawatch("migrate", "--database-url", fresh_url).out == "Done  (nothing to do)\n"


def test_the_first_administrator_can_be_given_in_the_settings(
    rpawatch: Rpawatch, fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", fresh_url)
    monkeypatch.setenv("RPAWATCH_ADMIN_EMAIL", "Ada@Example.com")
    monkeypatch.setenv("RPAWATCH_ADMIN_PASSWORD", "short")
    refused = rpawatch("accounts", "list")
    assert (refused.code, refused.line) == (1, "Password must have 15 to 128 characters.")
    monkeypatch.setenv("RPAWATCH_ADMIN_PASSWORD", "a long walk in the rain")
    first = rpawatch("accounts", "list")
    assert (first.code, first.line) == (0, "This installation is new. Its first administrator: ada@example.com")


def test_without_a_service_a_command_brings_the_lists_up_to_date_itself(rpawatch: Rpawatch, fresh_url: str) -> None:
    made = rpawatch("accounts", "create", "Finance", "--database-url", fresh_url, "--json").json
    assert made in rpawatch("accounts", "list", "--database-url", fresh_url, "--json").json["items"]


def test_lists_that_stay_behind_are_warned_of(
    rpawatch: Rpawatch, fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.cli.operator_context.wait_for", lambda *_: False)
    listed = rpawatch("accounts", "list", "--database-url", fresh_url)
    assert listed.code == 0
    assert "Warning: the lists are still being brought up to date; what is new may be missing.\n" in listed.err


def test_a_store_that_can_not_be_reached_has_an_exit_code_of_its_own(rpawatch: Rpawatch) -> None:
    failed = rpawatch("accounts", "list", "--database-url", "postgresql://rpawatch:s3cret@127.0.0.1:1/rpawatch")
    assert (failed.code, failed.out) == (3, "")
    assert failed.line.startswith("The store can't be reached, or did not answer in time (connection refused).")
    assert "s3cret" not in failed.line


def test_a_database_that_takes_no_changes_is_one_line(rpawatch: Rpawatch, fresh_url: str) -> None:
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
                sql.Identifier(connection.info.dbname)
            )
        )
    failed = rpawatch("accounts", "list", "--database-url", fresh_url)
    assert (failed.code, failed.out) == (3, "")
    assert failed.line.startswith("The store can't be reached, or did not answer in time (cannot execute")


def test_a_data_directory_that_can_not_be_used_is_one_line(rpawatch: Rpawatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    failed = rpawatch("accounts", "list", "--data-dir", str(tmp_path / "file"))
    assert (failed.code, failed.out) == (3, "")
    assert failed.line.startswith("The embedded PostgreSQL can't use")


@pytest.mark.parametrize(
    "url", ["postgresql://u:s3cret%zz@h/x", "postgresql://h/x?s3cret=1", "postgresql://[::s3cret/x", "mysql://s3cret"]
)
def test_a_bad_url_is_refused_and_not_repeated(rpawatch: Rpawatch, url: str) -> None:
    refused = rpawatch("accounts", "list", "--database-url", url)
    assert (refused.code, refused.out) == (2, "")
    assert refused.line.startswith("RPAWATCH_DATABASE_URL ")
    assert "s3cret" not in refused.line


def test_a_data_directory_and_a_url_together_are_refused(rpawatch: Rpawatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    refused = rpawatch("accounts", "list", "--data-dir", "somewhere")
    assert (refused.code, refused.out) == (2, "")
    assert refused.line.endswith("Leave one of them out.")


@pytest.mark.parametrize("command", [("accounts", "list"), ("migrate",), ("demo",), ("serve",)])
def test_a_setting_that_is_wrong_is_named(rpawatch: Rpawatch, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / ".env").write_text("RPAWATCH_LISTEN=nowhere\n", encoding="utf-8")
    refused = rpawatch(*command)
    assert (refused.code, refused.out) == (2, "")
    assert refused.line == "RPAWATCH_LISTEN must be address:port, as in 127.0.0.1:8000."
