"""What operations share: parameters, header fields, security schemes, and the answers that are problems."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import orjson
from openapi_pydantic import (
    DataType,
    Example,
    Header,
    MediaType,
    Parameter,
    Reference,
    Response,
    Schema,
    SecurityScheme,
)

from domain import limits
from domain.model import SYSTEM_ACTOR
from domain.report import DetailStatus, JobStatus
from interfaces.audit_export import EXPORT_FORMAT_DEFAULT
from interfaces.http.answers.fields import ACTOR_PATTERN, REQUEST_ID
from interfaces.http.documents import COOKIE_IN_DOCUMENT
from interfaces.http.keys import HISTORY_KINDS
from interfaces.http.openapi.entry import EVERYWHERE, Access
from interfaces.http.openapi.parameter import (
    filter_parameter,
    one_of,
    parameter,
    path_parameter,
    query_parameter,
    text,
    whole_number,
)
from interfaces.http.openapi.proofs import PROOF_PARAMETERS
from interfaces.http.problems import PROBLEMS, Problem, ProblemError, document
from interfaces.http.validation import BrokenRule
from projections.job_list import BY_TIME
from projections.key_queries import KEY_SORTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interfaces.http.openapi.entry import Entry

PROBLEM_JSON = "application/problem+json"


_TIME = text(format="date-time", pattern="^(19[7-9][0-9]|2[01][0-9]{2})-")
PARAMETERS: dict[str, Parameter] = {
    "account_id": path_parameter("account_id", "The account."),
    "flow_id": path_parameter("flow_id", "The process."),
    "user_id": path_parameter("user_id", "The user."),
    "key_id": path_parameter("key_id", "The key's id, not its secret."),
    "job_id": path_parameter("job_id", "The job."),
    "name": parameter("name", "path", "The file.", one_of("DocsFile"), required=True),
    "slug": parameter("slug", "path", "Of the problem.", one_of("ProblemSlug"), required=True),
    "limit": query_parameter(
        "limit",
        "How many items at most.",
        whole_number(1, limits.PAGE_ITEMS_MAX, limits.PAGE_ITEMS_DEFAULT),
    ),
    "cursor": query_parameter(
        "cursor",
        "The `next_cursor` of the page before; left out for the first page. Nothing else is taken for one.",
        text(),
    ),
    "retired": query_parameter(
        "retired", "true: only those that take no jobs. false: only those that do.", Schema(type=DataType.BOOLEAN)
    ),
    "active": query_parameter(
        "active", "true: only those that let requests in. false: only those that do not.", Schema(type=DataType.BOOLEAN)
    ),
    "q-keys": query_parameter(
        "q",
        "What to look for: each word of it begins a word of the key's name, whatever its case, or the key's prefix.",
        text(minLength=1, maxLength=limits.SEARCH_CHARS_MAX, pattern=r"[^\s\x1C-\x1F\x85]"),
    ),
    "scope": filter_parameter("scope", "Only those that are for this process.", text(format="uuid")),
    "unused_for": query_parameter(
        "unused_for",
        "Only those that were made, and last used, more than so many days ago.",
        whole_number(0, limits.UNUSED_DAYS_MAX),
    ),
    "sort-keys": query_parameter("sort", f"The order; `{KEY_SORTS[0]}` when it is left out.", one_of("KeySort")),
    "actor": filter_parameter(
        "actor",
        f"Only what this one did: the id of a user or key, or `{SYSTEM_ACTOR}` for the operator.",
        text(pattern=ACTOR_PATTERN),
    ),
    "action": filter_parameter("action", "Only this action, or all of one kind.", one_of("AuditActionFilter")),
    "resource": filter_parameter(
        "resource",
        "Only what was done to this: the id of a key or account, the flow_id of a process, the user_id of a member.",
        text(format="uuid"),
    ),
    "from": query_parameter(
        "from", "Only what has this time or a later one; with a zone, whose + is written %2B.", _TIME
    ),
    "to": query_parameter("to", "Only what has an earlier time than this, which is not before `from`.", _TIME),
    "format": query_parameter(
        "format", f"What the file is to be; `{EXPORT_FORMAT_DEFAULT}` when it is left out.", one_of("ExportFormat")
    ),
    "job_status": filter_parameter("status", "Only those that ended so.", one_of(JobStatus.__name__)),
    "of_flow_id": filter_parameter("flow_id", "Only those of this process.", text(format="uuid")),
    "of_key_id": filter_parameter("key_id", "Only those that were reported with this key.", text(format="uuid")),
    "job_q": query_parameter(
        "q",
        "Whole words, all of which stand in the job: in its external_id, tags or result_summary, or in the record_id of"
        " a detail. Case and accents do not matter, nor does punctuation around a word; INV-2024/0042 is one word.",
        text(minLength=1, maxLength=limits.SEARCH_CHARS_MAX, pattern=r"[^\s\x1C-\x1F\x85]"),
    ),
    "job_sort": query_parameter(
        "sort",
        f"By the time of receipt; `{next(iter(BY_TIME.orders))}` when it is left out.",
        one_of("JobSort"),
    ),
    "detail_status": filter_parameter("status", "Only those of this status.", one_of(DetailStatus.__name__)),
    **PROOF_PARAMETERS,
    "as_of": query_parameter("as_of", "As it was at this instant; with a zone, whose + is written %2B.", _TIME),
    "version": query_parameter(
        "version",
        "As it was after so many events.",
        whole_number(1, limits.POSITION_MAX),
    ),
    "history_kind": query_parameter(
        "kind", f"Which of it; `{HISTORY_KINDS[0]}` when it is left out.", one_of("HistoryKind")
    ),
    "Idempotency-Key": parameter(
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
    ),
}

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
"""By name; in the document each is a component of that name."""

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


def security_of(entry: Entry) -> list[dict[str, list[str]]]:
    """Return what a request has to show: one of the list, all of its parts. Nothing, when it is empty."""
    if entry.access is Access.KEY:
        return [{"apiKey": []}]
    if entry.access is Access.NOTHING:
        return []
    return [{"bearer": []}, {"cookie": []} if entry.method == "get" else {"cookie": [], "csrfToken": []}]


def reference(kind: str, name: str) -> Reference:
    """Return a reference to a component."""
    return Reference.model_validate({"$ref": f"#/components/{kind}/{name}"})


def header_references(names: Iterable[str]) -> dict[str, Header | Reference]:
    """Return a reference to each header field; every answer has an X-Request-Id."""
    return {name: reference("headers", name) for name in ("X-Request-Id", *names)}


def problem_responses(entry: Entry) -> dict[str, Response | Reference]:
    """Return the answers that are problems, by status."""
    slugs = sorted({*EVERYWHERE, *entry.problems}, key=lambda slug: (PROBLEMS[slug].status, list(PROBLEMS).index(slug)))
    by_status = {str(status): list(found) for status, found in groupby(slugs, key=lambda slug: PROBLEMS[slug].status)}
    return {
        status: reference("responses", found[0])
        if len(found) == 1 and found[0] in RESPONSES
        else problem_response(found, _headers_of(found[0], entry))
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


def _headers_of(slug: str, entry: Entry) -> list[str]:
    status = PROBLEMS[slug].status
    # Only who has shown a valid key is told what is left of its limit.
    limit = ["RateLimit", "RateLimit-Policy"] if entry.access is Access.KEY and status in _KEY_WAS_VALID else []
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
