"""Asking the service over HTTP: in this process through WSGI, or over a socket; both give the same answers."""

from __future__ import annotations

import gzip
import http.client
import json
import re
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Protocol
from wsgiref.validate import validator

from falcon.testing import create_environ

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from _typeshed.wsgi import WSGIApplication

INGEST = "/api/v1/ingest"
REPORT = f"{INGEST}/report"
OWN_KEY = f"{INGEST}/key"
SESSION = "/api/v1/session"
ACCOUNTS = "/api/v1/accounts"
SOCKET_SECONDS_MAX = 30.0
ADDRESS = "192.0.2.7"

WWW_AUTHENTICATE = 'ApiKey realm="rpawatch", header="X-API-Key"'


def without_names(path: str) -> str:
    """Return a path in which it does not matter what its parts are called."""
    return re.sub(r"\{\w+\}", "{}", path)


@dataclass(frozen=True)
class Answer:
    """status, header fields by lower-case name, body. `set_cookies` are the Set-Cookie fields, which may be several."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    set_cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The slug of a problem, which has to be a whole one."""
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.body[:300])
        body = self.json
        assert {"type", "title", "status", "detail", "instance", "request_id"} <= body.keys()
        assert body["status"] == self.status
        assert body["request_id"] == self.headers["x-request-id"]
        assert body["type"].startswith("/problems/")
        return str(body["type"]).removeprefix("/problems/")

    @property
    def errors(self) -> dict[str, str]:
        """The broken rules by pointer."""
        return {error["pointer"]: error["message"] for error in self.json["errors"]}

    @property
    def without_request_id(self) -> tuple[int, dict[str, str], object]:
        """What must not differ where a stranger could learn something from it."""
        headers = {name: value for name, value in self.headers.items() if name not in {"x-request-id", "date"}}
        body = self.json if self.body else None
        if isinstance(body, dict):
            body = {name: value for name, value in body.items() if name not in {"request_id", "instance"}}
            headers.pop("content-length", None)  # with the instance, which is the path that was asked for
        return self.status, headers, body


class Ask(Protocol):
    """Sends one request. json: the body as a value; body: as bytes, which go out as they are."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = ...,
        body: bytes | None = None,
        address: str = ADDRESS,
    ) -> Answer:
        """Return the answer."""
        ...


def _encoded(value: Any, body: bytes | None, headers: Mapping[str, str] | None) -> tuple[bytes | None, dict[str, str]]:
    sent = dict(headers or {})
    if value is not ...:
        sent.setdefault("Content-Type", "application/json")
        body = json.dumps(value).encode()
    return body, sent


class InProcess:
    """Asks through WSGI, and sees that the rules of WSGI are kept."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = validator(app)

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = ...,
        body: bytes | None = None,
        address: str = ADDRESS,
    ) -> Answer:
        body, sent = _encoded(json, body, headers)
        target, (path, _, query) = path, path.partition("?")
        environ = create_environ(
            path=path,
            query_string=query,
            method=method,
            headers=sent,
            body=body or b"",
            remote_addr=address,
            wsgierrors=StringIO(),
            scheme=sent.pop("X-Forwarded-Proto", "http"),
        )
        environ["REQUEST_URI"] = target  # as waitress has it
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, fields: list[tuple[str, str]], exc_info: object = None
        ) -> Callable[..., object]:
            del exc_info
            begun.append((status, fields))
            return lambda _: None

        result = self._app(environ, start_response)
        content = b"".join(result)
        result.close()  # type: ignore[attr-defined] # the validator's iterator has it
        status, fields = begun[-1]
        return _answer(int(status[:3]), fields, content)


class OverSocket:
    """Asks a server, each time on a new connection. `address` is what the kernel says, or `source`.

    source: the address of this machine to ask from. added: fields that every request has.
    """

    def __init__(
        self, address: tuple[str, int], source: str | None = None, added: Mapping[str, str] | None = None
    ) -> None:
        self.address = address
        self._source = None if source is None else (source, 0)
        self._added = dict(added or {})

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = ...,
        body: bytes | None = None,
        address: str = ADDRESS,
    ) -> Answer:
        del address
        body, sent = _encoded(json, body, headers)
        connection = http.client.HTTPConnection(*self.address, timeout=SOCKET_SECONDS_MAX, source_address=self._source)
        try:
            connection.request(method, path, body=body, headers=self._added | sent)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return _answer(response.status, response.getheaders(), content)


def _answer(status: int, fields: Sequence[tuple[str, str]], content: bytes) -> Answer:
    once = {name.lower(): value for name, value in fields}
    cookies = tuple(value for name, value in fields if name.lower() == "set-cookie")
    names = [name.lower() for name, _ in fields if name.lower() != "set-cookie"]
    assert len(names) == len(set(names)), f"a header field twice: {fields}"
    return Answer(status, once, content, cookies)


def zipped(value: Any) -> bytes:
    """Return a body as it is sent with Content-Encoding: gzip."""
    return gzip.compress(json.dumps(value).encode())
