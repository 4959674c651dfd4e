"""Migrating: once, by many at the same time or again and again, and never backwards."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from application.store.database import ROLES, Database
from application.store.embedded import EmbeddedPostgres
from application.store.errors import StoreSetupError, StoreUnavailableError
from application.store.schema import check_migrated, migrate, migrations
from projections.schema import create_tables
from tests.support.cast import Cast
from tests.support.postgres import Server, url_with
from tests.support.running import another_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clock import FakeClock

ROOT = Path(__file__).parents[3]
BASELINE = migrations()
NAMES = [name for name, _ in BASELINE]


@pytest.fixture
def empty_url(postgres: Server) -> Iterator[str]:
    """The owner's URL of an empty database."""
    url = postgres.create_database(empty=True)
    yield url
    postgres.drop_database(url)


def names_in(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM rpawatch.migrations ORDER BY name")]


def test_an_empty_database_gets_every_migration_in_order(empty_url: str) -> None:
    assert migrate(empty_url) == NAMES == sorted(NAMES)
    assert names_in(empty_url) == NAMES


def test_migrating_again_does_nothing(empty_url: str) -> None:
    migrate(empty_url)
    assert migrate(empty_url) == []


def test_what_belongs_to_others_is_made_under_the_same_lock(empty_url: str) -> None:
    def further(connection: psycopg.Connection[dict[str, object]]) -> list[str]:
        held = connection.execute(
            "SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        ).fetchone()
        assert held == {"locks": 1}
        return ["further"]

    assert migrate(empty_url, further) == [*NAMES, "further"]


def test_a_later_migration_is_run_alone_and_finds_what_is_there(
    empty_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_url, create_tables)
    with another_process(empty_url, clock) as before:
        bot = Cast(before).bot()
        bot.report()
        later = (
            "CREATE TABLE rpawatch.later AS SELECT count(*) AS jobs FROM rpawatch.events WHERE topic = 'job.reported'"
        )
        monkeypatch.setattr("application.store.schema.migrations", lambda: [*BASELINE, ("0999_later.sql", later)])
        with pytest.raises(StoreSetupError, match="rpawatch migrate"):
            check_migrated(before.database)
        with ThreadPoolExecutor(6) as threads:
            runs = list(threads.map(lambda _: migrate(empty_url, create_tables), range(6)))
        assert sorted(runs, key=len) == [[]] * 5 + [["0999_later.sql"]]
        check_migrated(before.database)
        assert bot.report().job is not None
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT jobs FROM rpawatch.later").fetchall() == [(1,)]


def test_six_threads_at_once_all_succeed_and_each_migration_is_run_once(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        runs = list(threads.map(lambda _: migrate(empty_url), range(6)))
    assert sorted(runs, key=len) == [[]] * 5 + [NAMES]


def test_several_processes_at_once_all_succeed(empty_url: str) -> None:
    script = "import sys; from application.store.schema import migrate; print(len(migrate(sys.argv[1])))"
    command = [sys.executable, "-c", script, empty_url]
    runs = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    told = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0] * 3, told
    assert sorted(int(out) for out, _ in told) == [0] * 2 + [len(NAMES)]


def test_databases_of_one_server_can_be_migrated_at_the_same_time(postgres: Server) -> None:
    urls = [postgres.create_database(empty=True) for _ in range(3)]
    try:
        with ThreadPoolExecutor(3) as threads:
            assert list(threads.map(migrate, urls)) == [NAMES] * 3
    finally:
        for url in urls:
            postgres.drop_database(url)


def test_a_database_of_a_newer_release_is_refused_with_one_clear_line_and_left_alone(empty_url: str) -> None:
    migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("INSERT INTO rpawatch.migrations (name) VALUES ('9999_from_the_future.sql')")
    with pytest.raises(StoreSetupError) as refused:
        migrate(empty_url)
    message = str(refused.value)
    assert "newer release" in message
    assert "9999_from_the_future.sql" in message
    assert "\n" not in message
    assert names_in(empty_url) == [*NAMES, "9999_from_the_future.sql"]


def test_a_service_refuses_a_database_that_is_not_migrated_and_one_of_a_newer_release(empty_url: str) -> None:
    database = Database(empty_url, role=None)
    database.open()
    try:
        with pytest.raises(StoreSetupError, match="rpawatch migrate"):
            check_migrated(database)
        migrate(empty_url)
        check_migrated(database)
        with psycopg.connect(empty_url) as connection:
            connection.execute("INSERT INTO rpawatch.migrations (name) VALUES ('9999_from_the_future.sql')")
        with pytest.raises(StoreSetupError):
            check_migrated(database)
    finally:
        database.close()


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [*BASELINE, ("0999_broken.sql", "CREATE TABLE rpawatch.half_done (); SELECT 1/0;")]
    with monkeypatch.context() as patch:
        patch.setattr("application.store.schema.migrations", lambda: broken)
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(empty_url)
    assert names_in(empty_url) == NAMES
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT to_regclass('rpawatch.half_done')").fetchone() == (None,)
    assert migrate(empty_url) == []


def test_a_database_that_is_not_in_utf_8_is_refused_with_one_clear_line(postgres: Server) -> None:
    name = f"rpawatch_test_{uuid4().hex}"
    identifier = sql.Identifier(name)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        provider = "LOCALE_PROVIDER libc" if connection.info.server_version >= 150000 else ""
        options = f"TEMPLATE template0 ENCODING 'LATIN1' {provider} LC_COLLATE 'C' LC_CTYPE 'C'"
        connection.execute(sql.SQL("CREATE DATABASE {} ").format(identifier) + sql.SQL(options))
        try:
            with pytest.raises(StoreSetupError, match="UTF8") as refused:
                migrate(postgres.url_of(dbname=name))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
    assert "\n" not in str(refused.value)


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError):
        migrate(f"host={tmp_path} dbname=nowhere user=nobody")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's URL of a server that nobody has migrated anything on, so that the role is not there yet."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("own")) as server:
        yield server.conninfo


def make_owner(server: str, *options: str) -> tuple[str, str]:
    """Make a login role with these options and a database that it owns; return the URL of that, and the role's name."""
    name = f"owner_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER {' '.join(options)}".encode())
        connection.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
    return url_with(server, user=name, dbname=name), name


def test_an_owner_who_may_not_create_roles_is_told_what_a_superuser_has_to_do(own_server: str) -> None:
    url, name = make_owner(own_server)
    with psycopg.connect(own_server, autocommit=True) as superuser:
        for role in ROLES:
            superuser.execute(f"DROP ROLE IF EXISTS {role}".encode())
    with pytest.raises(StoreSetupError) as refused:
        migrate(url)
    message = str(refused.value)
    assert "\n" not in message
    told = " ".join(f"CREATE ROLE {role}; GRANT {role} TO {name};" for role in ROLES)
    assert message.endswith(told)
    with psycopg.connect(own_server, autocommit=True) as superuser:
        superuser.execute(told.encode())
    assert [done for done in migrate(url, create_tables) if done in NAMES] == NAMES
    assert migrate(url, create_tables) == []


def test_an_owner_who_is_no_superuser_and_may_create_roles_migrates_and_serves(
    own_server: str, clock: FakeClock
) -> None:
    """From PostgreSQL 16 on, who creates a role is a member of it that may not take it on."""
    with psycopg.connect(own_server, autocommit=True) as superuser:
        for role in ROLES:
            superuser.execute(f"DROP OWNED BY {role}".encode())
        for (name,) in superuser.execute("SELECT datname FROM pg_database WHERE datname LIKE 'owner_%'").fetchall():
            superuser.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for role in ROLES:
            superuser.execute(f"DROP ROLE IF EXISTS {role}".encode())
    url, _ = make_owner(own_server, "CREATEROLE")
    assert [done for done in migrate(url, create_tables) if done in NAMES] == NAMES
    with another_process(url, clock) as application:
        assert Cast(application).bot().report().job is not None
