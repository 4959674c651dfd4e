"""Every error that goes over the wire: RFC 9457 problem details, from one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from application.store.errors import ConflictError, StoreUnavailableError
from domain import errors, limits
from interfaces.http.validation import BrokenRule
from interfaces.jobs import JobNotShownError
from projections.fence import ListIncompleteError
from projections.paging import BadCursorError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. detail: what was wrong and what to do, in one or two sentences."""

    status: int
    title: str
    detail: str


PROBLEMS: dict[str, Kind] = {
    "malformed-json": Kind(400, "Malformed JSON", "The body is not valid JSON in UTF-8. Send one JSON object."),
    "malformed-request": Kind(400, "Malformed request", "The request is not valid HTTP. Check the client or proxy."),
    "key-in-url": Kind(
        400,
        "API key in the URL",
        "Something that looks like an API key stands in the URL, where logs and histories keep it."
        " Send it in the X-API-Key header, and deactivate the key if it was a real one.",
    ),
    "invalid-api-key": Kind(
        401,
        "Invalid API key",
        "No valid API key came with the request. Send an active key of your account in the X-API-Key header.",
    ),
    "not-signed-in": Kind(
        401,
        "Not signed in",
        "This needs a session. Sign in with POST /api/v1/session and send its token as Authorization: Bearer.",
    ),
    "sign-in-failed": Kind(
        401, "Sign-in failed", "The email address or the password is wrong. Check both and try again."
    ),
    "csrf-token": Kind(
        403,
        "CSRF token missing",
        "A change made with the session cookie needs the session's csrf_token in the X-CSRF-Token header.",
    ),
    "password-change-required": Kind(
        403,
        "Password change required",
        "A first password began this session, which is for setting your own and for nothing else."
        " Send it to POST /api/v1/session/password.",
    ),
    "key-scope": Kind(
        403,
        "Outside the key's scope",
        "This key reports one process only. Use a key of the process, or of the account.",
    ),
    "account-suspended": Kind(
        403,
        "Account suspended",
        "This key's account takes no reports for now. Ask the tenant's administrator, and send it again afterwards.",
    ),
    "forbidden": Kind(403, "Forbidden", "Your role does not allow this. Ask an administrator of the account."),
    "process-not-found": Kind(
        404,
        "Process not found",
        "flow_id is not a process of this key's account. Register the process, or correct flow_id.",
    ),
    "not-found": Kind(404, "Not found", "There is nothing here, or nothing that you may see. Check the address."),
    "method-not-allowed": Kind(
        405, "Method not allowed", "This address does not take that method. The Allow header lists those that it takes."
    ),
    "request-timeout": Kind(
        408, "Request timeout", "The request did not arrive in the time it is given. Send it again, in one go."
    ),
    "process-retired": Kind(
        409, "Process retired", "This process was retired and takes no more jobs. Restore it, or report another one."
    ),
    "job-finished": Kind(409, "Job finished", "This job is finished and can't be changed. Begin a new job."),
    "key-ended": Kind(
        409, "Key ended", "This key was deactivated or has expired, and can't be changed any more. Make a new one."
    ),
    "already-created": Kind(
        409,
        "Already created",
        "This was created before. Use what is there, or make another one.",
    ),
    "no-proof-yet": Kind(
        409,
        "No proof yet",
        "No signed head of the log has this yet. One is signed each minute while the log grows; try again then.",
    ),
    "too-large": Kind(413, "Too large", "The request is larger than this service takes. Send less at once."),
    "unsupported-media-type": Kind(
        415,
        "Unsupported media type",
        "Send the body as application/json. A report, and no other body, may be sent with Content-Encoding: gzip.",
    ),
    "invalid-report": Kind(
        422, "Invalid report", "The report breaks the rules listed in errors. Correct it and resend."
    ),
    "invalid-request": Kind(
        422, "Invalid request", "The request breaks the rules listed in errors. Correct it and resend."
    ),
    "idempotency-key-reuse": Kind(
        422,
        "Idempotency-Key reused",
        "This Idempotency-Key came with another request before. Use a new one for a new request.",
    ),
    "rate-limited": Kind(
        429, "Too many requests", "Too many requests. Wait as many seconds as Retry-After says, then send it again."
    ),
    "headers-too-large": Kind(
        431, "Headers too large", "The request's headers are too large. Send fewer or shorter ones."
    ),
    "internal-error": Kind(
        500, "Internal error", "Something went wrong here. Try again; if it stays, tell the operator the request_id."
    ),
    "not-implemented": Kind(501, "Not implemented", "This service does not do what the request asks for in HTTP."),
    "unavailable": Kind(
        503,
        "Unavailable",
        "The store did not answer in time. Wait as long as Retry-After says and send the same request again,"
        " with the same Idempotency-Key.",
    ),
}

SLUGS: dict[type[Exception], str] = {
    errors.InvalidApiKeyError: "invalid-api-key",
    errors.RateLimitedError: "rate-limited",
    errors.KeyEndedError: "key-ended",
    errors.AlreadyRotatedError: "already-created",
    errors.AccountSuspendedError: "account-suspended",
    errors.KeyScopeError: "key-scope",
    errors.ProcessNotFoundError: "process-not-found",
    errors.ProcessRetiredError: "process-retired",
    errors.NotSignedInError: "not-signed-in",
    errors.PasswordChangeRequiredError: "password-change-required",
    errors.SignInFailedError: "sign-in-failed",
    errors.SignInThrottledError: "rate-limited",
    errors.HashingBusyError: "unavailable",
    errors.ForbiddenError: "forbidden",
    errors.NotFoundError: "not-found",
    errors.AlreadyCreatedError: "already-created",
    errors.IdempotencyKeyReuseError: "idempotency-key-reuse",
    errors.InvalidInputError: "invalid-request",
    BadCursorError: "invalid-request",
    ListIncompleteError: "unavailable",
    JobNotShownError: "unavailable",
    StoreUnavailableError: "unavailable",
    ConflictError: "unavailable",
}
"""Which problem each refusal of the layers below is."""


class ProblemError(Exception):
    """A refusal that is made at the edge. detail and fields are added to what the table says of the slug."""

    def __init__(
        self,
        slug: str,
        *,
        detail: str | None = None,
        errors: Sequence[BrokenRule] = (),
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.extra = extra or {}


def problem_of(error: Exception) -> ProblemError:
    """Return the problem that an error of any layer is; what is not in the table is an internal error."""
    if isinstance(error, ProblemError):
        return error
    slug = next((SLUGS[kind] for kind in type(error).__mro__ if kind in SLUGS), "internal-error")
    headers: dict[str, str] = {}
    broken: Sequence[BrokenRule] = ()
    if isinstance(error, errors.RateLimitedError):
        headers["Retry-After"] = str(max(1, error.quota.reset_seconds))
    elif isinstance(error, errors.SignInThrottledError):
        headers["Retry-After"] = str(max(1, error.retry_after_seconds))
    elif isinstance(error, errors.HashingBusyError):
        return ProblemError(
            slug,
            detail="Too many people are signing in. Wait as many seconds as Retry-After says, then send it again.",
        )
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
    body: dict[str, Any] = {
        "type": f"{base}/problems/{problem.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail or kind.detail,
        "instance": instance,
        "request_id": request_id,
        **problem.extra,
    }
    if problem.errors:
        listed = problem.errors[: limits.ERRORS_LISTED_MAX]
        body["errors"] = [{"pointer": error.pointer, "message": error.message} for error in listed]
        if len(problem.errors) > len(listed):
            body["more_errors"] = True
    headers = {"Content-Type": "application/problem+json", **problem.headers}
    if problem.slug == "invalid-api-key":
        headers["WWW-Authenticate"] = 'ApiKey realm="rpawatch", header="X-API-Key"'
    elif problem.slug in {"not-signed-in", "sign-in-failed"}:
        headers["WWW-Authenticate"] = 'Bearer realm="rpawatch"'
    elif problem.slug == "unavailable":
        headers.setdefault("Retry-After", "1")
    return kind.status, headers, orjson.dumps(body)
