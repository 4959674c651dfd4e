"""What may be kept has an ETag, and is not sent again to who has it."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from interfaces.http.problems import PROBLEMS
from tests.acceptance.audit.asking import rename
from tests.acceptance.everywhere.test_headers import SECURITY
from tests.support.api import OverSocket

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

ONE_CAST = True

GZIP = {"Accept-Encoding": "gzip"}
FOR_EVER = "max-age=31536000, immutable"


@dataclass(frozen=True)
class Row:
    """What may be kept. cache_control: of the answer. who: of the cast, may ask; None for everybody."""

    path: str
    cache_control: str
    who: str | None = None
    is_text: bool = True


KEPT = {
    "the document": Row("/openapi.json", "no-cache"),
    "its page": Row("/docs", "no-cache", is_text=False),  # and small
    "its script": Row("/docs/swagger-ui-bundle.js", "public, max-age=3600"),
    "its stylesheet": Row("/docs/swagger-ui.css", "public, max-age=3600"),
    "what starts it": Row("/docs/start.js", "public, max-age=3600", is_text=False),
    **{f"on {slug}": Row(f"/problems/{slug}", "no-cache", is_text=False) for slug in PROBLEMS},
    "a stylesheet": Row("{css}", f"public, {FOR_EVER}"),
    "a script": Row("{js}", f"public, {FOR_EVER}"),
    "an icon": Row("{svg}", f"public, {FOR_EVER}", is_text=False),
    "the public keys": Row("/api/v1/audit/keys", "no-cache", is_text=False),
    "the checkpoint": Row("/api/v1/audit/checkpoint", "private, no-cache", "aud", is_text=False),
    "a tile": Row("/api/v1/audit/tile/0/000.p/1", f"private, {FOR_EVER}", "aud", is_text=False),
    "entries": Row("/api/v1/audit/tile/entries/000.p/1", "private, no-cache", "aud", is_text=False),
}


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """There is a checkpoint."""
    return True


def ask(world: World, row: Row, method: str = "GET", /, **headers: str) -> Answer:
    page = world.ask("GET", "/sign-in").body.decode()
    files = {address.rpartition(".")[2]: address for address in re.findall(r'"(/assets/[^"]+)"', page)}
    shown = {} if row.who is None else world.signed_in(row.who)
    sent = shown | {name.replace("_", "-"): value for name, value in headers.items()}
    return world.ask(method, row.path.format(**files), headers=sent)


@pytest.mark.parametrize("name", KEPT)
def test_who_has_it_is_not_sent_it_again(world: World, name: str) -> None:
    row = KEPT[name]
    world.wait_for_head()
    first = ask(world, row)
    assert (first.status, first.headers["cache-control"]) == (200, row.cache_control)
    assert first.body
    etag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    for same in (etag, f"W/{etag}", f'"other", {etag}', f'W/"a,b",W/{etag} , "c"', "*", " * "):
        again = ask(world, row, If_None_Match=same)
        assert (again.status, again.body) == (304, b""), same
        for header in ("etag", "cache-control", "vary"):
            assert again.headers.get(header) == first.headers.get(header)
        assert SECURITY.items() <= again.headers.items()
        assert "content-security-policy" in again.headers
        assert not {"content-type", "content-encoding", "content-length"} & again.headers.keys()
    for other in (
        '"other"',
        etag.strip('"'),
        etag[:-2] + '"',
        etag.lower() + "x",
        "",
        "**",
        f"w/{etag}",
        f"{etag}-gzip",
    ):
        answer = ask(world, row, If_None_Match=other)
        assert (answer.status, answer.body) == (200, first.body), other
        assert answer.headers["etag"] == etag


@pytest.mark.parametrize("name", [name for name, row in KEPT.items() if row.is_text])
def test_the_compressed_form_has_a_tag_of_its_own(world: World, name: str) -> None:
    row = KEPT[name]
    plain, small = ask(world, row), ask(world, row, **GZIP)
    assert small.headers["content-encoding"] == "gzip"
    assert small.headers["etag"] != plain.headers["etag"]
    assert small.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert ask(world, row, If_None_Match=small.headers["etag"], **GZIP).status == 304
    assert ask(world, row, If_None_Match=small.headers["etag"]).status == 200
    assert ask(world, row, If_None_Match=plain.headers["etag"], **GZIP).status == 200
    assert ask(world, row, **GZIP).body == small.body, "the same bytes under the same tag"


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_says_the_same(world: World, name: str, encoding: str) -> None:
    world.wait_for_head()
    row = KEPT[name]
    first = ask(world, row, Accept_Encoding=encoding)
    for headers in ({}, {"If_None_Match": first.headers["etag"]}, {"If_None_Match": '"other"'}):
        head, got = (ask(world, row, method, Accept_Encoding=encoding, **headers) for method in ("HEAD", "GET"))
        assert (head.status, head.body) == (got.status, b"")
        assert dict(head.headers) | {"x-request-id": ""} == dict(got.headers) | {"x-request-id": ""}


def test_what_has_changed_is_sent(world: World) -> None:
    world.wait_for_head()
    row = KEPT["the checkpoint"]
    before = ask(world, row)
    since = {"If_Modified_Since": before.headers["last-modified"]}
    assert ask(world, row, **since).status == 304
    assert ask(world, row, If_None_Match='"other"', **since).status == 200, "the tag decides where both come"
    rename(world, 1)
    world.wait_for_head()
    after = ask(world, row, If_None_Match=before.headers["etag"])
    assert (after.status, after.body == before.body) == (200, False)
    assert ask(world, row, If_Modified_Since="yesterday").status == 200


@pytest.mark.parametrize("name", [name for name, row in KEPT.items() if row.who is not None])
def test_who_may_not_see_it_is_not_told_that_it_is_unchanged(world: World, name: str) -> None:
    row = KEPT[name]
    world.wait_for_head()
    etag = ask(world, row).headers["etag"]
    for headers, status in (({}, 401), (world.signed_in("alice"), 404), (world.signed_in("stranger"), 404)):
        answer = world.ask("GET", row.path, headers=headers | {"If-None-Match": etag})
        assert answer.status in {status, 403}
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/nothing", "/docs/nothing.js", "/assets/app.000000000000.css", "/problems/none"])
def test_what_is_not_there_is_never_unchanged(world: World, path: str) -> None:
    answer = world.ask("GET", path, headers={"If-None-Match": "*"})
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert "etag" not in answer.headers


def test_other_answers_have_no_tag_and_are_sent_each_time(world: World) -> None:
    asked: list[tuple[str, str, Any]] = [
        ("GET", world.account("/keys"), ...),
        ("GET", "/accounts", ...),
        ("POST", world.account("/processes"), {"name": "Invoices"}),
    ]
    for method, path, body in asked:
        answer = world.ask(method, path, headers=world.signed_in("alice") | {"If-None-Match": "*"}, json=body)
        assert answer.status in {200, 201}
        assert "etag" not in answer.headers


def test_the_connection_goes_on_after_it(over_socket: World) -> None:
    assert isinstance(over_socket.ask, OverSocket)
    etag = over_socket.ask("GET", "/openapi.json").headers["etag"]
    connection = http.client.HTTPConnection(*over_socket.ask.address, timeout=20)
    for _ in range(3):
        connection.request("GET", "/openapi.json", headers={"If-None-Match": etag})
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.headers["content-length"]) == (304, b"", None)
        assert answer.headers["connection"] is None
    connection.close()
