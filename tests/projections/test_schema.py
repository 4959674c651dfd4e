"""The tables are made once, with the rights of the service's role, and a start of the service changes nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from application.store.database import APP_ROLE, connect
from application.store.schema import migrate
from projections.accounts import ACCOUNT_LIST
from projections.read_model import SCHEMA
from projections.read_models import READ_MODELS
from projections.schema import DEAD_LETTERS, POSITIONS, PROJECTOR, create_tables

if TYPE_CHECKING:
    from tests.projections.support import World
    from tests.support.postgres import Server

TABLES = [POSITIONS, DEAD_LETTERS, PROJECTOR, *(model.name for model in READ_MODELS)]
_CATALOG = """
SELECT oid, xmin::text, relacl::text FROM pg_class WHERE relnamespace = 'rpawatch_lists'::regnamespace ORDER BY oid
"""


def test_migrating_makes_the_tables_and_says_so_once(postgres: Server) -> None:
    url = postgres.create_database(empty=True)
    assert [name for name in migrate(url, create_tables) if name in TABLES] == TABLES
    assert migrate(url, create_tables) == []


def test_nothing_in_the_catalog_changes_when_all_is_there(world: World) -> None:
    before = world.owner.execute(_CATALOG).fetchall()
    assert create_tables(world.owner) == []
    assert world.owner.execute(_CATALOG).fetchall() == before


def test_several_processes_that_start_at_the_same_time_do_not_clash(postgres: Server) -> None:
    url = postgres.create_database(empty=True)
    made: list[list[str]] = []
    for _ in range(2):
        threads = [threading.Thread(target=lambda: made.append(migrate(url, create_tables))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(made) == 12
    assert sorted(name for names in made for name in names if name in TABLES) == sorted(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_a_right_that_was_taken_away_is_given_back(world: World, table: str) -> None:
    world.owner.execute(sql.SQL("REVOKE SELECT ON {} FROM rpawatch_app").format(sql.Identifier(SCHEMA, table)))
    assert create_tables(world.owner) == []
    with connect(world.url, role=APP_ROLE) as connection:
        connection.execute(f"SELECT * FROM rpawatch_lists.{table}")


@pytest.mark.parametrize("table", TABLES)
def test_the_role_of_the_service_may_read_what_projections_keep_and_nothing_else(world: World, table: str) -> None:
    with connect(world.url, role=APP_ROLE) as connection:
        for statement in ("DROP TABLE {}", "TRUNCATE {}", "DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL(statement).format(sql.Identifier(SCHEMA, table)))


def test_the_role_of_the_projector_can_not_write_the_log_nor_read_who_signs_in(world: World) -> None:
    with world.connect() as connection:
        for statement in (
            "INSERT INTO rpawatch.events DEFAULT VALUES",
            "DELETE FROM rpawatch.events",
            "SELECT * FROM rpawatch.users",
            "SELECT * FROM rpawatch.sessions",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_read_model_can_be_made_a_second_time_under_another_name(world: World) -> None:
    copy = replace(ACCOUNT_LIST, name="account_list_v1_copy")
    assert create_tables(world.owner, [copy]) == ["account_list_v1_copy"]
    world.follow([copy])
    world.wait_for_all([copy])


def test_a_table_that_was_dropped_is_made_and_filled_again(world: World) -> None:
    world.owner.execute("UPDATE rpawatch_lists.positions SET position = 7")
    world.owner.execute("DROP TABLE rpawatch_lists.account_list_v1")
    with connect(world.url) as connection:
        assert create_tables(connection) == ["account_list_v1"]
    rows = world.owner.execute("SELECT name, position FROM rpawatch_lists.positions ORDER BY position")
    assert rows.fetchone() == {"name": "account_list_v1", "position": 0}
