"""Around every request: its id, one log line, the security headers, and no key in the URL."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from application.store.database import begin_deadline, end_deadline
from interfaces.http.base_path import without_base
from interfaces.http.methods import METHODS
from interfaces.http.metrics import count_request
from interfaces.http.parameters import check_query_encoding
from interfaces.http.paths import what_is_odd
from interfaces.http.percent_encoding import looks_like_a_key_in
from interfaces.http.problems import ProblemError
from interfaces.http.requests import client_address, request_id_of, seconds_waited
from interfaces.http.server import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import falcon

_log = structlog.get_logger("rpawatch.http")
QUEUE_SECONDS_MAX = 3.0
"""A request that has waited longer for a thread is refused: its client would have given up before the answer."""
STORE_SECONDS_MAX = 4.2
"""Time after the receipt of a request at which all its waits for the store end: a client is answered within 5 s."""
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Header fields of every answer, errors too. A page that needs more says so itself."""
_NO_SUCH_METHOD = "This service knows no such method. OPTIONS tells which ones an address takes."


class Envelope:
    """The Falcon middleware.

    base: the path that all addresses begin with, "" for none. routes: the templates of all addresses.
    """

    def __init__(self, base: str = "", routes: Iterable[str] = ()) -> None:
        self._base = base
        self._fixed = frozenset(route for route in routes if "{" not in route and not base)
        """Addresses that need no look, such as those that robots ask for all the time."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Name the request. Raises ProblemError key-in-url, whatever else is sent, or what else can't be served."""
        req.context.started = time.perf_counter()
        waited = seconds_waited(req)
        begin_deadline(STORE_SECONDS_MAX - waited)
        req.context.request_id = request_id_of(req.get_header("X-Request-Id"))
        req.context.path, req.context.base = req.path, self._base
        resp.set_headers(SECURITY_HEADERS)
        resp.set_header("X-Request-Id", req.context.request_id)
        # The raw target where there is one: what a router makes of it must not decide what is seen.
        target = req.env.get("REQUEST_URI") or f"{req.path}?{req.query_string}"
        if target not in self._fixed:
            self._check_address(req, resp, target)
        if req.method not in METHODS:
            raise ProblemError("not-implemented", detail=_NO_SUCH_METHOD)
        if waited > QUEUE_SECONDS_MAX and req.path != "/health/live":
            raise ProblemError(
                "unavailable", detail="Too many requests are waiting. Send it again after Retry-After seconds."
            )

    def _check_address(self, req: falcon.Request, resp: falcon.Response, target: str) -> None:
        path = without_base(path_of(target), self._base)
        if self._base:
            req.path = path or "/"
        if looks_like_a_key_in(target):
            req.context.path = "/"
            raise ProblemError("key-in-url")
        if path is None:
            raise ProblemError("not-found", detail=f"All addresses of this service begin with {self._base}/ here.")
        if not path and req.method in {"GET", "HEAD"}:
            # As people type it.
            resp.status, resp.complete = 303, True
            resp.set_header("Location", "/")
            return
        if (oddity := what_is_odd(path)) is not None:
            raise ProblemError("not-found", detail=oddity)
        check_query_encoding(req)

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,
        req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Count and log the answer."""
        del resource, req_succeeded
        end_deadline()
        seconds = time.perf_counter() - req.context.started
        route = req.uri_template or "-"
        status = int(str(resp.status)[:3])
        count_request(req.method, route, status, seconds)
        _log.info(
            "request",
            method=req.method,
            path=req.context.path,
            route=route,
            status=status,
            problem=getattr(resp.context, "problem", None),
            ms=round(seconds * 1000, 1),
            request_id=req.context.request_id,
            actor=getattr(req.context, "actor", None),
            address=client_address(req),
        )
