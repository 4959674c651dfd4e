"""The Falcon application, as it is served, and what every error becomes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import falcon
import structlog

from interfaces.http import ingest
from interfaces.http.methods import Router
from interfaces.http.metrics import PATH as METRICS_PATH
from interfaces.http.middleware import SECURITY_HEADERS, Envelope
from interfaces.http.operations import routes
from interfaces.http.problems import ProblemError, document, problem_of
from interfaces.http.representations import Representations
from interfaces.http.requests import client_address, request_id_of
from interfaces.http.server import (
    ENTRANCE,
    Listener,
    Listening,
    Paths,
    Server,
    ServerLimits,
    allow_open_files,
    open_listeners,
    tune_memory,
)
from interfaces.web.errors import show_problem, wants_page
from interfaces.web.routes import web_routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from interfaces.bootstrap import Services
    from interfaces.settings import Settings

_log = structlog.get_logger("rpawatch.http")

# What waits in the command queue lets the server go on with others.
_QUICK = tuple(operation.path for operation in ingest.OPERATIONS)
_HEALTH = ("/health/live",)
_LARGE_BODIES = ("/api/v1/ingest/report",)

METRICS_ENTRANCE = "metrics"
"""The entrance of connections to the address of the metrics, where these have one of their own."""

_TILE = "/api/v1/audit/tile/{level}/{number}"
_CONVERTED = {_TILE: "/api/v1/audit/tile/{level}/{number:path}"}
"""Paths as the router has to be told them: the number of a tile has slashes in it."""


class _App(falcon.App):  # type: ignore[type-arg] # Falcon's App is generic only to type checkers
    _META_METHODS: frozenset[str] = frozenset()  # type: ignore[misc] # Falcon would answer them before any middleware


def create_app(services: Services, *, base: str = "", without: frozenset[str] = frozenset()) -> falcon.App:  # type: ignore[type-arg] # as above
    """Return the WSGI application on these collaborators.

    base: the path that all addresses begin with. without: paths that are not to be had here.
    """
    found = routes(services) | web_routes(services)
    return _app_of({path: resource for path, resource in found.items() if path not in without}, base)


def _app_of(found: Mapping[str, object], base: str = "") -> falcon.App:  # type: ignore[type-arg] # as above
    middleware: list[Any] = [Envelope(base, found), Representations(base)]
    app = _App(middleware=middleware, router=Router())
    # What Falcon would read a form from, no route takes; bodies are read and judged in json_body.py.
    app.req_options.auto_parse_form_urlencoded = False
    app.req_options.keep_blank_qs_values = True
    app.req_options.auto_parse_qs_csv = False
    app.resp_options.default_media_type = "application/json"
    for path, resource in found.items():
        app.add_route(_CONVERTED.get(path, path), resource)
    app.add_error_handler(Exception, _handle_error)
    app.add_error_handler(falcon.HTTPError, _handle_falcon_error)
    return app


def create_apps(services: Services, settings: Settings) -> WSGIApplication:
    """Return the WSGI application as it is served: where the metrics have an address of their own, they are there only.

    Nothing else is: whoever may read figures need not be able to reach anything more. No proxy leads there, so the base
    path does not count.
    """
    if not settings.metrics_addresses:
        return create_app(services, base=settings.base_path)
    public = create_app(services, base=settings.base_path, without=frozenset({METRICS_PATH}))
    metrics = _app_of({METRICS_PATH: routes(services)[METRICS_PATH]})

    def by_entrance(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (metrics if environ.get(ENTRANCE) == METRICS_ENTRANCE else public)(environ, start_response)

    return by_entrance


def listeners_of(settings: Settings) -> list[Listener]:
    """Return sockets that listen on all addresses of the settings. Raises ListenError; none is open then."""
    listeners = open_listeners(settings.listen_addresses)
    try:
        return [*listeners, *open_listeners(settings.metrics_addresses, METRICS_ENTRANCE)]
    except BaseException:
        for listener in listeners:
            listener.sock.close()
        raise


def create_server(services: Services, settings: Settings, listening: Listening | None = None) -> Server:
    """Return the server of the application, as `rpawatch serve` and each of its web processes run it.

    listening: what other processes accept from too; without it, the addresses of the settings are listened on. Raises
    ListenError when one can't be had.
    """
    limits = ServerLimits(threads=settings.threads, body_bytes_max=settings.max_body)
    allow_open_files(limits)
    tune_memory()
    listening = listening or Listening(listeners_of(settings))
    host, port = listening.listeners[0].address
    server = Server(
        create_apps(services, settings),
        host,
        port,
        limits,
        problem=partial(problem_of_server, base=settings.base_path),
        trusted_proxy=settings.trusted_proxy,
        listening=listening,
        paths=_paths_behind(settings.base_path),
    )
    services.command_queue.run_writer = server.run_in_loop
    return server


def _paths_behind(base: str) -> Paths:
    quick, health, large = (frozenset(base + path for path in paths) for paths in (_QUICK, _HEALTH, _LARGE_BODIES))
    return Paths(quick=quick, health=health, large_bodies=large)


def problem_of_server(  # noqa: PLR0913 - as the server calls it, and what is known before
    status: int, slug: str, *, detail: str, instance: str, request_id: str | None, base: str = ""
) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of a refusal that the server makes before the application is asked."""
    del status  # the table has it
    name = request_id_of(request_id)
    _, headers, body = document(ProblemError(slug, detail=detail), instance=instance, request_id=name, base=base)
    return [*SECURITY_HEADERS.items(), *headers.items(), ("X-Request-Id", name)], body


def _handle_error(req: falcon.Request, resp: falcon.Response, error: Exception, _params: object) -> None:
    problem = problem_of(error)
    if problem.slug == "internal-error":
        _log.error("internal_error", **_which(req), exc_info=error)
    elif problem.slug == "unavailable":
        _log.warning("unavailable", **_which(req), reason=str(error) or type(error).__name__)
    _send(req, resp, problem)


def _handle_falcon_error(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object) -> None:
    """Say what Falcon found in the words of the table."""
    headers = {name: value for name, value in dict(error.headers or {}).items() if name.lower() == "allow"}
    slug = {
        404: "not-found",
        405: "method-not-allowed",
        413: "too-large",
        415: "unsupported-media-type",
        400: "malformed-request",
    }.get(error.status_code, "internal-error")
    if slug == "internal-error":
        _log.error("internal_error", **_which(req), exc_info=error)
    _send(req, resp, ProblemError(slug, headers=headers))


def _which(req: falcon.Request) -> dict[str, str]:
    """Return what a log line says of the request that it is about."""
    return {"request_id": req.context.request_id, "path": req.context.path, "address": client_address(req)}


def _send(req: falcon.Request, resp: falcon.Response, problem: ProblemError) -> None:
    if wants_page(req):
        show_problem(req, resp, problem)
        return
    status, headers, body = document(
        problem, instance=req.context.path, request_id=req.context.request_id, base=req.context.base
    )
    resp.context.problem = problem.slug
    resp.status = status
    resp.text = None
    resp.media = None
    resp.data = body
    resp.set_headers(headers)
