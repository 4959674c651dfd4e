"""The store of a command: the embedded PostgreSQL of the data directory, or the server that the settings name."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from application.store.embedded import EmbeddedPostgres
from interfaces.bootstrap import Services, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.clock import Clock
    from interfaces.settings import Settings


@dataclass(frozen=True, slots=True)
class Store:
    """A PostgreSQL to use. embedded: the server when it is ours to keep running."""

    conninfo: str
    embedded: EmbeddedPostgres | None


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """Lend the store that the settings name; an embedded server is started, or joined, and left at the end.

    Raises EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        yield Store(settings.database_url.get_secret_value(), None)
        return
    with EmbeddedPostgres(settings.data_dir) as embedded:
        yield Store(embedded.conninfo, embedded)


@contextmanager
def open_services(settings: Settings, clock: Clock | None = None) -> Iterator[Services]:
    """Lend the service to a command: the store migrated, the installation set up, no thread running.

    Raises EmbeddedPostgresError, StoreUnavailableError, StoreSetupError, and InvalidInputError for an administrator's
    address or password in the settings that won't do.
    """
    with open_store(settings) as store:
        migrate(store.conninfo)
        with Services(store.conninfo, clock=clock, threads=2) as services:
            password = settings.admin_password.get_secret_value() if settings.admin_password else None
            yield services.begin(admin_email=settings.admin_email, admin_password=password)
