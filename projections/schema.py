"""Makes the tables of the read models. `rpawatch migrate` calls it as the owner, under the lock of migrations.

What is there is left alone: a start of the service changes nothing in the catalog, so many can start at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql
from psycopg.rows import tuple_row

from projections.read_model import APP_ROLE, SCHEMA
from projections.read_models import READ_MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.read_model import Connection, ReadModel

POSITIONS: Final = "projection_positions"
_POSITIONS_DDL = sql.SQL("CREATE TABLE {} (name text PRIMARY KEY, position bigint NOT NULL)")
_START = sql.SQL("INSERT INTO {} (name, position) VALUES (%s, 0) ON CONFLICT (name) DO UPDATE SET position = 0").format(
    sql.Identifier(SCHEMA, POSITIONS)
)
_PRIVILEGES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
_LOOK = """
SELECT found, (SELECT bool_and(has_table_privilege(%s::name, found, privilege)) FROM unnest(%s::text[]) AS privilege)
FROM to_regclass(%s) AS found
"""


def create_tables(connection: Connection, models: Sequence[ReadModel] = READ_MODELS) -> list[str]:
    """Make the tables that are missing, with the rights of the service's role, and return the names of the new ones.

    A new read model starts at the first event of the log.
    """
    made = []
    positions = sql.Identifier(SCHEMA, POSITIONS)
    with connection.transaction():
        if _make(connection, POSITIONS, _POSITIONS_DDL.format(positions)):
            made.append(POSITIONS)
    for model in models:
        with connection.transaction():
            if _make(connection, model.name, model.ddl()):
                connection.execute(_START, (model.name,))
                made.append(model.name)
    return made


def _make(connection: Connection, name: str, ddl: sql.Composed) -> bool:
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_LOOK, (APP_ROLE, list(_PRIVILEGES), f"{SCHEMA}.{name}")).fetchone()
    found, granted = row or (None, None)
    if found is None:
        connection.execute(ddl)
    if not granted:
        connection.execute(
            sql.SQL("GRANT {} ON {} TO {}").format(
                sql.SQL(", ".join(_PRIVILEGES)), sql.Identifier(SCHEMA, name), sql.Identifier(APP_ROLE)
            )
        )
    return found is None
