"""The service that acceptance tests ask: the whole of it, on this module's database and a clock that stands still."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from application.identity import passwords
from interfaces.bootstrap import Services
from interfaces.http.app import create_app, problem_of_server
from interfaces.http.server import Server, ServerLimits
from projections.log_tree.follower import TreeFollower
from projections.log_tree.signing import ensure_signing_key
from tests.support.api import InProcess, OverSocket
from tests.support.clock import FakeClock
from tests.support.serving import running_in_a_thread
from tests.support.world import BETWEEN_TESTS, CHEAP_HASHER, People, ServiceCast, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

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
    signing_key = tmp_path_factory.mktemp("keys") / "signing-key.pem"
    with Services(database_url, clock=clock, threads=8) as services, pytest.MonkeyPatch.context() as patch:
        # What a hash costs stands in it, and is tested where passwords are: here each would take a fifth of a second.
        patch.setattr(passwords, "_hasher", CHEAP_HASHER)
        services.begin(admin_password="made for this test run only")
        with closing(services.connect_projector()) as connection:
            ensure_signing_key(signing_key, connection)
        if signs_at_once:
            patch.setattr(TreeFollower, "TURN_SECONDS_MIN", 0.1)
            patch.setattr(TreeFollower, "SIGN_SECONDS_MIN", 0.0)
        yield services.follow(signing_key)


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
    lasting_world.clock.advance(BETWEEN_TESTS)
    world = lasting_world if has_one_cast else replace(lasting_world, cast=ServiceCast(lasting_world.services))
    world.wait_for_lists()
    return world


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
