"""HEAD wherever GET is: container checks, uptime monitors and `curl -I` see what GET would show, without its body."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from interfaces.http.operations import routes
from interfaces.web.routes import web_routes
from tests.acceptance.conftest import serving
from tests.acceptance.permissions.matrix import QUERIES, ids_in_account_a
from tests.support.effort import effort

if TYPE_CHECKING:
    from collections.abc import Mapping

    import falcon

    from tests.support.world import World

ONE_CAST = True

OF_ITS_OWN = {"date", "x-request-id", "ratelimit", "set-cookie"}
"""Fields whose value is another one in each answer."""
NEXT = b"GET /health/live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """Proofs are asked for."""
    return True


def read_addresses(world: World) -> list[str]:
    """Return an address of every route of pages and the API that takes GET, with ids of things that are there."""
    taken = routes(world.services) | web_routes(world.services)
    paths = [path for path, resource in taken.items() if hasattr(resource, "on_get")]
    assert len(paths) > 40
    ids = ids_in_account_a(world, "/audit/") | {"session_id": "none"}
    found = [path.format(**ids) + QUERIES.get(path, "") for path in paths]
    return [*found, *[f"{world.account('/audit/export')}?format={name}" for name in ("csv", "jsonl")], "/nothing"]


def asking(world: World, who: str) -> dict[str, str]:
    if who == "a robot":
        return world.robot().headers
    if who == "nobody":
        return {}
    if who.startswith("in a browser, "):
        token = world.session(who.removeprefix("in a browser, "))["token"]
        return {**world.cookie(token), "Accept": "text/html"}
    return world.signed_in(who)


EVERYBODY = ["nobody", "a robot", "alice", "in a browser, alice", "in a browser, stranger", "bob", "stranger"]


def without_own(path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that two answers have in common. The metrics count the first one, and so grow."""
    own = OF_ITS_OWN | ({"content-length"} if path == "/metrics" else set())
    return {name: name in own or value for name, value in headers.items()}


@pytest.mark.parametrize("who", EVERYBODY[: effort(short=5, long=7)])
def test_head_gets_status_and_header_fields_of_get_and_no_body(world: World, who: str) -> None:
    headers = asking(world, who)
    for path in read_addresses(world):
        got, asked = (world.ask(method, path, headers=headers) for method in ("GET", "HEAD"))
        assert asked.status == got.status, path
        assert without_own(path, asked.headers) == without_own(path, got.headers), path
        assert asked.body == b"", path
    assert world.services.downloads.places_taken() == 0


@pytest.mark.parametrize("who", ["in a browser, alice", "alice", "a robot"][: effort(short=2, long=3)])
def test_over_a_socket_nothing_comes_after_the_header_and_the_connection_goes_on(
    world: World, app: falcon.App[Any, Any], who: str
) -> None:
    fields = "".join(f"{name}: {value}\r\n" for name, value in asking(world, who).items())
    with serving(app) as server:
        for path in read_addresses(world):
            sent = f"HEAD {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode()
            with socket.create_connection(server.address, timeout=10) as connection:
                connection.sendall(sent + NEXT)
                received = b""
                while data := connection.recv(2**16):
                    received += data
            head, end, after = received.partition(b"\r\n\r\n")
            assert end, (path, received)
            assert re.search(rb"\r\n(Content-Length: \d+|Transfer-Encoding: chunked)(\r\n|$)", head), path
            if b"\r\nConnection: close" in head:
                assert b"/audit/export" in sent, "only an answer of unknown length ends the connection"
                assert after == b"", path
            else:
                assert re.match(rb'HTTP/1\.1 200 OK\r\n(?s:.*)\r\n\r\n\{"status":"ok"\}$', after), (path, after)


def test_of_a_file_that_is_asked_for_with_head_one_piece_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = world.services.audit_log.pages
    made = []

    def counted(*arguments: Any) -> Any:
        for page in pages(*arguments):
            made.append(page)
            yield page

    monkeypatch.setattr(world.services.audit_log, "pages", counted)
    path = f"{world.account('/audit/export')}?format=jsonl"
    assert world.ask("HEAD", path, headers=world.signed_in("alice")).status == 200
    assert len(made) <= 1
    assert world.services.downloads.places_taken() == 0


def test_what_head_asks_for_is_counted_as_head(world: World) -> None:
    world.ask("HEAD", "/health/live")
    assert b'method="HEAD",route="/health/live",status="200"' in world.ask("GET", "/metrics").body
