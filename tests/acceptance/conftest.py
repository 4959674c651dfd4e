"""The service that acceptance tests ask: the whole of it, on this module's database and a clock that stands still."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from interfaces.http.app import create_app, problem_of_server
from interfaces.http.server import Server, ServerLimits
from tests.support.api import InProcess, OverSocket
from tests.support.clock import FakeClock
from tests.support.serving import running_in_a_thread
from tests.support.world import People, ServiceCast, World, services_at_work

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

    from interfaces.bootstrap import Services

SERVER_STOP_SECONDS_MAX = 15.0


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    """The clock of the module's service. It only goes on: what a test used up is free again in the next one."""
    return FakeClock()


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """Whether a head of the log is signed as soon as it has grown; modules that ask for proofs say so."""
    return False


@pytest.fixture(scope="module")
def services(
    database_url: str, clock: FakeClock, tmp_path_factory: pytest.TempPathFactory, *, signs_at_once: bool
) -> Iterator[Services]:
    """The service, with its projector at work."""
    with services_at_work(
        database_url, clock, tmp_path_factory.mktemp("keys"), signs_at_once=signs_at_once
    ) as services:
        yield services


@pytest.fixture(scope="module")
def app(services: Services) -> falcon.App[Any, Any]:
    """The WSGI application."""
    return create_app(services)


@pytest.fixture(scope="module")
def people(services: Services, app: falcon.App[Any, Any]) -> People:
    """The users, who are the same in the whole module."""
    return People(services, InProcess(app))


@pytest.fixture(scope="module")
def has_one_cast(request: pytest.FixtureRequest) -> bool:
    """Whether all tests of a module have the same accounts. ONE_CAST says so where no test minds what others leave."""
    return getattr(request.module, "ONE_CAST", False)


@pytest.fixture(scope="module")
def lasting_world(services: Services, clock: FakeClock, app: falcon.App[Any, Any], people: People) -> World:
    """The world of a module that has one cast."""
    return World(services, clock, InProcess(app), people, ServiceCast(services))


@pytest.fixture
def world(lasting_world: World, *, has_one_cast: bool) -> World:
    """The service as it is asked through WSGI."""
    return lasting_world.later(has_new_cast=not has_one_cast)


@pytest.fixture(scope="module")
def server(app: falcon.App[Any, Any]) -> Iterator[Server]:
    """The server that `rpawatch serve` runs."""
    with serving(app) as server:
        yield server


@pytest.fixture
def over_socket(world: World, server: Server) -> World:
    """The same service as it is asked over TCP."""
    return replace(world, ask=OverSocket(server.address))


@contextmanager
def serving(app: falcon.App[Any, Any], *, trusted_proxy: str | None = None, **limits: Any) -> Iterator[Server]:
    """Run the server in a thread, for as long as the block."""
    bounds = ServerLimits(threads=4, **limits)
    server = Server(app, "127.0.0.1", 0, bounds, problem=problem_of_server, trusted_proxy=trusted_proxy)
    with running_in_a_thread(server, stop_seconds_max=SERVER_STOP_SECONDS_MAX):
        yield server
