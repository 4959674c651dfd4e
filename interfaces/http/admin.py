"""What the operations of the admin API and the pages share: who asks, which account, one command, one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import orjson

from application.admin import AdminCommand, IdempotentRequest, Outcome
from application.caller import AccountCaller, Caller
from domain import limits
from domain.errors import NotFoundError
from domain.model import Aggregate
from interfaces.http.problems import ProblemError
from interfaces.http.requests import client_address, idempotency_key, path_uuid
from interfaces.http.validation import BrokenRule
from interfaces.queries.waiting import wait_for_lists

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from application.identity.sessions import Session
    from interfaces.bootstrap import Services

A = TypeVar("A", bound=Aggregate)


def caller_in(services: Services, req: falcon.Request, session: Session, account_id: str | None) -> Caller:
    """Return who a session is of, as who asks about the account, or the tenant. Raises NotFoundError."""
    actor, tenant_id = str(session.user.user_id), services.tenant_id
    request_id, address = req.context.request_id, client_address(req)
    if account_id is None:
        return Caller(actor=actor, tenant_id=tenant_id, request_id=request_id, address=address)
    return AccountCaller(
        actor=actor,
        tenant_id=tenant_id,
        account_id=path_uuid(account_id),
        request_id=request_id,
        address=address,
    )


def execute(services: Services, resp: falcon.Response, command: AdminCommand) -> Outcome:
    """Carry out a command, and wait until lists show it."""
    done = services.command_queue.execute(command)
    outcome: Outcome = done.result
    position = done.position
    if outcome.replayed:
        resp.set_header("Idempotent-Replayed", "true")
        # The first request's answer may have been lost before the lists showed it.
        position = services.event_sourcing.recorder.last_position()
    if not wait_for_lists(services.database, position):
        resp.set_header("X-Lists-Behind", "true")
    return outcome


def existing(services: Services, kind: type[A], aggregate_id: UUID) -> A:
    """Return an aggregate. Raises NotFoundError."""
    found = services.event_sourcing.find(kind, aggregate_id)
    if found is None:
        raise NotFoundError
    return found


def idempotent(req: falcon.Request) -> IdempotentRequest | None:
    """Return the request's Idempotency-Key with its digest; the body must have been read. Raises ProblemError."""
    key = idempotency_key(req)
    return None if key is None else IdempotentRequest(key, req.context.body_digest)


def check_parameters(req: falcon.Request, *known: str) -> None:
    """Raise ProblemError for a query parameter that is not known: ignoring it would answer another question."""
    unknown = sorted(set(req.params) - set(known))[: limits.ERRORS_LISTED_MAX + 1]
    if unknown:
        raise ProblemError(
            "invalid-request", errors=[BrokenRule("", f"{name[:50]} is not a known parameter") for name in unknown]
        )


def send(resp: falcon.Response, body: object, status: int = 200) -> None:
    """Answer with JSON."""
    resp.status = status
    resp.data = orjson.dumps(body)
    resp.content_type = "application/json"
