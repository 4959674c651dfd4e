"""The Ingest API: what a bot asks with its key in X-API-Key."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from application.ingest import IngestAnswer, ReadOwnKey, RequestAdmission, SubmitReport, UseKey, new_job_id
from application.store.database import begin_deadline
from application.store.errors import StoreUnavailableError
from domain import key_secret
from domain.api_key import ApiKey
from domain.errors import InvalidApiKeyError
from domain.ids import key_id
from domain.limits import RATE_WINDOW
from domain.report import Report
from interfaces.http import json_body
from interfaces.http.admin import send
from interfaces.http.answers.fields import FLOW_ID
from interfaces.http.answers.jobs import JOB_RECEIPT, job_receipt
from interfaces.http.answers.keys import OWN_KEY, own_key
from interfaces.http.body import Body
from interfaces.http.gzip_body import inflate
from interfaces.http.large_bodies import LARGE_BYTES_MIN
from interfaces.http.middleware import STORE_SECONDS_MAX
from interfaces.http.operation import Access, Operation, PlainOperations, Success, shown
from interfaces.http.problems import ProblemError
from interfaces.http.report_process import Question
from interfaces.http.requests import check_json, check_length, client_address, idempotency_key, read_body

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from domain.rate_limit import Quota
    from interfaces.bootstrap import Services

STAGING_SECONDS_MAX = 16.0
"""Longest time from a large report's turn until it is in the store: thirteen to take it apart, and to send it there."""
_WINDOW_SECONDS = int(RATE_WINDOW.total_seconds())


REPORT = Body(
    Report,
    {
        "A job with three records": {
            "flow_id": FLOW_ID,
            "robot_id": "robot-7",
            "started_at": "2026-03-10T21:43:51Z",
            "finished_at": "2026-03-10T21:48:51Z",
            "target": "SAP",
            "external_id": "UIP-2026-000417",
            "result_summary": "1 of 3 invoices was booked",
            "tags": ["month-end"],
            "data": {"queue": "invoices-in"},
            "details": [
                {"sequence_no": 1, "status": "success", "record_id": "INV-1001", "result": "booked"},
                {"sequence_no": 2, "status": "failed", "record_id": "INV-1002", "error_message": "no such supplier"},
                {"sequence_no": 3, "status": "failed", "record_id": "INV-1003", "error_message": "amount is missing"},
            ],
        },
        "The least that will do": {"flow_id": FLOW_ID, "robot_id": "robot-7", "started_at": "2026-03-10T21:43:51Z"},
    },
)
OPERATIONS: list[Operation] = []
_INGEST = PlainOperations(OPERATIONS, "Ingest", Access.KEY)


@_INGEST.operation(
    "post",
    "/api/v1/ingest/report",
    Success(
        status=201,
        description="The job is on disk.",
        answer=JOB_RECEIPT,
        headers=("Location", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy"),
    ),
    body=REPORT,
    idempotent=True,
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
)
def report_job(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """Report a whole job.

    One job with all its records in one request. 201 means that it is on disk. Send an Idempotency-Key and repeat the
    same request as often as you like, for instance after a lost connection or a 503: it is one job, and every answer
    is the same. Of reports above 256 KiB a key has one at a time; another one gets a 503 with Retry-After meanwhile.
    """
    check_length(req, services.body_bytes_max)
    use = _UseOfKey(services, req, resp)
    stream = use.admitted_key()
    refused: tuple[str, Exception] | None = None
    body: bytes | BinaryIO = b""
    plain: bytes | None = b""
    report, key = None, None
    try:
        check_json(req)
        key = idempotency_key(req)
        body = _received(req, services.body_bytes_max)
        plain = _plain_when_small(body, req.get_header("Content-Encoding"))
        report = None if plain is None else json_body.parse(plain, Report, slug="invalid-report")
    except ProblemError as error:
        refused = (error.slug, error)
    command = SubmitReport(
        key_id=stream,
        request_id=req.context.request_id,
        address=client_address(req),
        refused=refused,
        report=report,
        idempotency_key=key,
        body_digest=hashlib.sha256(plain).hexdigest() if key is not None and plain is not None else None,
        new_job_id=new_job_id(),
    )
    answer = use.carry_out(command) if plain is not None else use.carry_out_large(command, body)
    if answer is None or answer.job is None:
        raise RuntimeError("an answer without an error has a job")
    send(resp, job_receipt(answer.job), 201)
    resp.set_header("Location", f"/api/v1/accounts/{answer.job.account_id}/jobs/{answer.job.id}")
    if answer.replayed:
        resp.set_header("Idempotent-Replayed", "true")


@_INGEST.operation(
    "get",
    "/api/v1/ingest/key",
    shown(OWN_KEY, "The key.", "RateLimit", "RateLimit-Policy"),
    problems=("invalid-api-key", "account-suspended", "rate-limited"),
)
def read_own_key(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """Look at one's own key.

    What a robot may know of its key, and the cheapest way to try one out. It is one use of the key.
    """
    use = _UseOfKey(services, req, resp)
    stream = use.admitted_key()
    request_id, address = req.context.request_id, client_address(req)
    answer = use.carry_out(ReadOwnKey(key_id=stream, request_id=request_id, address=address))
    if answer is None or answer.key is None:
        raise RuntimeError("an answer without an error has a key")
    send(resp, own_key(answer.key))


class _UseOfKey:
    """Lets a key in. The key, its limit and the rest are decided in one command; what is refused before is junk."""

    __slots__ = ("_req", "_resp", "_services")

    def __init__(self, services: Services, req: falcon.Request, resp: falcon.Response) -> None:
        self._services, self._req, self._resp = services, req, resp

    def admitted_key(self) -> UUID:
        """Return where the request's key leads, unless it is sure to be refused: then nothing else is looked at.

        Raises InvalidApiKeyError, RateLimitedError, or ProblemError rate-limited.
        """
        secret = key_secret.parse(self._req.get_header("X-API-Key"))
        if secret is None:
            raise self._services.refused_key_throttle.refuse(client_address(self._req))
        stream = key_id(secret.sha256_hex)
        key = self._services.command_queue.peek(ApiKey, stream)
        if key is not None and key.deactivated_at is not None:
            # For good, so what is remembered of it can't be out of date.
            raise self._refusal(stream)
        self._request_admission_in_doubt(stream)
        self._req.context.actor = f"key:{stream}"
        return stream

    def carry_out(self, command: UseKey) -> IngestAnswer | None:
        """Carry out the command, and raise the error that the answer holds, with the limit's headers in place."""
        try:
            answer: IngestAnswer | None = self._services.command_queue.execute(command).result
        except InvalidApiKeyError:
            raise self._refusal(command.key_id) from None
        if answer is not None:
            set_quota(self._resp, answer.quota)
            if answer.error is not None:
                raise answer.error
        return answer

    def carry_out_large(self, command: SubmitReport, body: bytes | BinaryIO) -> IngestAnswer | None:
        """Carry out the command for a large body, when its turn has come.

        Raises what `carry_out` raises, and ProblemError unavailable when too many others have one.
        """
        account_id = self._account_of(command.key_id)
        client_left = self._req.env.get("waitress.client_disconnected", bool)
        large_reports = self._services.large_reports
        with large_reports.bodies.turn(account_id, command.key_id, client_left), ExitStack() as stack:
            begin_deadline(STAGING_SECONDS_MAX)
            # The one before it may have used up the limit.
            self._request_admission_in_doubt(command.key_id)
            question = Question(
                encoding=self._req.get_header("Content-Encoding"),
                bytes_max=self._services.body_bytes_max,
                job_id=command.job_id_in(account_id),
                account_id=account_id,
                at=self._services.clock(),
                actor=command.actor,
                request_id=command.request_id,
                command_id=command.command_id,
                keeps_digest=command.idempotency_key is not None,
            )
            try:
                event = stack.enter_context(large_reports.staged(question, body))
            except ProblemError as error:
                command = replace(command, refused=(error.slug, error))
            else:
                command = replace(command, staged=event, body_digest=event.request_digest)
            begin_deadline(STORE_SECONDS_MAX)
            return self.carry_out(command)

    def _request_admission_in_doubt(self, stream: UUID) -> None:
        """Ask whether the key may be used now, unless it is remembered with room. Raises as `carry_out` does."""
        key = self._services.command_queue.peek(ApiKey, stream)
        now = self._services.clock()
        if key is None or not key.is_active(now) or not key.has_room(now):
            self._request_admission(stream)

    def _request_admission(self, stream: UUID) -> None:
        """Ask whether the key may be used now, which is no use of it. Raises as `carry_out` does."""
        request_id, address = self._req.context.request_id, client_address(self._req)
        self.carry_out(RequestAdmission(key_id=stream, request_id=request_id, address=address))

    def _refusal(self, stream: UUID) -> Exception:
        """Count the refusal: of a key that there was by key, of any other by address.

        A robot with a key that has ended guesses nothing, and has to be told so however often it tries.
        """
        address = client_address(self._req)
        if self._services.command_queue.peek(ApiKey, stream) is None:
            return self._services.refused_key_throttle.refuse(address)
        self._services.ended_key_attempts.record(stream, address)
        return InvalidApiKeyError()

    def _account_of(self, stream: UUID) -> UUID:
        """Return the account of an admitted key."""
        key = self._services.command_queue.peek(ApiKey, stream)
        if key is None:
            # Others have pushed it out of the cache meanwhile.
            self._request_admission(stream)
            key = self._services.command_queue.peek(ApiKey, stream)
        if key is None:
            raise StoreUnavailableError("the key was pushed out of the cache twice")
        return key.account_id


def _received(req: falcon.Request, bytes_max: int) -> bytes | BinaryIO:
    """Return the body as it was sent; a large one that the server has in a file is left there.

    Raises ProblemError too-large.
    """
    if (req.content_length or 0) > LARGE_BYTES_MIN:
        file: BinaryIO = req.env["wsgi.input"]
        with suppress(AttributeError, OSError):  # it is in memory, as in tests
            file.fileno()
            file.flush()
            return file
    return read_body(req, bytes_max)


def _plain_when_small(body: bytes | BinaryIO, encoding: str | None) -> bytes | None:
    """Return the body without its Content-Encoding, or None when it is large. Raises ProblemError."""
    if not isinstance(body, bytes) or len(body) > LARGE_BYTES_MIN:
        return None
    try:
        return inflate(body, encoding, LARGE_BYTES_MIN)
    except ProblemError as error:
        if error.slug == "too-large":
            return None
        raise


def set_quota(resp: falcon.Response, quota: Quota) -> None:
    """Say what is left of the limit (draft-ietf-httpapi-ratelimit-headers)."""
    resp.set_header("RateLimit-Policy", f'"per-key";q={quota.limit};w={_WINDOW_SECONDS}')
    resp.set_header("RateLimit", f'"per-key";r={quota.left};t={quota.reset_seconds}')
