"""Every operation in one table: what it takes, what it answers, and which problems it can have."""

from __future__ import annotations

from domain.report import Report
from interfaces.http.answers.jobs import JOB_RECEIPT
from interfaces.http.answers.keys import OWN_KEY
from interfaces.http.answers.members import NEW_SESSION, SESSION
from interfaces.http.documents import ASSETS
from interfaces.http.health import ALIVE, READY
from interfaces.http.openapi.admin import ADMIN_OPERATIONS
from interfaces.http.openapi.audit import AUDIT_OPERATIONS
from interfaces.http.openapi.entry import OF_BODIES, Access, Entry, Success
from interfaces.http.openapi.jobs import JOB_OPERATIONS
from interfaces.http.openapi.people import MEMBER_OPERATIONS
from interfaces.http.openapi.proofs import PROOF_OPERATIONS
from interfaces.http.sessions import NewPassword, SignIn

OPERATIONS: tuple[Entry, ...] = (
    Entry(
        method="post",
        path="/api/v1/ingest/report",
        name="reportJob",
        tag="Ingest",
        summary="Report a whole job",
        description=(
            "One job with all its records in one request. 201 means that it is on disk. Send an Idempotency-Key and"
            " repeat the same request as often as you like, for instance after a lost connection or a 503: it is one"
            " job, and every answer is the same. Of reports above 256 KiB a key has one at a time; another one gets a"
            " 503 with Retry-After meanwhile."
        ),
        access=Access.KEY,
        body=Report,
        parameters=("Idempotency-Key",),
        success=(
            Success(
                status=201,
                description="The job is on disk.",
                answer=JOB_RECEIPT,
                headers=("Location", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy"),
            ),
        ),
        problems=(
            "malformed-json",
            "invalid-api-key",
            "account-suspended",
            "key-scope",
            "process-not-found",
            "process-retired",
            "too-large",
            "unsupported-media-type",
            "invalid-report",
            "invalid-request",
            "idempotency-key-reuse",
            "rate-limited",
        ),
    ),
    Entry(
        method="get",
        path="/api/v1/ingest/key",
        name="readOwnKey",
        tag="Ingest",
        summary="Look at one's own key",
        description="What a robot may know of its key, and the cheapest way to try one out. It is one use of the key.",
        access=Access.KEY,
        success=(Success(description="The key.", answer=OWN_KEY, headers=("RateLimit", "RateLimit-Policy")),),
        problems=("invalid-api-key", "account-suspended", "rate-limited"),
    ),
    Entry(
        method="post",
        path="/api/v1/session",
        name="signIn",
        tag="Session",
        summary="Sign in",
        description=(
            "Begins a session of 12 hours, which ends sooner when it is not used for an hour; a session whose cookie or"
            " token comes along ends. Scripts send its token as `Authorization: Bearer`; browsers get it as an HttpOnly"
            " cookie. After too many failures it answers 429 for a while, and 503 when too many sign in at once. With a"
            " first password, which works once and within a week, it is a session of 30 minutes that opens nothing but"
            " `POST /session/password` (`password_change_required`); everything else answers 403"
            " `password-change-required`."
        ),
        body=SignIn,
        success=(Success(description="Signed in.", answer=NEW_SESSION, headers=("Set-Cookie",)),),
        problems=(*OF_BODIES, "sign-in-failed", "rate-limited"),
    ),
    Entry(
        method="post",
        path="/api/v1/session/password",
        name="setPassword",
        tag="Session",
        summary="Set one's password",
        description=(
            "Ends all sessions of the user, this one too, and answers with a new one, as signing in does. The current"
            " password is asked for, except in a session that a first password began."
        ),
        access=Access.SESSION,
        body=NewPassword,
        success=(Success(description="The new session.", answer=NEW_SESSION, headers=("Set-Cookie",)),),
        problems=("not-signed-in", "csrf-token", *OF_BODIES, "rate-limited"),
    ),
    Entry(
        method="get",
        path="/api/v1/session",
        name="whoAmI",
        tag="Session",
        summary="Tell who is signed in",
        description="The user of the session, what they are in which account, and the csrf_token for the cookie.",
        access=Access.SESSION,
        success=(Success(description="The session.", answer=SESSION),),
        problems=("not-signed-in",),
    ),
    Entry(
        method="delete",
        path="/api/v1/session",
        name="signOut",
        tag="Session",
        summary="Sign out",
        description="Ends the session of the token that was sent, at once and everywhere.",
        access=Access.SESSION,
        success=(Success(status=204, description="Signed out.", media_types=(), headers=("Set-Cookie",)),),
        problems=("not-signed-in", "csrf-token"),
    ),
    *ADMIN_OPERATIONS,
    *MEMBER_OPERATIONS,
    *AUDIT_OPERATIONS,
    *PROOF_OPERATIONS,
    *JOB_OPERATIONS,
    Entry(
        method="get",
        path="/health/live",
        name="readLiveness",
        tag="Operation",
        summary="Tell that the process runs",
        description="For a supervisor that restarts what has hung. It asks nobody else.",
        success=(Success(description="It runs.", answer=ALIVE),),
    ),
    Entry(
        method="get",
        path="/health/ready",
        name="readReadiness",
        tag="Operation",
        summary="Tell whether requests can be served",
        description="For a load balancer: the store can be reached, and the read models are not far behind.",
        success=(
            Success(description="Ready.", answer=READY),
            Success(
                status=503,
                description="Not ready; the body says what is wrong. Ask again after Retry-After seconds.",
                answer=READY,
                headers=("Retry-After",),
            ),
        ),
    ),
    Entry(
        method="get",
        path="/metrics",
        name="readMetrics",
        tag="Operation",
        summary="Counters and histograms for Prometheus",
        description="By route and status; never a key.",
        success=(Success(description="Prometheus' text format.", media_types=("text/plain",)),),
    ),
    Entry(
        method="get",
        path="/openapi.json",
        name="readDocument",
        tag="Documents",
        summary="This document",
        description="The one that was released with this version.",
        success=(Success(description="OpenAPI 3.1.", answer="OpenApiDocument"),),
    ),
    Entry(
        method="get",
        path="/docs",
        name="readDocs",
        tag="Documents",
        summary="This document as a page",
        description="Swagger UI, served from here.",
        success=(Success(description="The page.", media_types=("text/html",)),),
    ),
    Entry(
        method="get",
        path="/docs/{name}",
        name="readDocsFile",
        tag="Documents",
        summary="A file of that page",
        description=f"One of {', '.join(sorted(ASSETS))}.",
        parameters=("name",),
        success=(Success(description="The file.", media_types=("text/css", "text/javascript")),),
        problems=("not-found",),
    ),
    Entry(
        method="get",
        path="/problems/{slug}",
        name="explainProblem",
        tag="Documents",
        summary="What a problem means",
        description="Where the `type` of a problem leads.",
        parameters=("slug",),
        success=(Success(description="The page.", media_types=("text/html",)),),
        problems=("not-found",),
    ),
)
