"""Who may not ask for something has no body read for it, and nobody has more than 64 KiB of one but with a report."""

from __future__ import annotations

import gzip
import re
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest
from falcon.testing import create_environ

from domain.limits import SMALL_BODY_BYTES_MAX, SMALL_BODY_VALUES_MAX
from interfaces.http.operations import routes
from interfaces.web.routes import web_routes
from tests.support.api import ACCOUNTS, REPORT, SESSION
from tests.support.pages import browser_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

    from tests.support.world import World

ONE_CAST = True

MIB: Final = 1024 * 1024
JSON: Final = {"Content-Type": "application/json"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
BODIES: Final[dict[str, tuple[bytes, dict[str, str]]]] = {
    "a byte too many": (b" " * (SMALL_BODY_BYTES_MAX + 1), JSON),
    "a form of a byte too many": (b"a" * (SMALL_BODY_BYTES_MAX + 1), FORM),
    "compressed": (gzip.compress(b"{}"), JSON | {"Content-Encoding": "gzip"}),
    "a compressed form": (gzip.compress(b"a=1"), FORM | {"Content-Encoding": "gzip"}),
    "a compressed bomb": (gzip.compress(b"[],", 9) * 9, JSON | {"Content-Encoding": "gzip"}),
    "many lists": (b"[" + b"[]," * (10 * MIB // 3) + b"[]]", JSON),
    "deep": (b"[" * 50_000, JSON),
    "no JSON": (b"{", JSON),
}
NOBODY_TO_ASK: Final = {f"POST {SESSION}", "POST /sign-in"}
"""They make a session of a password."""
OF_ONESELF: Final = {
    f"DELETE {SESSION}",
    f"POST {SESSION}/password",
    "POST /sign-out",
    "POST /profile/password",
    "POST /profile/sessions/end-others",
    "POST /profile/sessions/{session_id}/end",
}
"""Whoever has a session may do these."""


class Stream(BytesIO):
    """A body that knows how much of it was read."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.bytes_read = 0
        self.was_asked = False

    def read(self, size: int | None = -1) -> bytes:
        self.was_asked = True
        piece = super().read(size)
        self.bytes_read += len(piece)
        return piece

    def readline(self, size: int | None = -1) -> bytes:
        raise AssertionError(f"nobody reads lines ({size})")


def requests_of(world: World) -> Iterator[str]:
    for path, resource in (routes(world.services) | web_routes(world.services)).items():
        for name in sorted(dir(resource)):
            if re.fullmatch("on_[a-z]+", name):
                yield f"{name.removeprefix('on_').upper()} {path}"


def bodies_for(request: str) -> list[str]:
    """Return which bodies to send; one is enough where none is taken."""
    return list(BODIES)[:1] if request.startswith("GET") else list(BODIES)


def send(
    app: falcon.App[Any, Any],
    world: World,
    request: str,
    headers: dict[str, str],
    name: str,
    *,
    chunked: bool,
) -> tuple[int, Stream]:
    """Return the status of the answer, and what was read of the body."""
    method, _, path = request.partition(" ")
    ids = dict.fromkeys(re.findall(r"\{(\w+)\}", path), str(uuid4())) | {"account_id": str(world.cast.account_a)}
    body, more = BODIES[name]
    environ = create_environ(
        path=path.format(**ids),
        method=method,
        headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin"} | headers | more,
        wsgierrors=StringIO(),
    )
    stream = Stream(body)
    environ |= {"wsgi.input": stream}
    if chunked:
        environ.pop("CONTENT_LENGTH", None)
        environ["wsgi.input_terminated"] = True
    else:
        environ["CONTENT_LENGTH"] = str(len(body))
    statuses: list[int] = []
    for _ in app(environ, lambda status, *_: statuses.append(int(status[:3]))):  # type: ignore[arg-type]
        pass
    return statuses[-1], stream


def shown(world: World, who: str) -> dict[str, str]:
    if who == "nobody":
        return {}
    if who == "junk":
        return {"Authorization": "Bearer junk", "X-API-Key": "junk"} | world.cookie("junk")
    token = world.people.sign_in(who).json["token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("who", ["nobody", "junk", "stranger", "bob"])
def test_nothing_is_read_for_whoever_may_not_ask(app: falcon.App[Any, Any], world: World, who: str) -> None:
    headers = shown(world, who)
    asked = 0
    for request in requests_of(world):
        if request in NOBODY_TO_ASK or (who in {"stranger", "bob"} and request in OF_ONESELF):
            continue
        for name in bodies_for(request):
            for chunked in (False, True):
                status, stream = send(app, world, request, headers, name, chunked=chunked)
                case = (request, name, chunked, status)
                assert not stream.was_asked, case
                if not request.startswith("GET"):
                    assert status in {303, 401, 403, 404} or (request == f"POST {REPORT}" and status in {413, 429}), (
                        case
                    )
                asked += 1
    assert asked > 300


def test_nothing_is_read_of_a_change_with_the_cookie_alone(app: falcon.App[Any, Any], world: World) -> None:
    headers = world.cookie(world.session("tess")["token"])
    for request in requests_of(world):
        if "/api/" in request and not request.startswith("GET") and REPORT not in request and SESSION not in request:
            for name in BODIES:
                status, stream = send(app, world, request, headers, name, chunked=False)
                assert (status, stream.was_asked) == (403, False), (request, name)


@pytest.mark.parametrize("chunked", [False, True])
def test_who_may_ask_sends_64_kib_as_they_are(app: falcon.App[Any, Any], world: World, chunked: bool) -> None:
    token = world.people.sign_in("tess").json["token"]
    headers = {"Authorization": f"Bearer {token}"} | world.cookie(token)
    read = set()
    for request in requests_of(world):
        if request in {f"POST {REPORT}", f"DELETE {SESSION}"}:
            continue
        for name in bodies_for(request):
            body, more = BODIES[name]
            status, stream = send(app, world, request, headers, name, chunked=chunked)
            case = (request, name, status, stream.bytes_read)
            assert status != 500, case
            assert stream.bytes_read <= 2 * SMALL_BODY_BYTES_MAX, case
            if request.startswith(("GET", "DELETE")):
                assert not stream.was_asked, case
                continue
            is_form = not request.partition(" ")[2].startswith("/api/")
            if "Content-Encoding" in more or is_form != (more["Content-Type"] == FORM["Content-Type"]):
                expected = {413, 415} if len(body) > SMALL_BODY_BYTES_MAX else {415, 400}
                assert status in expected, case
            elif len(body) > SMALL_BODY_BYTES_MAX:
                assert status == 413, case
                assert stream.was_asked is chunked, case
            if stream.was_asked:
                read.add(request)
    assert len(read) > (20 if chunked else 10)


@pytest.mark.parametrize("path", [SESSION, ACCOUNTS])
def test_a_body_of_too_many_values_is_too_large_before_anything_is_made_of_it(world: World, path: str) -> None:
    headers = world.signed_in("tess") | JSON
    for over, problem in ((0, "invalid-request"), (1, "too-large")):
        values = b",".join([b"0"] * (SMALL_BODY_VALUES_MAX - 2 + over))
        answer = world.ask("POST", path, headers=headers, body=b'{"name": [' + values + b"]}")
        assert answer.problem == problem
    assert f"{SMALL_BODY_VALUES_MAX} values" in answer.json["detail"]


def test_only_a_report_may_be_compressed(world: World) -> None:
    headers = world.signed_in("tess") | JSON
    body = b'{"name": "Finance"}'
    for encoding in ("gzip", "br", "gzip, identity", "x"):
        answer = world.ask("POST", ACCOUNTS, headers=headers | {"Content-Encoding": encoding}, body=body)
        assert (answer.status, answer.problem) == (415, "unsupported-media-type")
        assert "without Content-Encoding" in answer.json["detail"]
    for encoding in ("identity", " Identity "):
        assert world.ask("POST", ACCOUNTS, headers=headers | {"Content-Encoding": encoding}, body=body).status == 201


def test_a_form_is_read_for_who_may_send_it_and_kept_for_whose_session_has_ended(
    app: falcon.App[Any, Any], world: World
) -> None:
    """What was typed is not lost, and what is read for it is as little as anybody may send who signs in."""
    path = f"/accounts/{world.cast.account_a}/keys/new"
    assert browser_of(world, "bob").post(path, {"name": "x"}).status == 403
    html = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    assert world.ask("POST", path, headers=html | FORM, body=b"name=typed").status == 401
    for name in ("a form of a byte too many", "a compressed form"):
        for chunked in (False, True):
            status, stream = send(app, world, f"POST {path}", html, name, chunked=chunked)
            assert (status, stream.was_asked) == (303, False)
