"""Asks every route as everybody, and reads the committed tables of what they get.

    python -m tests.acceptance.permissions.matrix

adds the routes that are missing to the first of them, with what everybody gets: look at it. A row that is there says
what is meant, and is never written again; those of routes that are gone are left out.
"""

from __future__ import annotations

import logging
import re
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import structlog

from application.accounts import SuspendAccount
from domain.key_secret import generate
from domain.permissions import Role
from interfaces.http.app import create_app
from interfaces.http.operations import OPERATIONS, routes
from tests.support.api import InProcess
from tests.support.clock import FakeClock
from tests.support.postgres import running_server
from tests.support.world import People, ServiceCast, World, make_cheap, services_at_work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.api import Answer

TABLE = Path(__file__).with_name("permissions.md")
SESSIONS: dict[str, str | None] = {
    "nobody": None,
    "junk": None,
    "tenant_admin": "tess",
    "auditor": "aud",
    "consultant": "con",
    "account_admin": "alice",
    "account_user": "bob",
    "admin of another account": "carol",
    "no member": "stranger",
}
"""Who asks with a session, by the heading of their column."""


def _deactivated(world: World) -> dict[str, str]:
    robot = world.robot()
    world.application.execute(world.cast.deactivate_key_command(robot.key_id))
    return robot.headers


def _expired(world: World) -> dict[str, str]:
    robot = world.robot(expires_at=world.clock.now + timedelta(seconds=1))
    world.clock.advance(timedelta(seconds=1))
    return robot.headers


def _of_a_suspended_account(world: World) -> dict[str, str]:
    robot = world.robot(world.cast.account_b)
    world.application.execute(SuspendAccount(by=world.cast.caller(world.cast.account_b)))
    return robot.headers


WITH_A_SESSION = "With a session"
WITH_A_KEY = "With an API key"
"""The headings of the tables."""
KEYS: dict[str, Callable[[World], dict[str, str]]] = {
    "of the account": lambda world: world.robot().headers,
    "of the process": lambda world: world.robot(flow_id=world.cast.flow_a).headers,
    "of another process": lambda world: world.robot(flow_id=world.cast.other_flow_a).headers,
    "of another account": lambda world: world.robot(world.cast.account_b).headers,
    "of a suspended account": _of_a_suspended_account,
    "deactivated": _deactivated,
    "expired": _expired,
    "unknown": lambda _: {"X-API-Key": generate().text},
    "junk": lambda _: {"X-API-Key": "junk"},
}
"""What is shown as an API key, by the heading of its column."""
QUERIES = {
    "/api/v1/audit/proof/inclusion": "?position=1",
    "/api/v1/audit/proof/consistency": "?from=1&to=2",
}
"""What a route can't do without."""
BODIES = {f"{one.method.upper()} {one.path}": one.body for one in OPERATIONS if one.body is not None}
JUNK_SESSION = {"Authorization": "Bearer junk", "X-API-Key": "junk"}


def requests_of_the_router(world: World) -> list[str]:
    """Return every route and method: `GET /api/v1/accounts`."""
    return [
        f"{name.removeprefix('on_').upper()} {path}"
        for path, resource in routes(world.services).items()
        for name in sorted(dir(resource))
        if re.fullmatch("on_[a-z]+", name)
    ]


def ids_in_account_a(world: World, request: str = "") -> dict[str, str]:
    """Return something real for every part of a path. The member is a new one, who may be removed.

    request: what is asked; one about proofs waits until there is one.
    """
    member = str(uuid4())
    robot = world.robot()
    if request.endswith("/first-password"):
        email = f"{member}@example.com"
        world.services.users.ensure(world.cast.account_a, email, "Max", world.clock.now, UUID(member))
        make_cheap(world.services.users, email)
    world.cast.add_member(member, Role.ACCOUNT_USER, world.cast.account_a)
    return {
        "account_id": str(world.cast.account_a),
        "flow_id": str(world.cast.flow_a),
        "key_id": str(robot.key_id),
        # Where the account was just suspended no robot reports; then no job is asked for either.
        "job_id": robot.report().json.get("job_id", member),
        "user_id": member,
        "position": str(_provable_position(world) if "/audit/" in request else 1),
        "level": "0",
        "number": "000.p/1",
        "name": "swagger-ui.css",
        "slug": "not-found",
    }


def _provable_position(world: World) -> int:
    """Return where the account's own beginning stands in the log, once a head was signed that has it."""
    world.wait_for_lists()
    world.wait_for_head()
    with world.services.database.get_connection() as connection:
        row = connection.execute(
            "SELECT min(notification_id) AS position FROM rpawatch.events WHERE originator_id = %s",
            (world.cast.account_a,),
        ).fetchone()
    return int(row["position"]) if row else 0


def random_ids() -> dict[str, str]:
    """Return ids of nothing."""
    names = ("account_id", "flow_id", "key_id", "job_id", "user_id", "name", "slug", "level", "number", "position")
    return {name: str(uuid4()) for name in names}


def bodies_for(request: str, world: World) -> list[dict[str, Any]]:
    """Return the examples of a body about a process of account A; an empty one for what says all in its path."""
    examples = BODIES[request].examples if request in BODIES else {}
    new_process = request == "POST /api/v1/accounts/{account_id}/processes"
    flow_id = str(uuid4() if new_process else world.cast.flow_a)
    real = {"flow_id": flow_id, "flow_ids": [flow_id]}
    return [body | {name: real[name] for name in body.keys() & real} for body in examples.values()] or [{}]


def ask(world: World, request: str, headers: Mapping[str, str], ids: Mapping[str, str]) -> Answer:
    """Ask for a route with a method."""
    method, _, path = request.partition(" ")
    path += QUERIES.get(path, "")
    body = ... if method == "GET" else bodies_for(request, world)[0]
    return world.ask(method, path.format(**ids), headers=headers, json=body)


def session_headers(world: World, column: str, request: str) -> dict[str, str]:
    """Return what somebody shows. Who signs out does it with a session of their own."""
    name = SESSIONS[column]
    if name is None:
        return JUNK_SESSION if column == "junk" else {}
    if request == "DELETE /api/v1/session":
        return {"Authorization": f"Bearer {world.people.sign_in(name).json['token']}"}
    return world.signed_in(name)


def cell(answer: Answer) -> str:
    """Return what stands in the table for an answer."""
    return f"{answer.status} {answer.problem}" if answer.status >= 400 else str(answer.status)


def row_with_a_session(world: World, request: str) -> dict[str, str]:
    """Return what everybody gets. Who comes after a change finds something new in its place."""
    row = {}
    ids = ids_in_account_a(world, request)
    for column in SESSIONS:
        answer = ask(world, request, session_headers(world, column, request), ids)
        row[column] = cell(answer)
        if answer.status < 400 and not request.startswith("GET "):
            ids = ids_in_account_a(world, request)
    return row


def row_with_a_key(world: World, request: str) -> dict[str, str]:
    """Return what every kind of key gets."""
    ids = ids_in_account_a(world, request)
    return {column: cell(ask(world, request, shown(world), ids)) for column, shown in KEYS.items()}


def committed(heading: str) -> dict[str, dict[str, str]]:
    """Return a table of the file: by request and column."""
    rows = _table_below(heading)[0].splitlines()
    lines = [[part.strip() for part in line.strip("|").split("|")] for line in rows]
    columns = lines[0][1:]
    return {line[0].strip("`"): dict(zip(columns, line[1:], strict=True)) for line in lines[2:]}


def _table_below(heading: str) -> re.Match[str]:
    """Return where a table stands in the file."""
    text = TABLE.read_text(encoding="utf-8")
    found = re.compile(r"(^\|.*\n)+", re.MULTILINE).search(text, text.index(f"## {heading}\n"))
    assert found is not None, heading
    return found


def as_table(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Return a table as it stands in the file."""
    columns = list(next(iter(rows.values())))
    lines = [["request", *columns], ["---"] * (len(columns) + 1)]
    lines += [[f"`{request}`", *row.values()] for request, row in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Add what is missing in the table of those with a session."""
    there = committed(WITH_A_SESSION)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    clock = FakeClock()
    with (
        running_server() as server,
        tempfile.TemporaryDirectory() as folder,
        services_at_work(server.create_database(), clock, Path(folder), signs_at_once=True) as services,
    ):
        ask = InProcess(create_app(services))
        world = World(services, clock, ask, People(services, ask), ServiceCast(services))
        rows = {
            request: there.get(request) or row_with_a_session(world.later(), request)
            for request in requests_of_the_router(world)
        }
    before = _table_below(WITH_A_SESSION)
    text = before.string[: before.start()] + as_table(rows) + before.string[before.end() :]
    TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
