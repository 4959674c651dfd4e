"""An operation of the API is declared once, beside what carries it out.

The declaration gives the route, the check of the permission, what is read of the request, what is sent, and what the
document says. The name of the function is the operation's, its docstring what the document says of it, and what it
returns is checked against the answer by the type checker.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, TypeVar
from urllib.parse import urlencode

from application.access import check_access
from application.caller import AccountCaller, Caller
from interfaces.http.admin import caller_in, check_parameters, execute, existing, idempotent, send
from interfaces.http.parameters import check_order
from interfaces.http.query import FROM, PAGE, TO
from interfaces.http.representations import holds_secret
from interfaces.http.requests import json_request, path_uuid
from interfaces.http.sessions import signed_in
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    import falcon

    from application.admin import AdminCommand, IdempotentRequest, Outcome
    from domain.permissions import Action
    from interfaces.bootstrap import Services
    from interfaces.http.admin import A
    from interfaces.http.answers.fields import Answer
    from interfaces.http.body import Body, M
    from interfaces.http.query import Query

T = TypeVar("T")
B = TypeVar("B")
C = TypeVar("C", bound=Caller)
P = ParamSpec("P")
H = TypeVar("H", bound="Callable[..., object]")

JSON: Final = "application/json"
ACCOUNT_PATH: Final = "/api/v1/accounts/{account_id}"


class Access(Enum):
    """The credentials that a request has to show."""

    NOTHING = "nothing"
    KEY = "an API key"
    SESSION = "a session"


@dataclass(frozen=True, kw_only=True)
class Success(Generic[T]):
    """A good answer.

    answer: its JSON, or the name of a schema of openapi/named.py; None where it is something else, or nothing. headers:
    names of those of openapi/parts.py. secret: whether it holds one.
    """

    status: int = 200
    description: str
    answer: Answer[T] | str | None = None
    media_types: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()
    secret: bool = False


def shown(answer: Answer[T], description: str, *headers: str) -> Success[T]:
    """Return the good answer to what only reads."""
    return Success(description=description, answer=answer, headers=headers)


def page_of(answer: Answer[T]) -> Success[T]:
    """Return the good answer of a list: an object with `items` and `next_cursor`."""
    return shown(answer, "A page.", "Link")


def created(answer: Answer[T], description: str, *, secret: bool = False, replayed: bool = True) -> Success[T]:
    """Return the good answer to what makes something. replayed: whether a repeat gets it too."""
    headers = ("Location", *(["Idempotent-Replayed"] if replayed else []), "X-Lists-Behind")
    return Success(status=201, description=description, answer=answer, headers=headers, secret=secret)


def changed(answer: Answer[T], *, replayed: bool = True) -> Success[T]:
    """Return the good answer to what changes something. replayed: whether a repeat is told to be one."""
    headers = (*(["Idempotent-Replayed"] if replayed else []), "X-Lists-Behind")
    return Success(description="As it is now.", answer=answer, headers=headers)


OF_BODIES: Final = ("malformed-json", "too-large", "unsupported-media-type", "invalid-request")
"""Problems of a body that is no report."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One declared operation.

    action: what one has to be allowed; None where nothing is asked, or the handler asks. own_problems: slugs beside
    those that follow from the rest, and those that any request can have. own_description: for the document, where the
    docstring can't. handler: gets an AdminRequest, or the services, the request and the response where it is plain.
    """

    method: str
    path: str
    tag: str
    access: Access
    action: Action | None = None
    body: Body[Any] | None = None
    idempotent: bool = False
    query: tuple[Query[Any], ...] = ()
    success: tuple[Success[Any], ...]
    own_problems: tuple[str, ...] = ()
    own_description: str = ""
    handler: Callable[..., object]
    is_plain: bool = False

    @property
    def name(self) -> str:
        """The name for clients: readOwnKey for read_own_key."""
        first, *others = self.handler.__name__.split("_")
        return first + "".join(map(str.capitalize, others))

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return inspect.cleandoc(self.handler.__doc__ or "").partition("\n")[0].removesuffix(".")

    @property
    def description(self) -> str:
        """The rest of the docstring."""
        rest = inspect.cleandoc(self.handler.__doc__ or "").partition("\n\n")[2]
        return self.own_description or rest.replace("\n", " ")

    @property
    def reads_body(self) -> bool:
        """Whether it reads a body, if only to see that there is none."""
        return self.body is not None and self.method != "delete"

    @property
    def problems(self) -> tuple[str, ...]:
        """The slugs of the problems of this operation."""
        if self.is_plain:
            return self.own_problems
        return (
            "not-signed-in",
            "password-change-required",
            *([] if self.method == "get" else ["csrf-token"]),
            *([] if self.action is None else ["forbidden", "not-found"]),
            *(OF_BODIES if self.reads_body else ["invalid-request"]),
            *(["idempotency-key-reuse"] if self.idempotent else []),
            *self.own_problems,
        )

    def responder(self, services: Services) -> Callable[..., object]:
        """Return what Falcon calls."""
        return partial(self.handler, services) if self.is_plain else partial(_respond, self, services)


@dataclass(frozen=True, slots=True)
class AdminRequest(Generic[C, B]):
    """A request of the admin API whose sender may ask for it.

    body: what it says. idempotency: its Idempotency-Key with its digest.
    """

    services: Services
    req: falcon.Request
    resp: falcon.Response
    caller: C
    body: B
    idempotency: IdempotentRequest | None

    def __getitem__(self, parameter: Query[T]) -> T:
        """Return what the query says. Raises ProblemError."""
        return parameter.read(self.req)

    def page(self, sort: Query[str | None] | None = None) -> PageRequest:
        """Return which page of a list is asked for. Raises ProblemError."""
        size, cursor = PAGE
        return PageRequest(self[size], self[cursor], None if sort is None else self[sort])

    def period(self) -> tuple[datetime | None, datetime | None]:
        """Return the times `from` and `to`, each of them None when it is not there. Raises ProblemError."""
        since, until = self[FROM], self[TO]
        check_order(since, until)
        return since, until

    def execute(self, command: AdminCommand) -> Outcome:
        """Carry out a command, and wait until lists show it."""
        return execute(self.services, self.resp, command)

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """Return an aggregate. Raises NotFoundError."""
        return existing(self.services, kind, aggregate_id)

    def made_at(self, path: str) -> None:
        """Say where what was made is."""
        self.resp.set_header("Location", path)


AccountRequest = AdminRequest[AccountCaller, B]
"""A request about an account, which is in its path."""
TenantRequest = AdminRequest[Caller, B]


@dataclass(frozen=True)
class AdminOperations(Generic[C]):
    """Declares operations about one subject that need a session.

    found: where they are added. path: which those of all of them begin with.
    """

    found: list[Operation]
    tag: str
    path: str

    def get(  # noqa: PLR0913 - what is declared
        self,
        path: str = "",
        *,
        action: Action | None,
        success: Success[T],
        query: tuple[Query[Any], ...] = (),
        problems: tuple[str, ...] = (),
        description: str = "",
    ) -> Callable[[Callable[Concatenate[AdminRequest[C, None], P], T]], Callable[..., T]]:
        """Declare what reads. action: None for what everybody who is signed in may."""
        return _declare(
            self.found,
            lambda handler: Operation(
                method="get",
                path=self.path + path,
                tag=self.tag,
                access=Access.SESSION,
                action=action,
                query=query,
                success=(success,),
                own_problems=problems,
                own_description=description,
                handler=handler,
            ),
        )

    def command(  # noqa: PLR0913 - what is declared
        self,
        method: str,
        path: str = "",
        *,
        command: type[AdminCommand],
        body: Body[M],
        success: Success[T],
        problems: tuple[str, ...] = (),
    ) -> Callable[[Callable[Concatenate[AdminRequest[C, M], P], T]], Callable[..., T]]:
        """Declare what carries out a command, whose permission is checked; a POST once for an Idempotency-Key."""
        return _declare(
            self.found,
            lambda handler: Operation(
                method=method,
                path=self.path + path,
                tag=self.tag,
                access=Access.SESSION,
                action=command.action,
                body=body,
                idempotent=method == "post",
                success=(success,),
                own_problems=problems,
                handler=handler,
            ),
        )


@dataclass(frozen=True)
class PlainOperations:
    """Declares operations about one subject that see to the request and the answer themselves.

    found: where they are added.
    """

    found: list[Operation]
    tag: str
    access: Access = Access.NOTHING

    def operation(  # noqa: PLR0913 - what is declared
        self,
        method: str,
        path: str,
        *success: Success[Any],
        access: Access | None = None,
        body: Body[Any] | None = None,
        idempotent: bool = False,
        problems: tuple[str, ...] = (),
        description: str = "",
    ) -> Callable[[Callable[Concatenate[Services, P], None]], Callable[Concatenate[Services, P], None]]:
        """Declare one. It is called with the services, the request, the response and the parts of the path."""
        return _declare(
            self.found,
            lambda handler: Operation(
                method=method,
                path=path,
                tag=self.tag,
                access=access or self.access,
                body=body,
                idempotent=idempotent,
                success=success,
                own_problems=problems,
                own_description=description,
                handler=handler,
                is_plain=True,
            ),
        )


def _declare(found: list[Operation], operation_of: Callable[[Callable[..., object]], Operation]) -> Callable[[H], H]:
    """Return a decorator that adds the operation of a handler, and leaves the handler as it is."""

    def declare(handler: H) -> H:
        found.append(operation_of(handler))
        return handler

    return declare


def _respond(
    operation: Operation,
    services: Services,
    req: falcon.Request,
    resp: falcon.Response,
    account_id: str | None = None,
    **path: str,
) -> None:
    """Carry out an operation of the admin API.

    Who asks, and whether they may, is clear before anything else is read or parsed. A command asks again in its write.
    """
    caller = caller_in(services, req, signed_in(services, req), account_id)
    if operation.action is not None:
        check_access(services.event_sourcing, caller, operation.action)
    check_parameters(req, *(parameter.name for parameter in operation.query))
    body = None
    if operation.body is not None:
        body = json_request(req, operation.body.model) if operation.reads_body else operation.body.model()
    idempotency = idempotent(req) if operation.idempotent else None
    request = AdminRequest(services, req, resp, caller, body, idempotency)
    ids = {name: path_uuid(text) if name.endswith("_id") else text for name, text in path.items()}
    _send(req, resp, operation.success[0], operation.handler(request, **ids))


def _send(req: falcon.Request, resp: falcon.Response, success: Success[Any], answer: object) -> None:
    if success.secret:
        holds_secret(resp)
    if success.answer is None:
        resp.status = success.status
        return
    if isinstance(answer, dict) and answer.get("next_cursor") is not None:
        asked: Mapping[str, Any] = {name: req.get_param_as_list(name) for name in req.params}
        query = urlencode({**asked, "cursor": answer["next_cursor"]}, doseq=True)
        resp.append_header("Link", f'<{req.path}?{query}>; rel="next"')
    send(resp, answer, success.status)
