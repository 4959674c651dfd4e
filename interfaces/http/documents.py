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
"""In the place of the session cookie's name, which each installation has its own of."""
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


class ApiDocument:
    """`GET /openapi.json`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the document that is committed, with the base path and what the cookie is called here."""
        session_cookie = cookie_name(self._services.tenant_id, cookies.SESSION, secure=False)
        send_kept(resp, _document(session_cookie, req.context.base), "application/json", ASK_AGAIN)


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


class DocsPage:
    """`GET /docs`: Swagger UI on the document."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the page."""
        del req
        resp.text, resp.content_type = _PAGE, HTML
        may_be_kept(resp, ASK_AGAIN)
        resp.set_header("Content-Security-Policy", _OWN_CSP)


class DocsAsset:
    """`GET /docs/{name}`: the files of the page, from the installed package."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Answer with one of the few files that there are."""
        del req
        if name not in ASSETS:
            raise NotFoundError
        send_kept(resp, _asset(name), ASSETS[name], "public, max-age=3600")


class ProblemPage:
    """`GET /problems/{slug}`: what a problem's `type` leads to."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, slug: str) -> None:
        """Explain."""
        del req
        kind = PROBLEMS.get(slug)
        if kind is None:
            raise NotFoundError
        resp.text = _PROBLEM_PAGE.format(
            title=html.escape(kind.title), status=kind.status, slug=slug, detail=html.escape(kind.detail)
        )
        resp.content_type = HTML
        may_be_kept(resp, ASK_AGAIN)
