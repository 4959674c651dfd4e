"""An address has one spelling: whatever a proxy keeps from the public can't be had by writing it in another way."""

from __future__ import annotations

import socket
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from interfaces.http.operations import routes
from interfaces.http.paths import what_is_odd
from interfaces.web.routes import web_routes
from tests.acceptance.everywhere.test_head import asking
from tests.acceptance.permissions.matrix import ids_in_account_a
from tests.support.api import REPORT
from tests.support.effort import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

ONE_CAST = True


def escaped(byte: str) -> str:
    return f"%{ord(byte):02x}"


def spellings(path: str) -> Iterator[str]:
    """Return other spellings of a path, of every kind that some server or proxy takes for the same."""
    parts = path[1:].split("/")
    yield from (f"/{path}", f"///{path}", f"{path}/", f"{path}//", f"{path}/.", f"{path}/x/..", f"{path}/%2e")
    yield from (f"/.{path}", f"/..{path}", f"/x/..{path}", f"/%2e{path}", f"/%2E%2e{path}", f"/x/%2e%2e{path}")
    yield from (f"{path};", f"{path};x=1", f"/;x{path}", f"{path}%20", f"{path}%00", f"{path}%3f", f"{path}%23")
    yield from (f"/%2f{path[1:]}", f"/\\{path[1:]}", f"{path}%2f", f"{path}%5c", f"{path}%0a")
    for at, part in enumerate(parts):
        before, after = ("/".join(["", *parts[:at]]), "/".join(["", *parts[at + 1 :]]) if parts[at + 1 :] else "")
        if part:
            yield from (
                f"{before}/{escaped(part[0])}{part[1:]}{after}",
                f"{before}/{part[:-1]}{escaped(part[-1])}{after}",
            )
            yield f"{before}/%25{escaped(part[0])[1:]}{part[1:]}{after}"
        if at:
            yield from (
                f"{before}//{part}{after}",
                f"{before}/./{part}{after}",
                f"{before}/../{parts[at - 1]}/{part}{after}",
            )
            yield from (f"{before}%2f{part}{after}", f"{before}%2F{part}{after}", f"{before}\\{part}{after}")
            yield from (f"{before};x/{part}{after}", f"{before};/{part}{after}")


def with_an_encoded_slash(path: str) -> set[str]:
    """Return the other spellings of the number of a tile, which are taken: see below."""
    return {path.replace(".p/", f".p{slash}") for slash in ("%2F", "%2f")} if "/tile/" in path else set()


def addresses(world: World) -> list[str]:
    ids = ids_in_account_a(world) | {"session_id": "none"}
    return [path.format(**ids) for path in routes(world.services) | web_routes(world.services)]


def test_no_other_spelling_of_any_address_leads_there(world: World) -> None:
    cases = [
        (method, asking(world, who) | {"Accept": "*/*"})
        for method in ("GET", "POST")
        for who in ("nobody", "in a browser, alice")
    ]
    # In the short run one of them for each spelling, in turns.
    some = cycle(cases)
    for path in addresses(world):
        assert what_is_odd(path) is None
        for other in sorted({*spellings(path)} - {path, *with_an_encoded_slash(path)}):
            for method, headers in cases if LONG else [next(some)]:
                answer = world.ask(method, other, headers=headers)
                assert (answer.status, answer.problem) == (404, "not-found"), (method, other)
                said = answer.json["detail"]
                assert ("without the slash" in said) == (other == f"{path}/" and path != "/"), other
                assert "location" not in answer.headers


@pytest.mark.parametrize("slash", ["%2F", "%2f"])
def test_slashes_in_the_number_of_a_tile_may_be_encoded_as_generated_clients_do(slash: str) -> None:
    tiles = "/api/v1/audit/tile"
    assert what_is_odd(f"{tiles}/0/x001{slash}067.p{slash}8") is None
    assert what_is_odd(f"{tiles}/entries/000.p{slash}8") is None
    for other in (
        f"{tiles}/0{slash}000",
        f"{tiles}{slash}0/000.p/8",
        f"{tiles}/0/000{slash}",
        f"{tiles}/0/..{slash}keys",
    ):
        assert what_is_odd(other) is not None
    assert what_is_odd(f"/api/v1/audit{slash}keys") is not None


def test_over_a_socket_neither(over_socket: World) -> None:
    with socket.create_connection(over_socket.ask.address, timeout=10) as connection:  # type: ignore[attr-defined]
        for path in ("/metrics", "/health/live", REPORT, "/"):
            absolute = f"http://test/{path}" if path != "/" else "http://test//"
            for other in [*{*spellings(path)} - {path}, absolute]:
                connection.sendall(f"HEAD {other} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(2**16)
                assert received.startswith(b"HTTP/1.1 404 "), other


@pytest.mark.parametrize(
    "target", ["/metrics", "/metrics?", "/metrics?x=//", "http://test/metrics", "HTTP://other:1/metrics"]
)
def test_a_query_and_an_absolute_target_are_no_other_spelling(over_socket: World, target: str) -> None:
    assert over_socket.ask("GET", target).status == 200


def test_a_person_is_told_on_a_page(world: World) -> None:
    answer = world.ask("GET", "/sign-in/", headers={"Accept": "text/html"})
    assert answer.status == 404
    assert "without the slash" in answer.body.decode()
