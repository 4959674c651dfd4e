"""The tables are made once, with the rights of the service's role, and a start of the service changes nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from application.store.database import connect
from application.store.schema import migrate
from projections.account_list import ACCOUNT_LIST
from projections.read_models import READ_MODELS
from projections.schema import POSITIONS, create_tables

if TYPE_CHECKING:
    from tests.projections.support import World
    from tests.support.postgres import Server

TABLES = [POSITIONS, *(model.name for model in READ_MODELS)]
_CATALOG = """
SELECT oid, xmin::text, relacl::text FROM pg_class WHERE relnamespace = 'rpawatch'::regnamespace ORDER BY oid
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
    world.owner.execute(f"REVOKE UPDATE ON rpawatch.{table} FROM rpawatch_app")
    assert create_tables(world.owner) == []
    with world.connect() as connection:
        connection.execute(f"UPDATE rpawatch.{table} SET {_first_column(world, table)} = NULL WHERE false")  # noqa: S608


def _first_column(world: World, table: str) -> str:
    cursor = world.owner.execute(f"SELECT * FROM rpawatch.{table} LIMIT 0")  # noqa: S608 - a constant
    assert cursor.description
    return cursor.description[0].name


def test_the_role_of_the_service_can_neither_drop_nor_truncate_a_read_model(world: World) -> None:
    with world.connect() as connection:
        for statement in ("DROP TABLE rpawatch.account_list_v2", "TRUNCATE rpawatch.account_list_v2"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_read_model_can_be_made_a_second_time_under_another_name(world: World) -> None:
    copy = replace(ACCOUNT_LIST, name="account_list_v2_copy")
    assert create_tables(world.owner, [copy]) == ["account_list_v2_copy"]
    world.follow([copy])
    world.wait_for_all([copy])


def test_a_table_that_was_dropped_is_made_and_filled_again(world: World) -> None:
    world.owner.execute("UPDATE rpawatch.projection_positions SET position = 7")
    world.owner.execute("DROP TABLE rpawatch.account_list_v2")
    with connect(world.url) as connection:
        assert create_tables(connection) == ["account_list_v2"]
    rows = world.owner.execute("SELECT name, position FROM rpawatch.projection_positions ORDER BY position")
    assert rows.fetchone() == {"name": "account_list_v2", "position": 0}
