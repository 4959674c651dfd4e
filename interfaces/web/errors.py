"""What a person is told when a request is refused: the words of the API's problem, on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.http.problems import PROBLEMS, document
from interfaces.web.page import CHOOSE_PATH, go_to, send_page
from interfaces.web.sign_in import request_sign_in

if TYPE_CHECKING:
    import falcon

    from interfaces.http.problems import ProblemError

_FOR_PROGRAMS = ("/api/", "/health/", "/metrics", "/openapi.json", "/docs", "/assets/")


def wants_page(req: falcon.Request) -> bool:
    """Return whether a browser asks for something to look at: programs get every problem as JSON."""
    return not req.path.startswith(_FOR_PROGRAMS) and "text/html" in (req.accept or "")


def show_problem(req: falcon.Request, resp: falcon.Response, problem: ProblemError) -> None:
    """Answer with a page that says what happened and what to do; or with the one to sign in where that is it."""
    resp.context.problem = problem.slug
    if problem.slug == "not-signed-in":
        request_sign_in(req, resp)
        return
    if problem.slug == "password-change-required":
        go_to(resp, CHOOSE_PATH)
        return
    status, headers, _ = document(problem, instance="/", request_id=req.context.request_id)
    kind = PROBLEMS[problem.slug]
    resp.set_headers({name: value for name, value in headers.items() if name != "Content-Type"})
    send_page(
        resp,
        "problem.html",
        status,
        title=kind.title,
        detail=problem.detail or kind.detail,
        errors=problem.errors,
        request_id=req.context.request_id,
    )
