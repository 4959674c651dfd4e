"""The PostgreSQL of a test run, and the databases in it.

One server per run: the one that RPAWATCH_TEST_DATABASE_URL names, with a role that may create databases and roles
(`make test` runs those of what has SQL a second time, on Debian's), or else an embedded one in a temporary folder. One
database per test module, copied from a template that was migrated once.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from application.store.database import APP_ROLE
from application.store.embedded import EmbeddedPostgres
from application.store.schema import migrate
from projections.schema import create_tables
from tests.support.debian_postgres import URL_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """A server of which the tests are superuser. Everything made through it is dropped by `clean_up`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._names = f"rpawatch_test_{secrets.token_hex(4)}"
        self._databases: list[str] = []
        self._template: str | None = None
        self._had_role = bool(self._fetch("SELECT FROM pg_roles WHERE rolname = %s", APP_ROLE))

    def make_template(self) -> None:
        """Migrate the database that others are copied from."""
        url = self.create_database(empty=True)
        migrate(url, create_tables)
        self._template = self._databases[-1]

    def create_database(self, *, empty: bool = False, like: str | None = None) -> str:
        """Make a database, and return its owner's URL: an empty one, or a copy of the template.

        like: the URL of another to copy, to which nobody is connected.
        """
        name = f"{self._names}_{len(self._databases)}"
        template: sql.Composable = sql.SQL("template0 ENCODING 'UTF8'")
        if like is not None:
            template = sql.Identifier(str(conninfo_to_dict(like)["dbname"]))
        elif not empty:
            if self._template is None:
                raise RuntimeError("make_template first")
            template = sql.Identifier(self._template)
        self._databases.append(name)
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
        return self.url_of(dbname=name)

    def drop_database(self, url: str) -> None:
        """Drop a database, also when somebody is still connected to it."""
        name = conninfo_to_dict(url)["dbname"]
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(str(name))))

    def url_of(self, **changes: str) -> str:
        """Return the server's URL with other parameters."""
        return url_with(self.url, **changes)

    def clean_up(self) -> None:
        """Leave the server as it was found."""
        for name in self._databases:
            self.drop_database(self.url_of(dbname=name))
        if not self._had_role:
            # Somebody else's database on this server may have come to need it meanwhile.
            with suppress(psycopg.errors.DependentObjectsStillExist):
                self._execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(APP_ROLE)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def _fetch(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()


def url_with(url: str, **changes: str) -> str:
    """Return a URL with other parameters. All of them stand in its query, where libpq takes every one."""
    parameters = {name: str(value) for name, value in (conninfo_to_dict(url) | changes).items()}
    name = parameters.pop("dbname", "postgres")
    return f"postgresql:///{quote(name)}?{urlencode(parameters, quote_via=quote)}"


@contextmanager
def running_server() -> Iterator[Server]:
    """Give a server for as long as the block."""
    with ExitStack() as stack:
        url = os.environ.get(URL_VARIABLE)
        if not url:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rpawatch-"))
            url = stack.enter_context(EmbeddedPostgres(Path(folder) / "data")).conninfo
        server = Server(url)
        stack.callback(server.clean_up)
        server.make_template()
        yield server
