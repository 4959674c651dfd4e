"""A query that forgets the account shows nothing of a neighbour: PostgreSQL itself sees to that."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from application.store.database import APP_ROLE, connect
from projections.fence import ListIncompleteError, reading
from projections.jobs.terms import JOB_TERMS
from projections.read_model import SCHEMA, ReadModelsNotSetUpError
from projections.read_models import READ_MODELS
from tests.projections.histories import Histories
from tests.support.effort import seeded_random

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.store.session import Connection
    from projections.read_model import ReadModel
    from tests.projections.support import World

WITHOUT_FENCE = frozenset({JOB_TERMS.name})
"""Digests of the words of jobs, from which nothing follows without the account's id (job_terms.py)."""
FENCED = [model for model in READ_MODELS if model.name not in WITHOUT_FENCE]


@pytest.fixture(scope="module")
def filled(shared: World) -> World:
    """A database where several accounts have something in every read model."""
    shared.append(list(Histories(seeded_random()).events(1_500)))
    shared.wait_for_all()
    return shared


@pytest.fixture
def as_service(filled: World) -> Iterator[Connection]:
    """A connection in the role that serves requests."""
    with connect(filled.url, role=APP_ROLE) as connection:
        yield connection


def scopes(world: World, model: ReadModel) -> list[UUID]:
    """Return the ids that rows of a read model are fenced by."""
    query = sql.SQL("SELECT DISTINCT {} AS scope FROM {}").format(sql.Identifier(model.fence[0]), table(model))
    return [row["scope"] for row in world.owner.execute(query)]


def table(model: ReadModel) -> sql.Identifier:
    return sql.Identifier(SCHEMA, model.name)


def everything(connection: Connection, model: ReadModel) -> list[dict[str, object]]:
    """Ask for all rows, as a query does that forgot its WHERE."""
    return connection.execute(sql.SQL("SELECT * FROM {}").format(table(model))).fetchall()


def test_every_read_model_has_a_fence_but_those_that_say_nothing_about_an_account() -> None:
    assert {model.name for model in READ_MODELS if not model.fence} == WITHOUT_FENCE


@pytest.mark.parametrize("model", FENCED, ids=lambda model: model.name)
def test_a_query_without_the_account_shows_its_own_rows_and_none_of_a_neighbour(
    filled: World, model: ReadModel
) -> None:
    found = scopes(filled, model)
    total = len(everything(filled.owner, model))
    assert total
    seen = 0
    for scope in found:
        with reading(filled.database, [scope], model.name) as connection:
            rows = everything(connection, model)
        assert rows
        assert all(scope in {row[column] for column in model.fence} for row in rows)
        seen += len(rows)
    assert seen == total
    with reading(filled.database, [uuid4()], model.name) as connection:
        assert everything(connection, model) == []


@pytest.mark.parametrize("model", FENCED, ids=lambda model: model.name)
@pytest.mark.parametrize("setting", [None, "", "{}"])
def test_who_does_not_say_what_they_read_for_sees_nothing(
    as_service: Connection, model: ReadModel, setting: str | None
) -> None:
    if setting is not None:
        as_service.execute("SELECT set_config('rpawatch.may_read', %s, false)", (setting,))
    assert everything(as_service, model) == []


def test_what_one_transaction_may_read_the_next_one_on_the_connection_may_not(filled: World) -> None:
    model = FENCED[0]
    scope = scopes(filled, model)[0]
    with connect(filled.url, role=APP_ROLE) as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('rpawatch.may_read', %s, true)", ("{" + str(scope) + "}",))
            assert everything(connection, model)
        assert everything(connection, model) == []


def test_an_id_that_is_none_is_an_error_and_no_way_around(as_service: Connection) -> None:
    as_service.execute("SELECT set_config('rpawatch.may_read', 'all', false)")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        everything(as_service, FENCED[0])


def test_the_role_of_the_service_can_not_take_the_fence_away(as_service: Connection) -> None:
    for statement in ("ALTER TABLE {} DISABLE ROW LEVEL SECURITY", "DROP POLICY fence ON {}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_service.execute(sql.SQL(statement).format(table(FENCED[0])))


def test_a_read_model_that_is_not_there_or_not_complete_is_no_empty_list(world: World) -> None:
    with pytest.raises(ReadModelsNotSetUpError), reading(world.database, [], "nosuch_v1"):
        pass
    world.owner.execute("UPDATE rpawatch_lists.positions SET is_complete = false WHERE name = %s", (FENCED[0].name,))
    with pytest.raises(ListIncompleteError), reading(world.database, [], FENCED[0].name, FENCED[1].name):
        pass
