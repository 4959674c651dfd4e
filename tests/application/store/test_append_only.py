"""Nobody changes the log: the service's role has no right to, and a trigger refuses it to everyone else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from application.store.database import APP_ROLE, connect
from tests.support.cast import Cast
from tests.support.clock import FakeClock
from tests.support.running import Application, application_on

if TYPE_CHECKING:
    from application.store.database import Database

CHANGES = [
    "UPDATE rpawatch.events SET state = 'x'",
    "UPDATE rpawatch.events SET notification_id = DEFAULT",
    "UPDATE rpawatch.events SET topic = 'x' WHERE false",
    "DELETE FROM rpawatch.events",
    "DELETE FROM rpawatch.events WHERE false",
    "TRUNCATE rpawatch.events",
    "TRUNCATE rpawatch.events CASCADE",
    (
        "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)"
        " SELECT originator_id, originator_version, topic, state FROM rpawatch.events"
        " ON CONFLICT (originator_id, originator_version) DO UPDATE SET state = 'x'"
    ),
]
TAMPERING = [
    "DROP TABLE rpawatch.events",
    "ALTER TABLE rpawatch.events DISABLE TRIGGER ALL",
    "DROP TRIGGER append_only ON rpawatch.events",
    "ALTER TABLE rpawatch.events ADD COLUMN x int",
    "CREATE RULE r AS ON INSERT TO rpawatch.events DO INSTEAD NOTHING",
    (
        "CREATE OR REPLACE FUNCTION rpawatch.refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'"
    ),
    "DROP FUNCTION rpawatch.append_batch",
    "CREATE TABLE rpawatch.mine ()",
    "SET session_replication_role = replica",
    "COPY rpawatch.events TO PROGRAM 'true'",
    "DELETE FROM rpawatch.migrations",
    "INSERT INTO rpawatch.migrations (name) VALUES ('x')",
    "UPDATE rpawatch.snapshots SET state = 'x'",
    "TRUNCATE rpawatch.snapshots",
    "UPDATE rpawatch.installation SET created_at = now()",
    "CREATE ROLE another",
    "ALTER ROLE rpawatch_app SUPERUSER",
]
"""What the service's role can't do either."""


@pytest.fixture(scope="module", autouse=True)
def log(database: Database) -> Application:
    """A log with events in it."""
    application = application_on(database, FakeClock())
    Cast(application).bot().report()
    return application


@pytest.fixture
def rows_before(database_url: str) -> list[tuple[object, ...]]:
    return rows_of(database_url)


def rows_of(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT * FROM rpawatch.events ORDER BY notification_id").fetchall()


@pytest.mark.parametrize("statement", CHANGES + TAMPERING)
def test_the_role_that_serves_requests_has_no_right_to_it(
    database_url: str, rows_before: list[tuple[object, ...]], statement: str
) -> None:
    with connect(database_url, role=APP_ROLE) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())
    assert rows_of(database_url) == rows_before


@pytest.mark.parametrize("statement", [change for change in CHANGES if not change.startswith("INSERT")])
def test_the_owner_and_superuser_is_refused_with_a_message_that_says_what_to_do_instead(
    database_url: str, rows_before: list[tuple[object, ...]], statement: str
) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only") as refused,
    ):
        connection.execute(statement.encode())
    operation = statement.split(maxsplit=1)[0]
    assert refused.value.diag.message_primary == f"The event log is append-only: {operation} is refused, for everyone."
    assert "Record a new event" in str(refused.value.diag.message_hint)
    assert rows_of(database_url) == rows_before


def test_an_insert_that_would_change_a_row_is_refused_to_the_owner_too(
    database_url: str, rows_before: list[tuple[object, ...]]
) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="UPDATE is refused"),
    ):
        connection.execute(CHANGES[-1].encode())
    assert rows_of(database_url) == rows_before


def test_positions_are_the_databases_to_hand_out(database_url: str) -> None:
    statement = (
        "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state, notification_id)"
        " VALUES (gen_random_uuid(), 1, 'x', 'x', 1000000)"
    )
    with connect(database_url, role=APP_ROLE) as connection, pytest.raises(psycopg.errors.GeneratedAlways):
        connection.execute(statement.encode())


def test_the_service_works_with_the_rights_of_its_role(database: Database) -> None:
    with database.get_connection() as connection:
        row = connection.execute("SELECT current_user AS role, current_setting('is_superuser') AS super").fetchone()
    assert row == {"role": APP_ROLE, "super": "off"}
