"""Answers are compressed where that is asked for, and never one that holds a secret."""

from __future__ import annotations

import gzip
import http.client
import json
import re
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from domain.limits import NAME_CHARS_MAX
from interfaces.http.masking import is_token
from interfaces.http.openapi.document import FILE
from interfaces.http.representations import COMPRESSED_BYTES_MIN
from tests.acceptance.audit.asking import rename
from tests.support.api import REPORT, SESSION, OverSocket
from tests.support.pages import browser_of
from tests.support.world import add_user, email_of, password_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.api import Answer
    from tests.support.world import World

ONE_CAST = True

GZIP = {"Accept-Encoding": "gzip, deflate, br, zstd"}
EXPORT = "/audit/export?format={}"
DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
SECRETS = {"key", "token", "csrf_token", "first_password"}
LONG = "x" * NAME_CHARS_MAX


def many(world: World) -> None:
    """Let lists have some length."""
    rename(world, 50)
    world.wait_for_lists()


def wrong_report(world: World, **headers: str) -> Answer:
    details = [{"sequence_no": number, "status": "none"} for number in range(100)]
    return world.robot().report(headers, details=details)


COMPRESSED: dict[str, Callable[[World, dict[str, str]], Answer]] = {
    "a list": lambda w, h: w.ask("GET", w.account("/audit"), headers=h | w.signed_in("alice")),
    "a refusal": lambda w, h: wrong_report(w, **h),
    "the document": lambda w, h: w.ask("GET", "/openapi.json", headers=h),
    "the stylesheet of the document": lambda w, h: w.ask("GET", "/docs/swagger-ui.css", headers=h),
    "the script of the document": lambda w, h: w.ask("GET", "/docs/swagger-ui-bundle.js", headers=h),
    "metrics": lambda w, h: w.ask("GET", "/metrics", headers=h),
    "CSV": lambda w, h: w.ask("GET", w.account(EXPORT.format("csv")), headers=h | w.signed_in("alice")),
    "JSON Lines": lambda w, h: w.ask("GET", w.account(EXPORT.format("jsonl")), headers=h | w.signed_in("alice")),
    "a page": lambda w, h: browser_of(w, "alice").get(f"/accounts/{w.cast.account_a}/audit", **h).answer,
    "the page to sign in": lambda w, h: w.ask("GET", "/sign-in", headers={"Sec-Fetch-Site": "none"} | h),
    "a stylesheet": lambda w, h: w.ask("GET", loaded(w, "css"), headers=h),
    "a script": lambda w, h: w.ask("GET", loaded(w, "js"), headers=h),
}
SAME_EACH_TIME = COMPRESSED.keys() - {"a refusal", "metrics", "a page", "the page to sign in"}

AS_THEY_ARE: dict[str, Callable[[World, dict[str, str]], Answer]] = {
    "a small answer": lambda w, h: w.ask("GET", w.account(), headers=h | w.signed_in("alice")),
    "a small file": lambda w, h: w.ask("GET", "/docs/start.js", headers=h),
    "nothing": lambda w, h: w.ask("DELETE", w.account(f"/members/{w.cast.bob}"), headers=h | w.signed_in("alice")),
}


def loaded(world: World, suffix: str) -> str:
    """Return the address of a file that pages load."""
    page = world.ask("GET", "/sign-in", headers={"Sec-Fetch-Site": "none"}).body.decode()
    [found] = re.findall(rf'"(/assets/[a-z.0-9]+\.{suffix})"', page)
    return str(found)


@pytest.mark.parametrize("name", COMPRESSED)
def test_what_is_large_and_text_is_compressed_for_who_asks(world: World, name: str) -> None:
    many(world)
    plain, small = COMPRESSED[name](world, {}), COMPRESSED[name](world, GZIP)
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == small.headers["vary"] == "Accept-Encoding"
    assert small.headers["content-encoding"] == "gzip"
    assert len(small.body) < len(plain.body) * 0.8
    content = gzip.decompress(small.body)
    assert len(content) >= COMPRESSED_BYTES_MIN
    if name in SAME_EACH_TIME:
        assert content == plain.body
    for header in ("content-type", "cache-control", "content-security-policy", "x-content-type-options"):
        assert small.headers[header] == plain.headers[header]


@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_what_is_small_goes_out_as_it_is(world: World, name: str) -> None:
    answer = AS_THEY_ARE[name](world, GZIP)
    assert answer.status < 300
    assert "content-encoding" not in answer.headers
    assert len(answer.body) < COMPRESSED_BYTES_MIN


def test_tiles_go_out_as_they_are(world: World) -> None:
    many(world)
    tile = world.ask("GET", "/api/v1/audit/tile/0/000.p/40", headers=GZIP | world.signed_in("aud"))
    assert (tile.status, tile.headers["content-type"]) == (200, "application/octet-stream")
    assert len(tile.body) >= COMPRESSED_BYTES_MIN
    assert not {"content-encoding", "vary"} & tile.headers.keys()


@pytest.mark.parametrize(
    ("asked", "is_compressed"),
    [
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("identity;q=0.5, gzip;q=1.0", True),
        ("br, *;q=0.1", True),
        (" , gzip ; q=1.000 ,", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=x", False),
        ("gzip;q=1e3", False),
        ("gzip;q=nan", False),
        ("gzip;level=9", False),
        ("gzipped", False),
        ("gzip" + "," * 996, True),
        ("gzip" + "," * 997, False),
    ],
)
def test_a_client_gets_what_it_likes_best_and_never_what_it_does_not_take(
    world: World, asked: str, is_compressed: bool
) -> None:
    answer = world.ask("GET", "/openapi.json", headers={"Accept-Encoding": asked})
    assert answer.status == 200
    assert (answer.headers.get("content-encoding") == "gzip") == is_compressed


def operations_with_secrets() -> list[str]:
    """Return the operations whose answers hold a secret, as the document has them."""
    return [
        f"{method.upper()} {path}"
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if any(
            SECRETS & fields_of(content.get("schema", {}))
            for status, answer in operation["responses"].items()
            if status.startswith("2")
            for content in resolved(answer).get("content", {}).values()
        )
    ]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    found: Any = DOCUMENT if "$ref" in part else part
    for name in part.get("$ref", "#").split("/")[1:]:
        found = found[name]
    return cast("dict[str, Any]", found)


def fields_of(schema: dict[str, Any]) -> set[str]:
    """Return the names of all fields of a schema."""
    schema = resolved(schema)
    fields = schema.get("properties", {})
    parts = [*fields.values(), *([schema["items"]] if "items" in schema else [])]
    parts += [part for name in ("anyOf", "oneOf", "allOf") for part in schema.get(name, [])]
    return set(fields).union(*map(fields_of, parts))


def json_of(world: World, name: str) -> dict[str, Callable[[], tuple[Answer, list[str]]]]:
    """Return the requests of the API whose answers hold a secret, each with the secrets that are then in it."""
    bearer = GZIP | world.signed_in(name)

    def asked(path: str, body: Any, *secrets: str) -> tuple[Answer, list[str]]:
        answer = world.ask("POST", path, headers=bearer, json=body)
        assert answer.status in {200, 201}, answer.body
        return answer, [answer.json[secret] for secret in secrets]

    def signed_in() -> tuple[Answer, list[str]]:
        answer = world.ask("POST", SESSION, headers=GZIP, json={"email": email_of(name), "password": password_of(name)})
        return answer, [answer.json["token"], answer.json["csrf_token"]]

    def session() -> tuple[Answer, list[str]]:
        answer = world.ask("GET", SESSION, headers=bearer)
        return answer, [answer.json["csrf_token"]]

    def member() -> tuple[Answer, list[str]]:
        body = {"email": f"{uuid4().hex}@example.com", "name": LONG, "role": "account_user"}
        return asked(world.account("/members"), body, "first_password")

    def again() -> tuple[Answer, list[str]]:
        made, _ = member()
        path = world.account(f"/members/{made.json['user_id']}/first-password")
        return asked(path, {}, "first_password")

    def rotated() -> tuple[Answer, list[str]]:
        return asked(world.account(f"/keys/{world.robot().key_id}/rotate"), {}, "key")

    def new_password() -> tuple[Answer, list[str]]:
        email, first = f"{uuid4().hex}@example.com", "the first of unrelated words"
        add_user(world.services.users, email, "Yan", world.clock.now, first)
        token = world.ask("POST", SESSION, json={"email": email, "password": first}).json["token"]
        body = {"current_password": first, "new_password": "others, as unrelated as these"}
        headers = GZIP | {"Authorization": f"Bearer {token}"}
        answer = world.ask("POST", f"{SESSION}/password", headers=headers, json=body)
        return answer, [answer.json["token"], answer.json["csrf_token"]]

    return {
        "POST /api/v1/accounts/{account_id}/keys": lambda: asked(world.account("/keys"), {"name": LONG}, "key"),
        "POST /api/v1/accounts/{account_id}/keys/{key_id}/rotate": lambda: asked(
            world.account(f"/keys/{world.robot().key_id}/rotate"), {}, "key"
        ),
        "POST /api/v1/session": signed_in,
        "POST /api/v1/session/password": new_password,
        "GET /api/v1/session": session,
        "POST /api/v1/accounts/{account_id}/members": member,
        "POST /api/v1/accounts/{account_id}/members/{user_id}/first-password": again,
    }


@pytest.mark.parametrize("operation", operations_with_secrets())
def test_an_answer_that_holds_a_secret_is_never_compressed(
    world: World, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setattr("interfaces.http.representations.COMPRESSED_BYTES_MIN", 1)
    answer, secrets = json_of(world, "alice")[operation]()
    assert not {"content-encoding", "vary", "etag"} & answer.headers.keys()
    assert secrets
    for secret in secrets:
        assert secret in answer.body.decode()
    # What holds none is, so this would tell.
    listed = world.ask("GET", world.account("/keys"), headers=GZIP | world.signed_in("alice"))
    assert listed.headers["content-encoding"] == "gzip"


def test_a_page_that_shows_a_secret_is_never_compressed(world: World) -> None:
    browser = browser_of(world, "alice")
    base = f"/accounts/{world.cast.account_a}"
    for path, typed in (
        ("/keys/new", {"name": LONG}),
        (f"/keys/{world.robot().key_id}/rotate", {}),
        ("/members/new", {"email": f"{uuid4().hex}@example.com"}),
    ):
        form = browser.get(base + path).form() | typed
        page = browser.post(base + path, form, **GZIP)
        assert page.status == 200
        assert page.root.all("input", id="secret")
        assert len(page.answer.body) >= COMPRESSED_BYTES_MIN
        assert "content-encoding" not in page.answer.headers


def test_no_token_of_a_session_stands_in_a_page_twice_in_the_same_words(world: World) -> None:
    """So nothing can be learnt of it from the length of pages that repeat what was guessed."""
    session, browser = world.session("alice"), browser_of(world, "alice")
    seen = set()
    for path in (
        "/profile",
        "/profile/password",
        f"/accounts/{world.cast.account_a}/jobs?q={session['csrf_token'][:9]}",
    ):
        for _ in range(2):
            answer = browser.get(path, **GZIP).answer
            assert answer.headers["content-encoding"] == "gzip"
            page = gzip.decompress(answer.body).decode()
            assert session["token"] not in page
            assert session["csrf_token"] not in page
            tokens = set(re.findall(r'name="csrf" value="([^"]*)"', page))
            assert len(tokens) == 1
            assert is_token(tokens.pop(), session["csrf_token"])
            seen.add(page.partition('name="csrf" value="')[2][:40])
    assert len(seen) == 6


def test_the_length_of_a_compressed_page_is_blurred(world: World) -> None:
    browser = browser_of(world, "alice")
    lengths = {len(browser.get("/profile", **GZIP).answer.body) for _ in range(20)}
    assert len(lengths) > 5
    assert max(lengths) - min(lengths) < 250


def test_a_piece_of_an_export_goes_out_when_it_is_there_and_the_whole_ends_as_it_should(over_socket: World) -> None:
    world = over_socket
    rename(world, 300)
    assert isinstance(world.ask, OverSocket)
    bodies = []
    for method, headers in (("GET", {}), ("GET", GZIP), ("HEAD", GZIP)):
        connection = http.client.HTTPConnection(*world.ask.address, timeout=20)
        path = world.account(EXPORT.format("jsonl"))
        connection.request(method, path, headers=headers | world.signed_in("alice"))
        answer = connection.getresponse()
        assert (answer.headers["transfer-encoding"], answer.headers["content-length"]) == ("chunked", None)
        bodies.append(answer.read())
        connection.close()
    assert gzip.decompress(bodies[1]) == bodies[0]
    assert bodies[2] == b""
    assert bodies[0].count(b"\n") >= 300


def test_a_report_is_answered_as_it_was(world: World) -> None:
    answer = world.robot().report(GZIP)
    assert answer.status == 201
    assert not {"content-encoding", "vary", "etag"} & answer.headers.keys()
    assert world.ask("OPTIONS", REPORT, headers=GZIP).status == 200


def test_a_form_that_comes_back_is_compressed_too(world: World) -> None:
    browser, path = browser_of(world, "alice"), f"/accounts/{world.cast.account_a}/keys/new"
    page = browser.post(path, browser.get(path).form() | {"name": LONG * 2}, **GZIP)
    assert (page.status, page.answer.headers["content-encoding"]) == (422, "gzip")
    assert LONG * 2 in gzip.decompress(page.answer.body).decode()
