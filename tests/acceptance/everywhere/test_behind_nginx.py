"""Behind Debian's nginx with the documented settings: every client has its own address, everywhere, and no other."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from domain.limits import BAD_KEYS_PER_MINUTE_MAX
from interfaces.http.cookies import DEVICE
from tests.acceptance.audit.asking import create_key, listed
from tests.acceptance.conftest import serving
from tests.support.api import OWN_KEY, OverSocket
from tests.support.nginx import HOSTS, documented_location, documented_settings, nginx_before
from tests.support.pages import Browser
from tests.support.world import email_of, password_of, user_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import falcon

    from tests.support.world import World

FORGED = {"X-Forwarded-For": "198.51.100.9", "X-Forwarded-Proto": "https", "Forwarded": "for=198.51.100.9;proto=https"}
"""What a client sends itself, to be taken for another."""
CLIENTS = dict(zip(HOSTS, ("127.0.0.77", "::1", "127.0.0.78"), strict=True))
"""For what nginx listens on, an address to connect from, which is also the one to be known by."""
APPENDING = documented_location().replace("$remote_addr", "$proxy_add_x_forwarded_for")
"""As many proxies are set: what the client sends is kept, with its address behind."""


@contextmanager
def behind_nginx(world: World, app: falcon.App[Any, Any], location: str | None = None) -> Iterator[dict[str, World]]:
    """Give the world as it is asked through nginx, for each of HOSTS, by a client that poses as another."""
    trusted_proxy = documented_settings()["RPAWATCH_TRUSTED_PROXY"]
    with (
        serving(app, trusted_proxy=trusted_proxy) as server,
        nginx_before(server.address[1], location) as places,
    ):
        yield {host: replace(world, ask=_client(place, CLIENTS[host])) for host, place in places.items()}


def _client(place: tuple[str, int], address: str) -> OverSocket:
    source = f"::ffff:{address}" if place[0].startswith("::ffff") else address
    return OverSocket(place, source, FORGED)


def seen_addresses(world: World) -> dict[str, set[str | None]]:
    """Return by which addresses a client is known, in each place that tells of one."""
    alice = user_id_of(world.services, "alice")
    world.session("alice")
    before = {session.session_id for session in world.services.sessions.of_user(alice)}
    robot = replace(world.robot(), ask=world.ask)
    with capture_logs() as logs:
        answer, appended = world.appended_by(robot.report)
    assert answer.status == 201, answer.body
    browser = Browser(world)
    signed_in = browser.submit("/sign-in", email=email_of("alice"), password=password_of("alice"))
    assert (signed_in.status, [cookie.partition("=")[0] for cookie in signed_in.answer.set_cookies]) == (
        303,
        [world.cookie_name(), world.cookie_name(DEVICE)],
    )
    created = create_key(world)
    everybody = [*CLIENTS.values(), "127.0.0.1", FORGED["X-Forwarded-For"], "::ffff"]
    return {
        "events of the report": {one for one in everybody for event in appended if f'"{one}"'.encode() in event.state},
        "lines of the log": {line["address"] for line in logs if line["event"] == "request"},
        "audit log": {item["address"] for item in listed(world, resource=created["id"])},
        "sessions": {
            session.address for session in world.services.sessions.of_user(alice) if session.session_id not in before
        },
    }


@pytest.mark.parametrize("location", [documented_location(), APPENDING], ids=["documented", "appending"])
def test_a_client_is_known_by_its_own_address_in_events_audit_log_sessions_and_logs(
    world: World, app: falcon.App[Any, Any], location: str
) -> None:
    with behind_nginx(world, app, location) as through:
        for host, address in CLIENTS.items():
            places = seen_addresses(through[host])
            assert places == {place: {address} for place in places}, host


def test_who_guesses_keys_is_slowed_alone(world: World, app: falcon.App[Any, Any]) -> None:
    with behind_nginx(world, app) as through:
        guesser, *others = through.values()
        guess = {"X-API-Key": "rpakey_wrong"}
        statuses = [guesser.ask("GET", OWN_KEY, headers=guess).status for _ in range(BAD_KEYS_PER_MINUTE_MAX + 1)]
        assert statuses == [401] * BAD_KEYS_PER_MINUTE_MAX + [429]
        assert [other.ask("GET", OWN_KEY, headers=guess).status for other in others] == [401, 401]


def test_a_proxy_that_hides_its_clients_is_told_what_to_set(world: World, app: falcon.App[Any, Any]) -> None:
    hiding = documented_location().replace("$remote_addr", '"unknown"')
    with behind_nginx(world, app, hiding) as through:
        answer = through["127.0.0.1"].ask("GET", "/health/live")
    assert answer.status == 400
    assert answer.json["detail"].startswith("The proxy 127.0.0.1 sent an X-Forwarded-For that can't be read")
