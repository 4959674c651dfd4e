"""What operations share: parameters, header fields, security schemes, and the answers that are problems."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

import orjson
from openapi_pydantic import (
    Example,
    Header,
    MediaType,
    Parameter,
    Reference,
    Response,
    SecurityScheme,
)

from domain import limits
from interfaces.http.answers.fields import REQUEST_ID
from interfaces.http.documents import COOKIE_IN_DOCUMENT
from interfaces.http.openapi.parameter import one_of, parameter, path_parameter, text, whole_number
from interfaces.http.operation import Access
from interfaces.http.problems import PROBLEMS, Problem, ProblemError, document
from interfaces.http.validation import BrokenRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interfaces.http.operation import Operation


PROBLEM_JSON = "application/problem+json"
EVERYWHERE = (
    "key-in-url",
    "malformed-request",
    "request-timeout",
    "headers-too-large",
    "internal-error",
    "unavailable",
)
"""Problems that any request can have."""


_COUNT = whole_number(1, limits.POSITION_MAX)
_PATH: dict[str, Parameter] = {
    "account_id": path_parameter("account_id", "The account."),
    "flow_id": path_parameter("flow_id", "The process."),
    "user_id": path_parameter("user_id", "The user."),
    "key_id": path_parameter("key_id", "The key's id, not its secret."),
    "job_id": path_parameter("job_id", "The job."),
    "name": parameter("name", "path", "The file.", one_of("DocsFile"), required=True),
    "slug": parameter("slug", "path", "Of the problem.", one_of("ProblemSlug"), required=True),
    "position": parameter("position", "path", "Of the event, as the audit log has it.", _COUNT, required=True),
    "level": path_parameter(
        "level", "The level of the tile, or `entries`.", pattern="^(entries|[0-9]|[1-5][0-9]|6[0-3])$"
    ),
    "number": path_parameter(
        "number",
        "The number of the tile, in groups of three digits of which all but the last begin with x; for a tile that is"
        " not full, with `.p/` and how many hashes of it are wanted.",
        pattern=r"^(x[0-9]{3}/){0,5}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$",
    ),
}
"""The parts of paths, by name."""
_IDEMPOTENCY_KEY = parameter(
    "Idempotency-Key",
    "header",
    f"1 to {limits.IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters of your choice, bare or in double"
    " quotes. The same key with the same request again gives the same answer and does nothing twice, for ever.",
    text(
        pattern=(
            rf"^(?:[!#-~](?:[ -~]{{0,{limits.IDEMPOTENCY_KEY_CHARS_MAX - 2}}}[!-~])?"
            rf'|"(?:[ !#-\[\]-~]|\\["\\]){{1,{limits.IDEMPOTENCY_KEY_CHARS_MAX}}}")$'
        )
    ),
)


def parameters_of(operation: Operation) -> dict[str, Parameter]:
    """Return the parameters of an operation, by the names of their components."""
    found = {name: _PATH[name] for name in re.findall(r"{(\w+)}", operation.path)}
    for one in operation.query:
        found[one.component or one.name] = parameter(
            one.name, "query", one.description, one.schema, **({"required": True} if one.required else {})
        )
    if operation.idempotent:
        found["Idempotency-Key"] = _IDEMPOTENCY_KEY
    return found


HEADERS: dict[str, Header] = {
    "X-Request-Id": Header(
        required=True,
        description=(
            "The request's X-Request-Id when it was a token of up to 64 letters, digits, `.`, `_`, `-`; else a new one."
        ),
        schema=text(pattern=rf"^[A-Za-z0-9._-]{{1,{limits.REQUEST_ID_CHARS_MAX}}}$"),
    ),
    "RateLimit-Policy": Header(
        required=True,
        description="The limit of the key (draft-ietf-httpapi-ratelimit-headers): q requests in any w seconds.",
        schema=text(pattern='^"per-key";q=[0-9]+;w=60$'),
    ),
    "RateLimit": Header(
        required=True,
        description="What is left of it: r requests now, one more in t seconds.",
        schema=text(pattern='^"per-key";r=[0-9]+;t=[0-9]+$'),
    ),
    "Retry-After": Header(
        required=True,
        description="Whole seconds, rounded up: whoever waits that long gets through.",
        schema=text(pattern="^[1-9][0-9]*$"),
    ),
    "Location": Header(required=True, description="Where it is.", schema=text(pattern="^/")),
    "Link": Header(
        description='The next page, with `rel="next"`; not on the last one.',
        schema=text(pattern='^<[^>]+>; rel="next"$'),
    ),
    "Content-Disposition": Header(
        description="The name of the file.", schema=text(pattern='^attachment; filename="[^"]+"$')
    ),
    "Idempotent-Replayed": Header(
        description="There when this is the answer to an earlier request with the same Idempotency-Key.",
        schema=text(const="true"),
    ),
    "X-Lists-Behind": Header(
        description="There when it is done, and lists don't show it yet.", schema=text(const="true")
    ),
    "Set-Cookie": Header(
        description="The session for browsers: HttpOnly, SameSite=Lax, and Secure over HTTPS.", schema=text()
    ),
    "WWW-Authenticate": Header(
        required=True, description="What to show instead.", schema=text(pattern="^(ApiKey|Bearer) ")
    ),
}
"""Headers by name; in the document each is a component of that name."""

SECURITY_SCHEMES: dict[str, SecurityScheme] = {
    name: SecurityScheme.model_validate(fields)
    for name, fields in {
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "A key of an account (`rpakey_…`). In this header only: in a URL it is refused.",
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a session, from POST /api/v1/session.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE_IN_DOCUMENT,
            "description": (
                "The session of a browser. Its name ends with a mark of the installation, and over HTTPS begins with"
                " `__Host-`. Where a bearer token comes too, that one counts."
            ),
        },
        "csrfToken": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRF-Token",
            "description": "The csrf_token of the session, with every change that is made with the cookie.",
        },
    }.items()
}


def security_of(operation: Operation) -> list[dict[str, list[str]]]:
    """Return what a request has to show: one of the list, all of its parts. Nothing, when it is empty."""
    if operation.access is Access.KEY:
        return [{"apiKey": []}]
    if operation.access is Access.NOTHING:
        return []
    return [{"bearer": []}, {"cookie": []} if operation.method == "get" else {"cookie": [], "csrfToken": []}]


def reference(kind: str, name: str) -> Reference:
    """Return a reference to a component."""
    return Reference.model_validate({"$ref": f"#/components/{kind}/{name}"})


def header_references(names: Iterable[str]) -> dict[str, Header | Reference]:
    """Return a reference to each header field; every answer has an X-Request-Id."""
    return {name: reference("headers", name) for name in ("X-Request-Id", *names)}


def problem_responses(operation: Operation) -> dict[str, Response | Reference]:
    """Return the answers that are problems, by status."""
    slugs = sorted(
        {*EVERYWHERE, *operation.problems}, key=lambda slug: (PROBLEMS[slug].status, list(PROBLEMS).index(slug))
    )
    by_status = {str(status): list(found) for status, found in groupby(slugs, key=lambda slug: PROBLEMS[slug].status)}
    return {
        status: reference("responses", found[0])
        if len(found) == 1 and found[0] in RESPONSES
        else problem_response(found, _headers_of(found[0], operation))
        for status, found in by_status.items()
    }


def problem_response(slugs: list[str], headers: Iterable[str]) -> Response:
    """Return the answer that is one of these problems of one status."""
    return Response(
        description="\n".join(f"- `{slug}`: {PROBLEMS[slug].detail}" for slug in slugs),
        headers=header_references(headers),
        content={
            PROBLEM_JSON: MediaType(
                schema=reference("schemas", Problem.__name__),
                examples={slug: reference("examples", slug) for slug in slugs},
            )
        },
    )


def _headers_of(slug: str, operation: Operation) -> list[str]:
    status = PROBLEMS[slug].status
    # Only who has shown a valid key is told what is left of its limit.
    limit = ["RateLimit", "RateLimit-Policy"] if operation.access is Access.KEY and status in _KEY_WAS_VALID else []
    return [*_HEADERS_OF_STATUS.get(status, ()), *limit]


_KEY_WAS_VALID = frozenset({403, 404, 409, 415, 422})
_HEADERS_OF_STATUS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}


_ERRORS: dict[str, tuple[BrokenRule, ...]] = {
    "invalid-report": (
        BrokenRule("/robot_id", "is required"),
        BrokenRule("/details/2/status", "must be one of 'success', 'failed', 'skipped'"),
    ),
    "invalid-request": (BrokenRule("/name", "must not be blank"),),
}


def _example(slug: str) -> Example:
    path = "/" if slug == "key-in-url" else "/api/v1/ingest/report"
    problem = ProblemError(slug, errors=_ERRORS.get(slug, ()))
    _, _, body = document(problem, instance=path, request_id=REQUEST_ID)
    return Example(value=orjson.loads(body))


PROBLEM_EXAMPLES: dict[str, Example] = {slug: _example(slug) for slug in PROBLEMS}
RESPONSES: dict[str, Response] = {
    slug: problem_response([slug], _HEADERS_OF_STATUS.get(PROBLEMS[slug].status, ()))
    for slug in ("request-timeout", "headers-too-large", "internal-error", "unavailable", "not-signed-in")
}
"""Problems that are alone with their status in many operations: components of that name."""
