"""The Ingest API: what a bot asks with its key in X-API-Key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from application.ingest import IngestAnswer, ReadOwnKey, SubmitReport, UseKey, new_job_id
from domain import key_secret
from domain.api_key import ApiKey
from domain.errors import InvalidApiKeyError
from domain.ids import key_id
from domain.limits import RATE_WINDOW
from domain.report import Report
from interfaces.http import json_body
from interfaces.http.presenters import job_receipt, own_key
from interfaces.http.problems import ProblemError
from interfaces.http.requests import check_json, client_address, idempotency_key, read_body, too_large

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from domain.rate_limit import Quota
    from interfaces.bootstrap import Services

_WINDOW_SECONDS = int(RATE_WINDOW.total_seconds())


class _KeyResource:
    """Lets keys in. The key, its limit and the rest are decided in one command; what is refused before is junk."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _admitted_key(self, req: falcon.Request) -> UUID:
        """Return where the request's key leads. Raises InvalidApiKeyError, or ProblemError rate-limited."""
        address = client_address(req)
        secret = key_secret.parse(req.get_header("X-API-Key"))
        if secret is None:
            raise self._services.bad_keys.refuse(address)
        stream = key_id(secret.sha256_hex)
        if not self._services.seen_keys.is_known(stream):
            # A stranger's body is not read, and does not hold up the door.
            key = self._services.event_sourcing.find(ApiKey, stream)
            if key is None or not key.is_active(key.stamp(self._services.clock())):
                raise self._services.bad_keys.refuse(address)
            self._services.seen_keys.add(stream)
        req.context.actor = f"key:{stream}"
        return stream

    def _answer(self, req: falcon.Request, resp: falcon.Response, command: UseKey) -> IngestAnswer:
        """Carry out the command, and raise the error that the answer holds, with the limit's headers in place."""
        try:
            answer: IngestAnswer = self._services.door.execute(command).result
        except InvalidApiKeyError:
            self._services.seen_keys.forget(command.key_id)
            raise self._services.bad_keys.refuse(client_address(req)) from None
        set_quota(resp, answer.quota)
        if answer.error is not None:
            raise answer.error
        return answer


class ReportResource(_KeyResource):
    """`POST /api/v1/ingest/report`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take in a whole job."""
        if (req.content_length or 0) > self._services.body_bytes_max:
            raise too_large(self._services.body_bytes_max)
        stream = self._admitted_key(req)
        refused: tuple[str, Exception] | None = None
        report, body, key = None, b"", None
        try:
            check_json(req)
            key = idempotency_key(req)
            body = json_body.inflate(
                read_body(req, self._services.body_bytes_max),
                req.get_header("Content-Encoding"),
                self._services.body_bytes_max,
            )
            report = json_body.parse(body, Report, slug="invalid-report")
        except ProblemError as error:
            refused = (error.slug, error)
        answer = self._answer(
            req,
            resp,
            SubmitReport(
                actor=str(stream),
                request_id=req.context.request_id,
                key_id=stream,
                address=client_address(req),
                refused=refused,
                report=report,
                idempotency_key=key,
                body_digest=hashlib.sha256(body).hexdigest() if key is not None else None,
                new_job_id=new_job_id(),
            ),
        )
        if answer.job is None:
            raise RuntimeError("an answer without an error has a job")
        resp.status = 201
        resp.data = orjson.dumps(job_receipt(answer.job))
        resp.content_type = "application/json"
        resp.set_header("Location", f"/api/v1/accounts/{answer.job.account_id}/jobs/{answer.job.id}")
        if answer.replayed:
            resp.set_header("Idempotent-Replayed", "true")


class OwnKeyResource(_KeyResource):
    """`GET /api/v1/ingest/key`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell what a bot may know of its own key."""
        stream = self._admitted_key(req)
        answer = self._answer(
            req,
            resp,
            ReadOwnKey(
                actor=str(stream), request_id=req.context.request_id, key_id=stream, address=client_address(req)
            ),
        )
        if answer.key is None:
            raise RuntimeError("an answer without an error has a key")
        resp.data = orjson.dumps(own_key(answer.key))
        resp.content_type = "application/json"


def set_quota(resp: falcon.Response, quota: Quota) -> None:
    """Say what is left of the limit (draft-ietf-httpapi-ratelimit-headers)."""
    resp.set_header("RateLimit-Policy", f'"per-key";q={quota.limit};w={_WINDOW_SECONDS}')
    resp.set_header("RateLimit", f'"per-key";r={quota.left};t={quota.reset_seconds}')
