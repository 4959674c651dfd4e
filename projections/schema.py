"""Makes the tables of the read models. `rpawatch migrate` calls it as the owner, under the lock of migrations.

What is there is left alone: a start of the service changes nothing in the catalog, so many can start at once. All of
it belongs to the projector's role, so that a rebuild needs no more rights than following the log does.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from psycopg import sql
from psycopg.rows import tuple_row

from application.store.database import APP_ROLE, PROJECTOR_ROLE
from application.store.log.reading import LAST_POSITION
from projections.fence import fence
from projections.read_model import SCHEMA
from projections.read_models import READ_MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from application.store.session import Connection
    from projections.read_model import ReadModel

POSITIONS: Final = "positions"
DEAD_LETTERS: Final = "dead_letters"
PROJECTOR: Final = "projector"
_OWN_TABLES: Final = {
    # is_complete: it has shown the whole log once, so lists may be read from it.
    POSITIONS: """
CREATE TABLE {} (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    is_complete boolean NOT NULL
) WITH (fillfactor = 50)
""",
    DEAD_LETTERS: """
CREATE TABLE {} (
    name text NOT NULL,
    position bigint NOT NULL,
    stream_id uuid NOT NULL,
    stream_version bigint NOT NULL,
    topic text NOT NULL,
    reason text NOT NULL,
    set_aside_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, position)
)
""",
    # What the projector that works last said of itself, so that every process can tell.
    PROJECTOR: """
CREATE TABLE {} (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    looked_at timestamptz NOT NULL,
    error text
) WITH (fillfactor = 50)
""",
}
_START = f"""
INSERT INTO rpawatch_lists.positions (name, position, is_complete)
VALUES (%s, 0, {LAST_POSITION} = 0)
ON CONFLICT (name) DO UPDATE SET position = 0, is_complete = EXCLUDED.is_complete
"""  # noqa: S608 - a constant
_LACKING = """
SELECT name FROM unnest(%s::text[]) AS name, to_regclass(%s || '.' || name) AS found
WHERE found IS NULL OR NOT has_table_privilege(%s::name, found, 'SELECT')
"""
_LOOK = "SELECT found, has_table_privilege(%s::name, found, 'SELECT') FROM to_regclass(%s) AS found"


def create_tables(connection: Connection, models: Sequence[ReadModel] = READ_MODELS) -> list[str]:
    """Make the tables that are missing, with the rights of the service's roles, and return the names of the new ones.

    A new read model starts at the first event of the log. Raises psycopg.Error.
    """
    _create_schema(connection)
    with _as_projector(connection):
        # Asked of all tables at once: every command begins here, and nearly always there is nothing to do.
        lacking = _lacking(connection, [*_OWN_TABLES, *(model.name for model in models)])
        made = [
            name
            for name, ddl in _OWN_TABLES.items()
            if name in lacking and _make(connection, name, sql.SQL(ddl).format(_identifier(name)))
        ]
        return made + [model.name for model in models if model.name in lacking and make_table(connection, model)]


def make_table(connection: Connection, model: ReadModel) -> bool:
    """Make the table of a read model, empty and fenced, and return whether it was missing."""
    with connection.transaction():
        is_new = _make(connection, model.name, model.ddl() + fence(_identifier(model.name), model.fence))
        if is_new:
            connection.execute(_START, (model.name,))
    return is_new


def _create_schema(connection: Connection) -> None:
    found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).rowcount
    if found:
        return
    names = {
        "schema": sql.Identifier(SCHEMA),
        "projector": sql.Identifier(PROJECTOR_ROLE),
        "app": sql.Identifier(APP_ROLE),
    }
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA {schema} AUTHORIZATION {projector}").format(**names))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {app}").format(**names))


@contextmanager
def _as_projector(connection: Connection) -> Iterator[None]:
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(PROJECTOR_ROLE)))
    try:
        yield
    finally:
        connection.execute("RESET ROLE")


def _lacking(connection: Connection, names: Sequence[str]) -> set[str]:
    """Return which of these tables are missing, or can't be read by the service."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return {name for (name,) in cursor.execute(_LACKING, (list(names), SCHEMA, APP_ROLE))}


def _make(connection: Connection, name: str, ddl: sql.Composed) -> bool:
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_LOOK, (APP_ROLE, f"{SCHEMA}.{name}")).fetchone()
    found, granted = row or (None, None)
    with connection.transaction():
        if found is None:
            connection.execute(ddl)
        if not granted:
            connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(_identifier(name), sql.Identifier(APP_ROLE)))
    return found is None


def _identifier(name: str) -> sql.Identifier:
    return sql.Identifier(SCHEMA, name)
