"""Makes and upgrades the tables, once, under an advisory lock.

Workers never create anything: two processes that create the library's tables and functions at the same time fail with
'tuple concurrently updated'.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from application.store.database import APP_ROLE, ROLES, SCHEMA, BoundedConnection, Database, connect, store_errors
from application.store.errors import StoreSetupError

if TYPE_CHECKING:
    from collections.abc import Callable

_LOCK = 0x72706177  # "rpaw"
SERVER_VERSION_MIN = 140000
_CREATE_ROLE = """
DO $$ BEGIN
    CREATE ROLE {} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- roles belong to the whole cluster
END $$
"""


def migrations() -> list[tuple[str, str]]:
    """Return name and SQL of every migration, in order."""
    folder = files("application.store").joinpath("migrations")
    return sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql"))


def migrate(conninfo: str, *further: Callable[[BoundedConnection], list[str]]) -> list[str]:
    """Bring the database up to date and return the names of what was run or made.

    further: makes what else belongs into the database, on the owner's connection and under the same lock.
    Raises StoreUnavailableError when it can't be reached, StoreSetupError when it can't be used.
    """
    # Here is where everything begins that uses the store: a pooler that won't do is named before anything is changed.
    with connect(conninfo, doubt=True) as connection:
        if connection.info.server_version < SERVER_VERSION_MIN:
            raise StoreSetupError("This PostgreSQL is older than version 14. Use version 14 or newer.")
        _check_encoding(connection)
        try:
            with store_errors():
                done = _migrate(connection)
                return done + [name for make in further for name in make(connection)]
        except psycopg.errors.InsufficientPrivilege as error:
            raise StoreSetupError(
                f"The database user may not set up the store ({error.diag.message_primary}). It must own the database"
                " and be allowed to create roles, or a superuser runs: "
                + " ".join(f"CREATE ROLE {role}; GRANT {role} TO {connection.session.login};" for role in ROLES)
            ) from error


def _migrate(connection: BoundedConnection) -> list[str]:
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    for role in ROLES:
        _ensure_role(connection, role)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {SCHEMA}.migrations"
        " (name text PRIMARY KEY, run_at timestamptz NOT NULL DEFAULT now())"
    )
    connection.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {', '.join(ROLES)}")
    connection.execute(f"GRANT SELECT ON {SCHEMA}.migrations TO {APP_ROLE}")
    done = {row["name"] for row in connection.execute(f"SELECT name FROM {SCHEMA}.migrations")}  # noqa: S608 - a constant
    unknown = done - {name for name, _ in migrations()}
    if unknown:
        raise StoreSetupError(
            f"The database was set up by a newer release (it has {', '.join(sorted(map(str, unknown)))})."
            " Run that release, or a newer one."
        )
    run = []
    for name, statements in migrations():
        if name not in done:
            with connection.transaction():
                connection.execute(statements.encode())
                connection.execute(f"INSERT INTO {SCHEMA}.migrations (name) VALUES (%s)", (name,))  # noqa: S608 - a constant
            run.append(name)
    return run


def check_migrated(database: Database) -> None:
    """Raise StoreSetupError unless exactly the migrations of this release have been run."""
    try:
        with database.get_connection() as connection:
            done = {row["name"] for row in connection.execute(f"SELECT name FROM {SCHEMA}.migrations")}  # noqa: S608 - a constant
    except psycopg.errors.Error:
        done = set()
    if done != {name for name, _ in migrations()}:
        raise StoreSetupError("The database is not set up for this release. Run `rpawatch migrate`.")


def _check_encoding(connection: BoundedConnection) -> None:
    encoding = connection.execute("SHOW server_encoding").fetchone()
    if encoding and encoding["server_encoding"] != "UTF8":
        raise StoreSetupError("The database does not use UTF-8. Create it with ENCODING 'UTF8'.")


def _ensure_role(connection: BoundedConnection, role: str) -> None:
    name = sql.Identifier(role)
    # A row without columns would be an empty dict, which is false.
    if not connection.execute("SELECT rolname FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        connection.execute(sql.SQL(_CREATE_ROLE).format(name))
    try:
        # Being a member is not enough: from PostgreSQL 16 on, who creates a role is one that may not take it on.
        connection.execute(sql.SQL("SET ROLE {}").format(name))
        connection.execute("RESET ROLE")
    except psycopg.errors.InsufficientPrivilege:
        connection.execute(sql.SQL("GRANT {} TO {}").format(name, sql.Identifier(connection.session.login)))
