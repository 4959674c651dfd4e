"""Every error that goes over the wire: RFC 9457 problem details, from one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NotRequired

import orjson
from pydantic import Field
from typing_extensions import TypedDict

from application.store.errors import ConflictError, StoreUnavailableError
from domain import errors, limits
from interfaces.http.answers.keys import Key
from interfaces.http.validation import BrokenRule
from interfaces.queries.jobs import JobNotShownError
from projections.fence import ListIncompleteError
from projections.paging import BadCursorError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. detail: what was wrong and what to do, in one or two sentences."""

    slug: str
    status: int
    title: str
    detail: str


_WAIT = "Wait as many seconds as Retry-After says, then send it again."


def _refused(error: type[errors.DomainError], status: int, title: str, next_step: str = "") -> Kind:
    """Return what a refusal of the domain is over HTTP. next_step: what to do there, after what is said everywhere."""
    return Kind(error.slug, status, title, f"{error.advice} {next_step}".strip())


_KINDS = (
    Kind("malformed-json", 400, "Malformed JSON", "The body is not valid JSON in UTF-8. Send one JSON object."),
    Kind("malformed-request", 400, "Malformed request", "The request is not valid HTTP. Check the client or proxy."),
    Kind(
        "key-in-url",
        400,
        "API key in the URL",
        "Something that looks like an API key stands in the URL, where logs and histories keep it."
        " Send it in the X-API-Key header, and deactivate the key if it was a real one.",
    ),
    _refused(
        errors.InvalidApiKeyError, 401, "Invalid API key", "Send an active key of your account in the X-API-Key header."
    ),
    _refused(
        errors.NotSignedInError,
        401,
        "Not signed in",
        "Sign in with POST /api/v1/session and send its token as Authorization: Bearer.",
    ),
    _refused(errors.SignInFailedError, 401, "Sign-in failed"),
    Kind(
        "csrf-token",
        403,
        "CSRF token missing",
        "A change made with the session cookie needs the session's csrf_token in the X-CSRF-Token header.",
    ),
    _refused(
        errors.PasswordChangeRequiredError, 403, "Password change required", "Send it to POST /api/v1/session/password."
    ),
    _refused(errors.KeyScopeError, 403, "Outside the key's scope"),
    _refused(
        errors.AccountSuspendedError,
        403,
        "Account suspended",
        "Ask the tenant's administrator, and send it again afterwards.",
    ),
    _refused(errors.ForbiddenError, 403, "Forbidden"),
    _refused(errors.ProcessNotFoundError, 404, "Process not found", "Register the process, or correct flow_id."),
    _refused(errors.NotFoundError, 404, "Not found", "Check the address."),
    Kind(
        "method-not-allowed",
        405,
        "Method not allowed",
        "This address does not take that method. The Allow header lists those that it takes.",
    ),
    Kind(
        "request-timeout",
        408,
        "Request timeout",
        "The request did not arrive in the time it is given. Send it again, in one go.",
    ),
    _refused(errors.ProcessRetiredError, 409, "Process retired", "Restore it, or report another one."),
    Kind("job-finished", 409, "Job finished", "This job is finished and can't be changed. Begin a new job."),
    _refused(errors.KeyEndedError, 409, "Key ended"),
    _refused(errors.AlreadyCreatedError, 409, "Already created"),
    Kind(
        "no-proof-yet",
        409,
        "No proof yet",
        "No signed head of the log has this yet. One is signed each minute while the log grows; try again then.",
    ),
    Kind("too-large", 413, "Too large", "The request is larger than this service takes. Send less at once."),
    Kind(
        "unsupported-media-type",
        415,
        "Unsupported media type",
        "Send the body as application/json. A report, and no other body, may be sent with Content-Encoding: gzip.",
    ),
    Kind(
        "invalid-report", 422, "Invalid report", "The report breaks the rules listed in errors. Correct it and resend."
    ),
    _refused(errors.InvalidInputError, 422, "Invalid request"),
    _refused(errors.IdempotencyKeyReuseError, 422, "Idempotency-Key reused"),
    _refused(errors.RateLimitedError, 429, "Too many requests", _WAIT),
    Kind(
        "headers-too-large",
        431,
        "Headers too large",
        "The request's headers are too large. Send fewer or shorter ones.",
    ),
    Kind(
        "internal-error",
        500,
        "Internal error",
        "Something went wrong here. Try again; if it stays, tell the operator the request_id.",
    ),
    Kind("not-implemented", 501, "Not implemented", "This service does not do what the request asks for in HTTP."),
    Kind(
        "unavailable",
        503,
        "Unavailable",
        "The store did not answer in time. Wait as long as Retry-After says and send the same request again,"
        " with the same Idempotency-Key.",
    ),
)
PROBLEMS = {kind.slug: kind for kind in _KINDS}
"""The kinds of problems by their slug, the last part of the `type`."""

_SLUGS: dict[type[Exception], str] = {
    BadCursorError: "invalid-request",
    ListIncompleteError: "unavailable",
    JobNotShownError: "unavailable",
    StoreUnavailableError: "unavailable",
    ConflictError: "unavailable",
}
"""Which problem the errors are that are none of the domain's."""


class Problem(TypedDict):
    """RFC 9457 problem details, for every error. `type` leads to a page that explains it; `detail` says what to do."""

    type: Annotated[str, Field(pattern="^/problems/[a-z-]+$", description="A stable name to branch on.")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What was wrong and what to do. The wording may change.")]
    instance: Annotated[str, Field(description="The path of the request, or `/` where that must not be repeated.")]
    request_id: Annotated[str, Field(description="Tell it to the operator: the log line has it too.")]
    errors: NotRequired[Annotated[list[BrokenRule], Field(description="Every broken rule, up to the first 100.")]]
    more_errors: NotRequired[
        Annotated[
            bool, Field(description="`true` when more rules are broken than are listed; how many is not counted.")
        ]
    ]
    resource: NotRequired[
        Annotated[Key, Field(description="With `already-created`: the key that the first request made.")]
    ]


class ProblemError(Exception):
    """A refusal that is made at the edge. detail, and what else is given, are added to what the table says."""

    def __init__(
        self,
        slug: str,
        *,
        detail: str | None = None,
        errors: Sequence[BrokenRule] = (),
        headers: dict[str, str] | None = None,
        resource: Key | None = None,
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.resource = resource


def problem_of(error: Exception) -> ProblemError:
    """Return the problem that an error of any layer is; what is not in the table is an internal error."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, errors.DomainError):
        slug = error.slug
    else:
        slug = next((_SLUGS[kind] for kind in type(error).__mro__ if kind in _SLUGS), "internal-error")
    headers: dict[str, str] = {}
    broken: Sequence[BrokenRule] = ()
    if isinstance(error, errors.RateLimitedError):
        headers["Retry-After"] = str(max(1, error.quota.reset_seconds))
    elif isinstance(error, errors.SignInThrottledError):
        headers["Retry-After"] = str(max(1, error.retry_after_seconds))
    elif isinstance(error, errors.HashingBusyError):
        return ProblemError(slug, detail=f"{error.advice} {_WAIT}")
    elif isinstance(error, errors.InvalidInputError):
        broken = [BrokenRule(f"/{rule.field}" if rule.field else "", rule.message) for rule in error.errors]
    elif isinstance(error, BadCursorError):
        broken = [BrokenRule("", "cursor must be a next_cursor of this list; begin without one")]
    elif isinstance(error, JobNotShownError):
        return ProblemError(slug, detail="The job is on disk, and not shown yet. Ask again after Retry-After.")
    elif isinstance(error, ListIncompleteError):
        return ProblemError(slug, detail=f"{error} Try again later.", headers={"Retry-After": "5"})
    return ProblemError(slug, errors=broken, headers=headers)


def document(
    problem: ProblemError, *, instance: str, request_id: str, base: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a problem.

    instance: the path of the request, or "/" to keep it out. base: the path that all addresses begin with.
    """
    kind = PROBLEMS[problem.slug]
    body: Problem = {
        "type": f"{base}/problems/{problem.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail or kind.detail,
        "instance": instance,
        "request_id": request_id,
    }
    if problem.resource is not None:
        body["resource"] = problem.resource
    if problem.errors:
        body["errors"] = list(problem.errors[: limits.ERRORS_LISTED_MAX])
        if len(problem.errors) > limits.ERRORS_LISTED_MAX:
            body["more_errors"] = True
    headers = {"Content-Type": "application/problem+json", **problem.headers}
    if problem.slug == "invalid-api-key":
        headers["WWW-Authenticate"] = 'ApiKey realm="rpawatch", header="X-API-Key"'
    elif problem.slug in {"not-signed-in", "sign-in-failed"}:
        headers["WWW-Authenticate"] = 'Bearer realm="rpawatch"'
    elif problem.slug == "unavailable":
        headers.setdefault("Retry-After", "1")
    return kind.status, headers, orjson.dumps(body)
