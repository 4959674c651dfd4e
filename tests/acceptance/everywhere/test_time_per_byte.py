"""Work grows with the bytes and no faster, whatever they are and wherever a stranger puts them.

Each class of characters is sent in each place, 32 KiB of it as a rule, and what it costs is compared with half of it.
RPAWATCH_TEST_LONG=1 sends all of them everywhere, and prints what took longest. It takes minutes: give it
-o faulthandler_timeout=0.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from falcon.testing import create_environ

from application.identity import passwords
from domain.limits import SMALL_BODY_BYTES_MAX
from interfaces.http.openapi.document import FILE
from interfaces.http.operations import routes
from interfaces.http.server.refusals import instance_of
from interfaces.logs import configure_logs
from interfaces.web.routes import web_routes
from tests.acceptance.permissions.matrix import ids_in_account_a
from tests.acceptance.web.test_every_form import FORMS
from tests.support.api import REPORT
from tests.support.effort import LONG
from tests.support.pages import Browser
from tests.support.service import tell
from tests.support.world import BETWEEN_TESTS, CHEAP_HASHER, email_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import falcon

    from tests.support.world import World

BYTES: Final = 32 * 1024
"""As many as all header fields may have together."""
GROWTH_MAX: Final = 2.6
"""Of the processor time when the bytes are doubled: twice, and what caches and memory do beyond that."""
TOO_LITTLE_TO_TELL: Final = 0.004
"""Seconds of processor time. What grows with the square and takes less for the largest value there is, harms nobody."""
SECONDS_MAX: Final = 0.02
"""Of what the bytes cost: a page takes its time with hardly any of them too, and a busy machine twice as long."""
FEW_BYTES: Final = 32
TRIES: Final = (2, 4, 12)
"""How often something is measured, of which the least counts; again, and more often, where it grows too fast."""
FOUND: Final = {
    'Cookie: a="" of GET /accounts': "escaped quotes",
    "form /sign-in password": "marks of two classes",
    "form /profile/password new_password": "marks of two classes",
    "Origin: http://[ of POST /sign-in": "letters",
    "form /accounts/{account_id}/audit/verify checkpoint": "marks",
}
"""What took too long once, or was answered with 500; it is sent in the short run too."""

CLASSES: Final[dict[str, str]] = {
    "blanks": " ",
    "tabs": "\t",
    "blanks and an x": " x ",
    "letters": "a",
    "capitals": "A",
    "digits": "0",
    "colons": ":",
    "slashes": "/",
    "percent signs": "%",
    "percent-encoded": "%25",
    "percent-encoded high bytes": "%C3",
    "marks of keys": "rpakey_",
    "bare CR": "\r",
    "bare LF": "\n",
    "NUL": "\0",
    "high bytes": "\x80",
    "quotes": '"',
    "backslashes": "\\",
    "escaped quotes": '\\"',
    "octal escapes": "\\101",
    "commas": ",",
    "equals": "=",
    "ampersands": "&",
    "parameters": "a&",
    "repeated parameters": "a=1&",
    "semicolons": ";",
    "cookies": "a=b;",
    "brackets": "[",
    "closed brackets": "[]",
    "braces": "{",
    "names": '{"a":',
    "dots": ".",
    "at signs": "@",
    "addresses": "a@a.",
    "plus": "+",
    "dashes": "-",
    "lines": "a\n",
    "marks": "\u0300",
    "marks of two classes": "\u0315\u0300",
    "Tibetan vowels": "\u0f73",
    "a capital that grows": "\u0130",
    "a ligature that grows": "\ufdfa",
    "separators": "\u2028\x85",
    "half a surrogate pair": "\ud800",
    "weak tags": 'W/"a",',
}
HEADERS: Final = (
    "Accept",
    "Accept-Encoding",
    "Authorization",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Host",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "User-Agent",
    "X-API-Key",
    "X-CSRF-Token",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-HTTP-Method-Override",
    "X-Request-Id",
)
QUERIES: Final = {
    "/sign-in": ("next",),
    "/accounts": ("cursor",),
    "/accounts/{account_id}/audit": ("actor", "action", "resource", "from", "to", "cursor"),
    "/accounts/{account_id}/jobs": ("q", "status", "flow_id", "key_id", "from", "to", "cursor"),
    "/accounts/{account_id}/keys": ("q", "show", "note", "scope", "sort", "cursor"),
    "/accounts/{account_id}/keys/new": ("scope",),
    "/accounts/{account_id}/keys/{key_id}/then": ("as_of", "version", "at"),
    "/accounts/{account_id}/members": ("cursor",),
    "/accounts/{account_id}/processes": ("show", "cursor", "about"),
    "/accounts/{account_id}/processes/new": ("next",),
}
"""Of the pages. Those of the API are in its document."""
CHECKPOINT: Final = "rpawatch/x\n1\n{}\n\n\u2014 rpawatch/x {}\n"


@dataclass
class Place:
    """Where a stranger's text goes. fill: takes the text, and changes the request. encode: how the text is sent."""

    name: str
    environ: dict[str, Any]
    fill: Callable[[dict[str, Any], str], None]
    encode: Callable[[str], str]
    bytes_max: int = BYTES


def as_wsgi(text: str) -> str:
    """Return bytes as WSGI hands them over."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def as_it_is(text: str) -> str:
    return text


def in_json(text: str) -> str:
    """Return a text within a JSON string: some as it is, and what has to be escaped with a backslash."""
    return json.dumps(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), ensure_ascii=False)[1:-1]


def in_a_form(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")


class Places:
    """Every place in a request of the API or the pages."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._robot = world.robot()
        self._ids = {
            "account_id": str(world.cast.account_a),
            "flow_id": str(world.cast.flow_a),
            "key_id": str(self._robot.key_id),
            "job_id": str(self._robot.report().json["job_id"]),
        }
        self._cookie = world.cookie_name()
        self._token = world.people.sign_in("tess").json["token"]
        self._routes = routes(world.services) | web_routes(world.services)

    def all(self) -> Iterator[Place]:
        yield from self._paths()
        yield from self._queries()
        yield from self._headers()
        yield from self._bodies()
        yield from self._forms()

    def _environ(self, method: str, template: str, **more: str) -> dict[str, Any]:
        names = re.findall(r"\{(\w+)\}", template)
        ids = {name: more.get(name) or self._ids.get(name) or str(uuid4()) for name in names}
        environ = create_environ(path="/", method=method, wsgierrors=StringIO(), remote_addr="192.0.2.7")
        environ |= {
            "PATH_INFO": template.format(**ids),
            "HTTP_ACCEPT": "text/html",
            "HTTP_SEC_FETCH_SITE": "same-origin",
        }
        if "/ingest/" in template:
            return environ | {"HTTP_X_API_KEY": self._robot.secret.text}
        if template.startswith("/api/"):
            return environ | {"HTTP_AUTHORIZATION": f"Bearer {self._token}"}
        return environ if template == "/sign-in" else environ | {"HTTP_COOKIE": f"{self._cookie}={self._token}"}

    def _paths(self) -> Iterator[Place]:
        def set_path(before: str, after: str) -> Callable[[dict[str, Any], str], None]:
            def fill(environ: dict[str, Any], text: str) -> None:
                environ["PATH_INFO"] = f"{before}{text}{after}"
                environ["REQUEST_URI"] = f"{before}{text}{after}"

            return fill

        templates = ["/{x}", "/api/v1/{x}", "/api/v1/accounts{x}"]
        templates += [path for path, resource in self._routes.items() if "{" in path and hasattr(resource, "on_get")]
        for template in templates:
            for name in re.findall(r"\{(\w+)\}", template):
                mark = "@here@"
                environ = self._environ("GET", template, **{name: mark})
                before, _, after = environ["PATH_INFO"].partition(mark)
                yield Place(f"path {template} {name}", environ, set_path(before, after), as_wsgi)

    def _queries(self) -> Iterator[Place]:
        def set_query(before: str) -> Callable[[dict[str, Any], str], None]:
            def fill(environ: dict[str, Any], text: str) -> None:
                environ["QUERY_STRING"] = f"{before}{text}"
                environ["REQUEST_URI"] = f"{environ['PATH_INFO']}?{before}{text}"

            return fill

        document = json.loads(FILE.read_text(encoding="utf-8"))
        asked: dict[str, tuple[str, ...]] = {
            path: tuple(
                parameter["name"]
                for shown in operations["get"].get("parameters", [])
                if (parameter := _resolved(document, shown))["in"] == "query"
            )
            for path, operations in document["paths"].items()
            if "get" in operations and path != "/metrics"  # it takes as long as there is to tell, whatever is asked
        }
        for path, names in (asked | QUERIES).items():
            for before in ("", *(f"{name}=" for name in names)):
                yield Place(f"query {path}?{before}", self._environ("GET", path), set_query(before), as_wsgi)

    def _headers(self) -> Iterator[Place]:
        def set_header(name: str, before: str = "", after: str = "") -> Callable[[dict[str, Any], str], None]:
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"

            def fill(environ: dict[str, Any], text: str) -> None:
                environ[key] = f"{before}{text}{after}"

            return fill

        around = {
            "Accept-Encoding": [("gzip;q=0.", ""), ("gzip,", "")],
            "Authorization": [("Bearer ", "")],
            "Cookie": [(f"{self._cookie}=", ""), ('a="', '"'), (f'{self._cookie}="', '"')],
            "Content-Type": [("application/json;", ""), ("application/json; charset=", "")],
            "Idempotency-Key": [('"', '"')],
            "Origin": [("https://", ""), ("http://[", "")],
            "If-None-Match": [('"a",', '"')],
        }
        for method, path in (
            ("POST", REPORT),
            ("POST", "/api/v1/accounts"),
            ("POST", "/accounts/new"),
            ("POST", "/sign-in"),
            ("GET", "/accounts"),
            ("GET", "/openapi.json"),
        ):
            for name in HEADERS:
                for before, after in [("", ""), *around.get(name, [])]:
                    environ = self._environ(method, path)
                    if method == "POST":
                        environ["CONTENT_TYPE"] = "application/json" if "/api/" in path else _FORM
                    if name == "Origin":
                        del environ["HTTP_SEC_FETCH_SITE"]
                    yield Place(
                        f"{name}: {before}{after} of {method} {path}", environ, set_header(name, before, after), as_wsgi
                    )

    def _bodies(self) -> Iterator[Place]:
        def set_body(before: str, after: str, name: str | None) -> Callable[[dict[str, Any], str], None]:
            def fill(environ: dict[str, Any], text: str) -> None:
                body = f'{before}"{name}": "{text}"{after}' if name is not None else f"{before}{text}{after}"
                _set_body(environ, body, "application/json")

            return fill

        for path, resource in self._routes.items():
            for method in ("POST", "PATCH"):
                if not path.startswith("/api/") or not hasattr(resource, f"on_{method.lower()}"):
                    continue
                names = ["name", "flow_id", "email", "password", "reason", "role", "expires_at", "limit"]
                start = "{"
                if path == REPORT:
                    names = ["robot_id", "started_at", "status", "result_summary", "external_id"]
                    start = f'{{"flow_id": "{self._ids["flow_id"]}", '
                for name in names:
                    yield Place(
                        f"{method} {path} {name}", self._environ(method, path), set_body(start, "}", name), in_json
                    )
                for what, before, after in (
                    ("as a whole", "", ""),
                    ("a name", f'{start}"', '": 1}'),
                    ("a value", f'{start}"name": ', "}"),
                    ("data", f'{start}"data": {{"a": "', '"}}'),
                ):
                    encode = as_it_is if what in {"as a whole", "a value"} else in_json
                    yield Place(
                        f"{method} {path} {what}", self._environ(method, path), set_body(before, after, None), encode
                    )

    def _forms(self) -> Iterator[Place]:
        csrf = self._world.ask("GET", "/api/v1/session", headers={"Authorization": f"Bearer {self._token}"})

        def set_form(path: str, name: str) -> Callable[[dict[str, Any], str], None]:
            around = {"csrf": csrf.json["csrf_token"], "email": email_of("alice"), "role": "account_user"}
            before = urlencode({field: value for field, value in around.items() if field != name})

            def fill(environ: dict[str, Any], text: str) -> None:
                typed = CHECKPOINT.format(text, text) if name == "checkpoint" else text
                if path == "/sign-in":
                    self._world.clock.advance(BETWEEN_TESTS)
                _set_body(environ, f"{before}&{name}={typed}", _FORM)

            return fill

        largest = SMALL_BODY_BYTES_MAX - 1024
        browser = Browser(self._world, self._token)
        for path in ["/sign-in", *FORMS]:
            # Of each form its own: one ends the key, another removes the member.
            ids = ids_in_account_a(self._world, "/first-password")
            names = ["email", "password", "next", "carried.name"]
            if path in FORMS:
                names = [*browser.get(path.format(**ids)).form()]
            for name in names:
                environ = self._environ("POST", path, **ids)
                bytes_max = largest // 2 if name == "checkpoint" else largest
                yield Place(f"form {path} {name}", environ, set_form(path, name), in_a_form, bytes_max)
            environ = self._environ("POST", path, **ids)
            yield Place(f"form {path}", environ, lambda found, text: _set_body(found, text, _FORM), as_it_is, largest)


_FORM: Final = "application/x-www-form-urlencoded"


def _set_body(environ: dict[str, Any], body: str, media_type: str) -> None:
    data = body.encode("utf-8", "surrogatepass")
    environ |= {"CONTENT_TYPE": media_type, "CONTENT_LENGTH": str(len(data)), "wsgi.input": BytesIO(data)}


def _resolved(document: Any, shown: Any) -> Any:
    if "$ref" not in shown:
        return shown
    found = document
    for step in shown["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


@pytest.fixture(scope="module", autouse=True)
def _hashing_takes_no_time() -> Iterator[None]:
    """It is paid for each sign-in, whatever is sent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", CHEAP_HASHER)
        yield


@pytest.fixture
def places(world: World) -> list[Place]:
    world.people.sign_up("alice")
    return list(Places(world).all())


def seconds(app: falcon.App[Any, Any], place: Place, unit: str, size: int, tries: int) -> tuple[float, int]:
    """Return the processor time of a request, the least of several, and the status of its answer."""
    count = max(1, size // len(place.encode(unit).encode("utf-8", "surrogatepass")))
    text = place.encode(unit * count)
    best, status = float("inf"), 0
    for _ in range(tries):
        environ = dict(place.environ)
        place.fill(environ, text)
        statuses: list[str] = []
        # Of this thread: others follow the log meanwhile.
        began = time.thread_time()
        for _ in app(environ, lambda found, *_: statuses.append(found)):  # type: ignore[arg-type] # noqa: B023 - called at once
            pass
        best = min(best, time.thread_time() - began)
        status = int(statuses[-1][:3])
    return best, status


def test_time_grows_no_faster_than_the_bytes_in_any_place(app: falcon.App[Any, Any], places: list[Place]) -> None:
    slow: list[tuple[float, str]] = []
    faults = []
    classes = list(CLASSES.items())
    configure_logs("info", "json")  # as the service has them: a line of each request is on the way too
    for number, place in enumerate(places):
        # In the short run one of the classes in each place, and all of them in neighbouring ones.
        some = [classes[number % len(classes)]]
        some += [(name, CLASSES[name]) for name in [FOUND.get(place.name)] if name]
        for name, unit in classes if LONG else some:
            case = f"{name} in {place.name}"
            whole, status = seconds(app, place, unit, place.bytes_max, 1)
            if status >= 500:
                faults.append(f"{case}: {status}")
            if whole < TOO_LITTLE_TO_TELL:
                continue
            for tries in TRIES:
                whole, _ = seconds(app, place, unit, place.bytes_max, tries)
                half, _ = seconds(app, place, unit, place.bytes_max // 2, tries)
                grows = whole > TOO_LITTLE_TO_TELL and whole > GROWTH_MAX * half
                few, _ = seconds(app, place, unit, FEW_BYTES, tries) if LONG else (whole, 0)
                takes_long = whole - few > SECONDS_MAX * max(1, place.bytes_max / BYTES)
                if not grows and not takes_long:
                    break
            else:
                faults.append(f"{case}: {half * 1000:.1f} ms, doubled {whole * 1000:.1f} ms")
            slow.append((whole, case))
    for took, case in sorted(slow, reverse=True)[:10]:
        tell(f"{took * 1000:.1f} ms: {case}")
    tell(f"{len(places)} places, {len(CLASSES)} classes")
    assert len(places) > 200
    assert {place.name for place in places} >= FOUND.keys()
    assert not faults


@pytest.mark.parametrize("name", CLASSES)
def test_also_where_the_server_repeats_a_path_that_it_refused(name: str) -> None:
    def took(size: int, tries: int) -> float:
        target = (CLASSES[name] * size)[:size]
        best = float("inf")
        for _ in range(tries):
            began = time.thread_time()
            instance_of(target)
            best = min(best, time.thread_time() - began)
        return best

    assert any(took(BYTES, tries) < max(TOO_LITTLE_TO_TELL, GROWTH_MAX * took(BYTES // 2, tries)) for tries in TRIES)
