"""Which rows a transaction may read: row-level security, by account.

A query names its account in a WHERE, which is what makes it quick. The fence is for the one that forgets to: each
transaction says which ids it reads for, and the policy of every read model shows it no other rows. Without a word of
it there are none.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from application.store.database import APP_ROLE
from projections.read_model import ReadModelsNotSetUpError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from uuid import UUID

    from application.store.session import Connection
    from projections.read_model import Pool

SETTING = "rpawatch.may_read"

# The sub-select makes PostgreSQL look at the setting once for each query, and not once for each row.
_ALLOWED = sql.SQL("{column} = ANY ((SELECT nullif(current_setting({setting}, true), ''))::uuid[])")
_POLICY = sql.SQL("""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY fence ON {table} FOR SELECT TO {role} USING ({allowed});
""")
_BEGIN = """
SELECT set_config(%s, %s, true), current_user::text, bool_and(is_complete), count(*), min(position)
FROM rpawatch_lists.positions WHERE name = ANY(%s::text[])
"""


class ListIncompleteError(Exception):
    """A list is still being made from the log, for the first time."""


def fence(table: sql.Identifier, columns: Sequence[str]) -> sql.Composed:
    """Return the statements that put a fence around a table; one of these columns must hold an id that may be read.

    Nothing for no columns: what such a table holds says nothing about an account.
    """
    if not columns:
        return sql.Composed([])
    allowed = [_ALLOWED.format(column=sql.Identifier(column), setting=sql.Literal(SETTING)) for column in columns]
    return _POLICY.format(table=table, role=sql.Identifier(APP_ROLE), allowed=sql.SQL(" OR ").join(allowed))


@contextmanager
def reading(pool: Pool, scope: Collection[UUID], *names: str) -> Iterator[Connection]:
    """Lend a connection in a transaction that may read these read models, in the rows of these accounts (or tenants).

    Raises ListIncompleteError while one of them has never been complete, ReadModelsNotSetUpError.
    """
    with pool.get_connection() as connection, connection.transaction():
        with connection.cursor(row_factory=tuple_row) as cursor:
            ids = "{" + ",".join(map(str, scope)) + "}"
            row = cursor.execute(_BEGIN, (SETTING, ids, list(names))).fetchone()
        _, user, complete, found, position = row or (None, None, False, 0, 0)
        if user != APP_ROLE:
            # The fence stands before this role only; whoever owns the tables sees over it.
            connection.close()
            raise psycopg.OperationalError(f"the session acts as {user} and not as {APP_ROLE}")
        if found != len(names):
            raise ReadModelsNotSetUpError
        if not complete:
            raise ListIncompleteError(f"This list is being made from the log; it is at event {position:,}.")
        yield connection
