"""What can be read without an account: the API's document and its page, and what each problem means."""

from __future__ import annotations

import html
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import orjson
import swagger_ui_bundle

from domain.errors import NotFoundError
from interfaces.http import cookies
from interfaces.http.cookies import cookie_name
from interfaces.http.operation import Operation, PlainOperations, Success
from interfaces.http.problems import PROBLEMS
from interfaces.http.representations import ASK_AGAIN, Kept, may_be_kept, send_kept

if TYPE_CHECKING:
    import falcon

    from interfaces.bootstrap import Services

_OWN_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Swagger UI sets style attributes itself, hence 'unsafe-inline' for styles only."""
ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}
HTML = "text/html; charset=utf-8"
COOKIE_IN_DOCUMENT = "rpawatch_session"
"""The name that the document has for the session cookie; each installation has its own."""
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>RPA Watch API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><noscript>The API is described in <a href="/openapi.json">openapi.json</a>.</noscript>
<main id="page"></main>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});
"""
_PROBLEM_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} - RPA Watch</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>{title}</h1><p>Status {status}, <code>/problems/{slug}</code></p><p>{detail}</p></main></body></html>
"""


@cache
def _document(session_cookie: str, base: str) -> Kept:
    committed = files("interfaces.http.openapi").joinpath("openapi.json").read_text(encoding="utf-8")
    named = committed.replace(f'"{COOKIE_IN_DOCUMENT}"', f'"{session_cookie}"').encode()
    if not base:
        return Kept.of(named)
    found = orjson.loads(named)
    for server in found["servers"]:
        server["url"] = base
    return Kept.of(orjson.dumps(found, option=orjson.OPT_INDENT_2))


@cache
def _asset(name: str) -> Kept:
    return Kept.of(_START.encode() if name == "start.js" else (swagger_ui_bundle.swagger_ui_path / name).read_bytes())


OPERATIONS: list[Operation] = []
_DOCUMENTS = PlainOperations(OPERATIONS, "Documents")


@_DOCUMENTS.operation("get", "/openapi.json", Success(description="OpenAPI 3.1.", answer="OpenApiDocument"))
def read_document(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """This document.

    The one that was released with this version.
    """
    # With the base path, and what the cookie is called here.
    session_cookie = cookie_name(services.tenant_id, cookies.SESSION, secure=False)
    send_kept(resp, _document(session_cookie, req.context.base), "application/json", ASK_AGAIN)


@_DOCUMENTS.operation("get", "/docs", Success(description="The page.", media_types=("text/html",)))
def read_docs(_services: Services, _req: falcon.Request, resp: falcon.Response) -> None:
    """This document as a page.

    Swagger UI, served from here.
    """
    resp.text, resp.content_type = _PAGE, HTML
    may_be_kept(resp, ASK_AGAIN)
    resp.set_header("Content-Security-Policy", _OWN_CSP)


@_DOCUMENTS.operation(
    "get",
    "/docs/{name}",
    Success(description="The file.", media_types=("text/css", "text/javascript")),
    problems=("not-found",),
    description=f"One of {', '.join(sorted(ASSETS))}.",
)
def read_docs_file(_services: Services, _req: falcon.Request, resp: falcon.Response, name: str) -> None:
    """A file of that page."""
    if name not in ASSETS:
        raise NotFoundError
    send_kept(resp, _asset(name), ASSETS[name], "public, max-age=3600")


@_DOCUMENTS.operation(
    "get",
    "/problems/{slug}",
    Success(description="The page.", media_types=("text/html",)),
    problems=("not-found",),
)
def explain_problem(_services: Services, _req: falcon.Request, resp: falcon.Response, slug: str) -> None:
    """What a problem means.

    Where the `type` of a problem leads.
    """
    kind = PROBLEMS.get(slug)
    if kind is None:
        raise NotFoundError
    resp.text = _PROBLEM_PAGE.format(
        title=html.escape(kind.title), status=kind.status, slug=slug, detail=html.escape(kind.detail)
    )
    resp.content_type = HTML
    may_be_kept(resp, ASK_AGAIN)
