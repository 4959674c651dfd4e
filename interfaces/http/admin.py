"""What the resources of the admin API share: who asks, which account, one command, one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar, overload
from urllib.parse import urlencode

import orjson
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from application.access import check_access
from application.admin import AdminCommand, IdempotentRequest, Outcome
from application.caller import AccountCaller, Caller
from domain import limits
from domain.errors import InvalidInputError, NotFoundError
from domain.model import Aggregate
from domain.names import checked_name
from interfaces.http.parameters import int_parameter, parameter
from interfaces.http.problems import ProblemError
from interfaces.http.representations import holds_secret
from interfaces.http.requests import client_address, idempotency_key, json_request, path_uuid
from interfaces.http.sessions import signed_in
from interfaces.http.validation import BrokenRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import falcon

    from application.identity.sessions import Session
    from domain.permissions import Action
    from interfaces.bootstrap import Services
    from interfaces.http.requests import M

A = TypeVar("A", bound=Aggregate)


def _by_the_rule(text: str) -> str:
    try:
        return checked_name(text)
    except InvalidInputError as error:
        raise PydanticCustomError("rule", "rule", {"message": error.errors[0].message}) from None


Name = Annotated[str, Field(min_length=1, max_length=limits.NAME_CHARS_MAX), AfterValidator(_by_the_rule)]
"""A name that people give: trimmed, not blank, on one line."""
Reason = Annotated[str, Field(max_length=limits.REASON_CHARS_MAX)]


class AdminResource:
    """A resource of the admin API. Permissions are checked by `_check` or `_body`, and again in each command."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @overload
    def _caller(self, req: falcon.Request, account_id: str) -> AccountCaller: ...

    @overload
    def _caller(self, req: falcon.Request) -> Caller: ...

    def _caller(self, req: falcon.Request, account_id: str | None = None) -> Caller:
        """Return who is signed in, as who asks about the account, or the tenant.

        Raises NotSignedInError, NotFoundError.
        """
        return self._caller_in(req, signed_in(self._services, req), account_id)

    def _caller_in(self, req: falcon.Request, session: Session, account_id: str | None) -> Caller:
        """Return who a session is of, as who asks. Raises NotFoundError."""
        actor, tenant_id = str(session.user.user_id), self._services.tenant_id
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

    def _check(self, caller: Caller, action: Action) -> None:
        """Check that the caller may do this. Raises ForbiddenError, NotFoundError."""
        check_access(self._services.event_sourcing, caller, action)

    def _body(self, req: falcon.Request, model: type[M], caller: Caller, command: type[AdminCommand]) -> M:
        """Return what a request says, once it is clear that the caller may ask for the command.

        The command asks again in its write. Here it keeps strangers from having anything read or parsed.
        """
        self._check(caller, command.action)
        check_parameters(req)
        return json_request(req, model)

    def _execute(self, resp: falcon.Response, command: AdminCommand) -> Outcome:
        """Carry out a command, and wait until lists show it."""
        done = self._services.door.execute(command)
        outcome: Outcome = done.result
        position = done.position
        if outcome.replayed:
            resp.set_header("Idempotent-Replayed", "true")
            # The first request's answer may have been lost before the lists showed it.
            position = self._services.event_sourcing.recorder.last_position()
        if not self._services.lists.wait_for(position):
            resp.set_header("X-Lists-Behind", "true")
        return outcome

    def _get(self, kind: type[A], aggregate_id: UUID) -> A:
        found = self._services.event_sourcing.find(kind, aggregate_id)
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


def page_parameters(req: falcon.Request, *known: str) -> tuple[int, str | None]:
    """Return `limit` and `cursor` of a list. Raises ProblemError."""
    check_parameters(req, "limit", "cursor", *known)
    size = int_parameter(req, "limit", 1, limits.PAGE_ITEMS_MAX)
    return limits.PAGE_ITEMS_DEFAULT if size is None else size, parameter(req, "cursor")


def bool_parameter(req: falcon.Request, name: str) -> bool | None:
    """Return a parameter that is true, false or not there. Raises ProblemError."""
    text = parameter(req, name)
    if text not in {None, "true", "false"}:
        raise ProblemError("invalid-request", errors=[BrokenRule("", f"{name} must be true or false")])
    return None if text is None else text == "true"


def send(resp: falcon.Response, body: object, status: int = 200) -> None:
    """Answer with JSON."""
    resp.status = status
    resp.data = orjson.dumps(body)
    resp.content_type = "application/json"


def send_secret(resp: falcon.Response, body: object, status: int = 200) -> None:
    """Answer with JSON that has a secret in it."""
    send(resp, body, status)
    holds_secret(resp)


def send_page(
    req: falcon.Request, resp: falcon.Response, items: Sequence[Mapping[str, Any]], next_cursor: str | None
) -> None:
    """Answer with one page of a list."""
    if next_cursor is not None:
        asked = {name: req.get_param_as_list(name) for name in req.params}
        query = urlencode({**asked, "cursor": next_cursor}, doseq=True)
        resp.append_header("Link", f'<{req.path}?{query}>; rel="next"')
    send(resp, {"items": items, "next_cursor": next_cursor})
