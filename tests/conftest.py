"""The fixtures that all tests share: one PostgreSQL per run, one database per module, a clock, and the cast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from application.store.database import Database
from tests.support.cast import Cast
from tests.support.clock import FakeClock
from tests.support.effort import LONG
from tests.support.postgres import Server, running_server
from tests.support.running import Application, application_on

if TYPE_CHECKING:
    from collections.abc import Iterator

# A slow moment of the machine is no failure; a found example is printed so that it can be run again.
settings.register_profile("short", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("long", settings.get_profile("short"), max_examples=5_000)
settings.load_profile("long" if LONG else "short")


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command that runs in this process configures its logs; the next test must not find them so."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this run."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def database_url(postgres: Server) -> Iterator[str]:
    """The owner's URL of this module's database, which is migrated and has no events."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """This module's database, opened as the service does."""
    database = Database(database_url)
    database.open()
    yield database
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def application(database: Database, clock: FakeClock) -> Application:
    """An application with a cold cache, on this module's database."""
    return application_on(database, clock)


@pytest.fixture
def cast(application: Application) -> Cast:
    """The people and accounts of a tenant of their own."""
    return Cast(application)
