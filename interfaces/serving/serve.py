"""`rpawatch serve`: from settings to a listening service, and to an orderly end."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from typing import TYPE_CHECKING

import structlog
from rich.console import Console

from application.store.embedded.files import EmbeddedPostgresError
from application.store.errors import StoreUnavailableError
from interfaces.bootstrap import Services, connections_max, migrate
from interfaces.cli.output import CommandError
from interfaces.cli.store import open_store
from interfaces.http.app import create_server
from interfaces.http.server import ListenError
from interfaces.logs import configure_logs
from interfaces.serving.first_password import remove_when_used, show_or_keep
from interfaces.serving.projector_process import ProjectorProcess
from interfaces.serving.web_processes import WebProcesses
from projections.log_tree.signing import SigningKeyError, ensure_signing_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.store.embedded import EmbeddedPostgres
    from interfaces.cli.store import Store
    from interfaces.http.server import Listener, Server
    from interfaces.settings import Settings

_log = structlog.get_logger("rpawatch.serve")
_WATCH_SECONDS = 1.0
_CATCH_UP_SECONDS_MAX = 1.0
_THREADS_WITHOUT_REQUESTS = 1
_OTHER_CONNECTIONS = 10
"""Connections of the projector, the watch, and the commands of an operator."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, in this process or in web processes of it.

    This process keeps the embedded server running. The read models are kept up to date beside the web process: where
    there are several, by this one. Raises CommandError and what `open_store` and `migrate` raise.
    """
    configure_logs(settings.log_level, settings.log_format, for_good=True)
    with open_store(settings) as store:
        migrate(store.conninfo)
        threads = settings.threads if settings.workers == 1 else _THREADS_WITHOUT_REQUESTS
        with Services(store.conninfo, threads=threads, body_bytes_max=settings.max_body) as services:
            # Before the first administrator is made: a password that nobody was shown would be lost.
            server = _listen(settings, services)
            password = settings.admin_password.get_secret_value() if settings.admin_password else None
            services.begin(admin_email=settings.admin_email, admin_password=password).keep_time()
            first_admin = _first_admin(services, settings)
            _prepare_signing(settings, services)
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop())
            beside = [
                threading.Thread(target=_keep_store_running, args=(store.embedded, services, stop), name="watch"),
                threading.Thread(target=remove_when_used, args=(services, settings, stop), name="first-password"),
            ]
            for thread in beside:
                thread.start()
            try:
                with _projecting(settings, store, services):
                    _greet(settings, server.listeners, first_admin)
                    _check_connections(services, settings)
                    server.run()
            finally:
                stop.set()
                for thread in beside:
                    thread.join()


def _prepare_signing(settings: Settings, services: Services) -> None:
    """Make the key that heads of the log are signed with, or say why none will be signed."""
    try:
        with closing(services.connect_projector()) as connection:
            ensure_signing_key(settings.signing_key_path, connection)
    except SigningKeyError as error:
        _log.error("log_heads_not_signed", reason=str(error))


def _projecting(settings: Settings, store: Store, services: Services) -> AbstractContextManager[object]:
    """Begin to keep the read models up to date, until the end of a `with` block, or of the services."""
    if settings.workers == 1:
        # It takes a second to start, and whoever signs in to a new installation wants to see the account in it.
        services.projector.catch_up(_CATCH_UP_SECONDS_MAX)
        return ProjectorProcess(settings, store.conninfo)
    services.follow(settings.signing_key_path)
    return nullcontext()


def _listen(settings: Settings, services: Services) -> Server | WebProcesses:
    try:
        return WebProcesses(settings) if settings.workers > 1 else create_server(services, settings)
    except ListenError as error:
        raise CommandError(
            f"Can't listen on {error.address} ({error}). Stop what listens there, or set RPAWATCH_LISTEN, or"
            " RPAWATCH_METRICS_LISTEN, to another address:port."
        ) from None


def _keep_store_running(embedded: EmbeddedPostgres | None, services: Services, stop: threading.Event) -> None:
    """Start the embedded server again when it was killed; what was committed is brought back by its recovery."""
    while embedded is not None and not stop.wait(_WATCH_SECONDS):
        try:
            services.database.ping()
        except StoreUnavailableError:
            try:
                embedded.ensure_running()
            except EmbeddedPostgresError as error:
                _log.error("embedded_postgres_down", reason=str(error))


def _check_connections(services: Services, settings: Settings) -> None:
    """Warn when the web processes may ask for more connections than PostgreSQL gives."""
    wanted = settings.workers * connections_max(settings.threads) + _OTHER_CONNECTIONS
    with suppress(StoreUnavailableError), services.database.get_connection() as connection:
        row = connection.execute("SELECT current_setting('max_connections')::int AS given").fetchone()
        if settings.workers > 1 and row is not None and row["given"] < wanted:
            _log.warning("too_few_connections", max_connections=row["given"], wanted=wanted)


def _first_admin(services: Services, settings: Settings) -> list[str]:
    """Return the lines about the first administrator when they were made just now."""
    admin = services.first_admin
    if admin is None:
        return []
    lines = [f"First administrator: {admin.email}"]
    if admin.password is not None:
        on_terminal = sys.stdout.isatty()
        lines.append(show_or_keep(settings, admin, on_terminal=on_terminal))
        if not on_terminal:
            _log.warning("first_password", note=lines[-1])
    return [*lines, 'Next: register a process and create a key, as README.md shows under "Your first report".']


def _greet(settings: Settings, listeners: Sequence[Listener], first_admin: list[str]) -> None:
    urls = [_url(listener) + settings.base_path for listener in listeners if not listener.entrance]
    metrics = [f"{_url(listener)}/metrics" for listener in listeners if listener.entrance]
    out = Console(highlight=False, markup=False, soft_wrap=True)
    out.print(f"\nRPA Watch listens on {' and '.join(urls)}    (API page: {urls[0]}/docs)")
    if metrics:
        out.print(f"Metrics: {' and '.join(metrics)}")
    where = "the PostgreSQL of RPAWATCH_DATABASE_URL" if settings.database_url else f"{settings.data_dir.absolute()}"
    out.print(f"Data: {where}")
    for line in first_admin:
        out.print(line)
    out.print("Stop with Ctrl+C.\n")


def _url(listener: Listener) -> str:
    host, port = listener.address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
