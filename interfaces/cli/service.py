"""`rpawatch serve` and `rpawatch migrate`."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.bootstrap import migrate as migrate_store
from interfaces.cli.operator_context import settings_of
from interfaces.cli.options import AsJson, DatabaseUrl, DataDir
from interfaces.cli.output import CommandResult, show
from interfaces.cli.store import open_store
from interfaces.cli.store_command import example_text
from interfaces.logs import configure_logs
from interfaces.serving.serve import serve as serve_until_stopped

_EXAMPLES = {
    "serve": """
        rpawatch serve
        rpawatch serve --listen 0.0.0.0:8000 --data-dir /var/lib/rpawatch
        rpawatch serve --workers 4
        RPAWATCH_DATABASE_URL=postgresql://db.example.com/rpawatch rpawatch serve
    """,
    "migrate": """
        rpawatch migrate
        RPAWATCH_DATABASE_URL=postgresql://db.example.com/rpawatch rpawatch migrate --json
    """,
}


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    add = app.command(name, short_help=help_line, epilog=example_text(_EXAMPLES[name]))
    if name == "serve":
        add(serve)
    else:
        add(migrate)


def serve(
    *,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS:PORT",
            help="Where to listen; several with commas between them. [RPAWATCH_LISTEN, or 127.0.0.1:8000]",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=64, help="Web processes that serve on the same addresses. [RPAWATCH_WORKERS, or 1]"
        ),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run the service until it is stopped (Ctrl+C, SIGTERM).

    Without a database URL it starts a PostgreSQL of its own under the data directory. An option wins over the variable
    of the same name; all settings are in docs/operating.md.
    """
    serve_until_stopped(settings_of(data_dir, database_url, listen=listen, workers=workers))


def migrate(*, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database up to date; `serve` and the other commands do so too.

    By itself it is for a database whose owner is not whom the service runs as, and for before an upgrade.
    """
    settings = settings_of(data_dir, database_url)
    configure_logs("warning", settings.log_format)
    with open_store(settings) as store:
        done = migrate_store(store.conninfo)
    note = "The database is up to date." if done else "The database was up to date."
    show(
        CommandResult({"done": done}, {"done": "Done"}, note=note, blanks={"done": "(nothing to do)"}), as_json=as_json
    )
