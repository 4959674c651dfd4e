"""Schemathesis over the service: who asks, with which ids, and what a failure looks like."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import schemathesis
from hypothesis import strategies
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.transport.wsgi import WSGITransport

from application.accounts import AddMember
from application.identity.sessions import Client
from domain.api_key import ApiKey
from domain.limits import POSITION_MAX, RATE_LIMIT_MAX, ROTATION_OVERLAP_MAX
from domain.permissions import Role
from interfaces.http.answers.fields import FLOW_ID
from projections.audit.queries import AuditFilter
from projections.paging import PageRequest
from tests.support.effort import in_time
from tests.support.world import add_user, email_of, password_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from schemathesis import AuthContext, Case, HookContext
    from schemathesis.engine.recorder import ScenarioRecorder

    from tests.support.world import Robot, World

    AnyCase = Case[Any]

_ZONES = strategies.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TIMES = strategies.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=_ZONES)  # noqa: DTZ001 - zones are drawn
# Its own are of all years that there are, and nearly all of them do not match the pattern beside the format.
schemathesis.openapi.format("date-time", _TIMES.map(datetime.isoformat))
_TILE = re.compile(r"(x\d{3}/){0,5}\d{3}(\.p/\d+)?", re.ASCII)
CHANGED_PASSWORD = "four unrelated words, say"
BETWEEN_REQUESTS = timedelta(seconds=3)
"""An address that presents a bad key with each request stays below the number that is borne in a minute."""


@dataclass(frozen=True)
class Target:
    """The service in one run: the application on a clock that goes on, and what exists in it."""

    world: World
    app: WSGIApplication
    robot: Robot
    job_id: UUID
    position: int
    """Of an event of account A that has a proof."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let time pass, and answer. Of the document, the strict form."""
        self.world.clock.advance(BETWEEN_REQUESTS)
        # schemathesis' own client for WSGI asks for compressed answers and does not inflate them.
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        if environ["PATH_INFO"] == "/openapi.json":
            return [self._strict_document(environ, start_response)]
        return self.app(environ, start_response)

    def _strict_document(self, environ: WSGIEnvironment, start_response: StartResponse) -> bytes:
        """Answer with the document, but that answers have no further fields. Clients are told that there may be."""
        found = json.loads(b"".join(self.app(environ, lambda *_: lambda _: None)))
        for schema in found["components"]["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False
        start_response("200 OK", [("Content-Type", "application/json")])
        return json.dumps(found).encode()


def target_of(world: World, app: WSGIApplication) -> Target:
    """Return what is asked: account A, and a robot of it."""
    world.people.sign_up("bob")
    world.cast.add_process(world.cast.account_a, UUID(FLOW_ID))  # so that the document's own examples are taken in
    robot = world.robot(limit=RATE_LIMIT_MAX)
    reported = robot.report(details=[{"sequence_no": 1, "status": "failed", "record_id": "INV-1001"}])
    world.wait_for_head()
    [event] = world.services.audit_log.page(world.cast.account_a, AuditFilter(), PageRequest(1)).items
    return Target(world, app, robot, UUID(reported.json["job_id"]), event.row.position)


@dataclass
class _Auth:
    """Shows the key to the Ingest API, and Tess's session elsewhere: a new one when a request has ended it."""

    target: Target
    token: str = ""

    def get(self, case: AnyCase, context: AuthContext) -> dict[str, str]:
        del context
        if "/ingest/" in case.operation.path:
            return self.target.robot.headers
        if case.operation.path.endswith("/session/password"):
            return self._somebody_else(case.body)
        if not self.token or self.target.world.services.sessions.find(self.token) is None:
            self.token = self.target.world.people.sign_in("tess").json["token"]
        return {"Authorization": f"Bearer {self.token}"}

    def _somebody_else(self, body: Any) -> dict[str, str]:
        # Whoever changes their password signs in with another one next time.
        services, email = self.target.world.services, f"{uuid4().hex}@example.com"
        add_user(services.users, email, "Zed", self.target.world.clock.now, CHANGED_PASSWORD)
        password = CHANGED_PASSWORD
        if isinstance(body, dict) and "current_password" not in body:
            [user] = services.users.by_email(email)
            made = services.users.make_first_password(user, self.target.world.clock.now)
            assert made is not None
            password = made.password
        token = services.sessions.sign_in(email, password, Client("192.0.2.44")).token
        return {"Authorization": f"Bearer {token}"}

    def set(self, case: AnyCase, data: dict[str, str], context: AuthContext) -> None:
        del context
        case.headers.update(data)


@dataclass(frozen=True)
class _Sensible:
    """Turns all but an eighth of the random ids into ones that exist, and keeps the rules that a schema can't say.

    What is wrong on purpose stays wrong.
    """

    target: Target

    def case(self, case: AnyCase) -> AnyCase:
        """Return the case, changed."""
        meta = case.meta
        if meta is None:
            return case
        self._name_what_exists(case)
        if not meta.is_negative_at(ParameterLocation.QUERY) and isinstance(case.query, dict):
            # No random text is a cursor that a list gave out; the tests of lists follow real ones.
            case.query.pop("cursor", None)
            _keep_rules_of_query(case.query)
        if not meta.is_negative_at(ParameterLocation.BODY) and isinstance(case.body, dict):
            self._keep_rules(case.body)
            self._keep_rules_of_key(case, case.body)
        if meta.is_negative_at(ParameterLocation.BODY) and case.body is None:
            # Of a wrong type by the schema; to the service it is no body, which the document says in words.
            case.body = 0
        if not meta.is_negative_at(ParameterLocation.HEADER) and "Idempotency-Key" in case.headers:
            # A key that came with another body is refused; so each case has its own.
            case.headers["Idempotency-Key"] = case.id
        return case

    @property
    def _existing(self) -> dict[str, tuple[UUID, ...]]:
        cast = self.target.world.cast
        return {
            "account_id": (cast.account_a,),
            "flow_id": (cast.flow_a, cast.other_flow_a),
            "user_id": (UUID(cast.bob), UUID(cast.alice)),
        }

    def _name_what_exists(self, case: AnyCase) -> None:
        for name, ids in self._existing.items():
            if name in case.path_parameters:
                case.path_parameters[name] = _existing_as_a_rule(case.path_parameters[name], ids)
        parameters = case.path_parameters
        if (job_id := _as_uuid(parameters.get("job_id"))) and job_id.int % 8 and _as_uuid(parameters["account_id"]):
            # There is one, and it is of one account.
            parameters |= {"job_id": str(self.target.job_id), "account_id": str(self.target.world.cast.account_a)}
        position = str(parameters.get("position", ""))
        if (
            position.isdecimal()
            and 1 <= int(position) <= POSITION_MAX
            and int(position) % 8
            and _as_uuid(parameters["account_id"])
        ):
            parameters |= {"position": str(self.target.position), "account_id": str(self.target.world.cast.account_a)}
        if _TILE.fullmatch(str(parameters.get("number", ""))) and len(parameters["number"]) % 2:
            parameters |= {"level": "0", "number": "000.p/1"}
        if (key_id := _as_uuid(case.path_parameters.get("key_id"))) is not None and key_id.int % 8:
            # A new one each time: what a key is asked for ends it sooner or later.
            case.path_parameters["key_id"] = str(self.target.world.robot().key_id)
        if case.path.endswith("/first-password") and (user_id := _as_uuid(parameters["user_id"])) and user_id.int % 8:
            # The same: others may have been removed by now.
            parameters |= {"user_id": str(self._new_member()), "account_id": str(self.target.world.cast.account_a)}

    def _new_member(self) -> UUID:
        services, account_id = self.target.world.services, self.target.world.cast.account_a
        email, at = f"{uuid4().hex}@example.com", self.target.world.clock.now
        user_id = add_user(services.users, email, "Zoe", at, CHANGED_PASSWORD, scope_id=account_id).user_id
        services.command_queue.execute(
            AddMember(by=self.target.world.cast.caller(account_id), user_id=user_id, role=Role.ACCOUNT_USER)
        )
        return user_id

    def _keep_rules(self, body: dict[str, Any]) -> None:
        if body.get("flow_id") is not None:
            body["flow_id"] = _existing_as_a_rule(body["flow_id"], self._existing["flow_id"])
        if body.get("finished_at") is not None:
            body["started_at"], body["finished_at"] = sorted((body["started_at"], body["finished_at"]), key=_instant)
        for number, detail in enumerate(body.get("details") or ()):
            detail["sequence_no"] = number
        if body.get("expires_at") is not None:
            body["expires_at"] = (self.target.world.clock.now + _some_time(body["expires_at"])).isoformat()
        if "new_password" in body:
            body.update(current_password=CHANGED_PASSWORD, new_password=f"words that were made up {uuid4()}")
        if "password" in body and len(body["password"]) % 2:
            body.update(email=email_of("bob"), password=password_of("bob"))

    def _keep_rules_of_key(self, case: AnyCase, body: dict[str, Any]) -> None:
        key_id = _as_uuid(case.path_parameters.get("key_id"))
        key = key_id and self.target.world.services.event_sourcing.find(ApiKey, key_id)
        if not key or key.expires_at is None:
            return
        if case.method == "PATCH" and body.get("expires_at") is not None:
            body["expires_at"] = min(key.expires_at, _instant(body["expires_at"])).isoformat()
        if case.path.endswith("/rotate"):
            left = (key.expires_at - self.target.world.clock.now - BETWEEN_REQUESTS) // timedelta(seconds=1)
            overlap = body.get("overlap_seconds", ROTATION_OVERLAP_MAX // timedelta(seconds=1))
            body["overlap_seconds"] = min(overlap, max(left, 0))


def _existing_as_a_rule(value: Any, existing: tuple[UUID, ...]) -> Any:
    given = _as_uuid(value)
    return value if given is None or given.int % 8 == 0 else str(existing[given.int // 8 % len(existing)])


def _as_uuid(value: Any) -> UUID | None:
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        return None


def _keep_rules_of_query(query: dict[str, Any]) -> None:
    for name in ("position", "from", "to"):
        if str(query.get(name, "")).isdecimal() and int(query[name]) % 8:
            query[name] = 1 + int(query[name]) % 2  # one that there is
    if query.get("as_of") is not None:
        query.pop("version", None)
    if query.get("from") is not None and query.get("to") is not None:
        # Of times, or of trees.
        order = int if str(query["from"]).isdigit() else _instant
        query["from"], query["to"] = sorted((query["from"], query["to"]), key=order)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.upper())


def _some_time(text: str) -> timedelta:
    """Return between a second and 30 years, the same for the same text."""
    return timedelta(seconds=1 + int(_instant(text).timestamp()) % 10**9)


PHASES = frozenset({"examples", "coverage", "fuzzing", "stateful"})
DRAWN_PHASES = frozenset({"fuzzing", "stateful"})
"""Those that a seed makes a difference to; the others ask the same each time."""
CONFIG: dict[str, Any] = {
    "continue-on-failure": True,
    "checks": {"max_response_time": in_time(5.0)},  # what a client may count on, also when the store is away
    "generation": {
        # NUL in a string is valid JSON and refused with 422, which no schema says without a pattern on every string.
        # hostile_bodies.py has it in every place.
        "allow-x00": False,
        "database": "none",
    },
    "output": {"sanitization": {"enabled": False}},  # the secrets are those of this run
}
"""Every check and every phase is on, as is the default."""


@contextmanager
def _in_process() -> Iterator[None]:
    """Let schemathesis' probes without credentials reach an application in this process.

    Release 4.32.5 hands them the settings of a socket along, which its own client for WSGI then stumbles over.
    """
    send = WSGITransport.send

    def send_without_socket(self: WSGITransport, case: AnyCase, **kwargs: Any) -> schemathesis.Response:
        if kwargs.get("session") is None:
            kwargs = {name: value for name, value in kwargs.items() if name not in _OF_A_SOCKET}
        return send(self, case, **kwargs)

    WSGITransport.send = send_without_socket  # type: ignore[method-assign]
    try:
        yield
    finally:
        WSGITransport.send = send  # type: ignore[method-assign]


_OF_A_SOCKET = frozenset({"max_redirects", "verify", "cert", "proxies"})


@dataclass
class Run:
    """What was found. failures: each says how to ask the same again. statuses: what each operation answered."""

    failures: list[str] = field(default_factory=list)
    statuses: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    phases: set[str] = field(default_factory=set)

    def take(self, event: object) -> None:
        """Take in what the engine says."""
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            self.failures.append(f"{event.label}: {event.value!r}")
        if isinstance(event, events.PhaseFinished) and event.phase.skip_reason is None:
            self.phases.add(event.phase.name.value)
        if isinstance(event, events.ScenarioFinished):
            self._take_scenario(event.recorder)

    def _take_scenario(self, recorder: ScenarioRecorder) -> None:
        for case_id, exchange in recorder.interactions.items():
            case = recorder.cases[case_id].value
            # A method that the address does not take is tried out in the name of one that it takes.
            if exchange.response is not None and case.method == case.operation.method.upper():
                self.statuses[case.operation.label].add(exchange.response.status_code)
        self.failures += [
            f"{node.name}: {node.failure_info.failure}\n{recorder.cases[case_id].value.as_curl_command()}\n"
            f"{_answer_of(recorder, case_id)}"
            for case_id, nodes in recorder.checks.items()
            for node in nodes
            if node.failure_info is not None
        ]


def _answer_of(recorder: ScenarioRecorder, case_id: str) -> str:
    exchange = recorder.interactions.get(case_id)
    if exchange is None or exchange.response is None:
        return "no answer"
    return f"{exchange.response.status_code} {exchange.response.content[:1000]!r}"


def run_checks(target: Target, *, seed: int, examples: int, phases: frozenset[str] = PHASES) -> Run:
    """Run every check, in every phase or in these. examples: of each operation."""
    config = schemathesis.Config.from_dict(CONFIG | {"seed": seed})
    config.projects.default.phases.update(phases=sorted(phases))
    config.projects.default.generation.update(max_examples=examples)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", target, config=config)
    sensible = _Sensible(target)

    class Shown(_Auth):
        def __init__(self) -> None:  # schemathesis makes it, with nothing
            super().__init__(target)

    @schema.hook
    def map_case(context: HookContext, case: AnyCase) -> AnyCase:
        del context
        return sensible.case(case)

    schema.auth(refresh_interval=None)(Shown)
    run = Run()
    with _in_process():
        for event in from_schema(schema).execute():
            run.take(event)
    return run
