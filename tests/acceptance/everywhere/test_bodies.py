"""How a body may come: announced in any way that means JSON in UTF-8, with a mark before it, in pieces, or not."""

from __future__ import annotations

import codecs
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from application.accounts import OpenAccount
from domain.permissions import Role
from tests.support.world import add_user

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

ONE_CAST = True

DOCUMENT = json.loads((Path(__file__).parents[3] / "interfaces/http/openapi/openapi.json").read_text(encoding="utf-8"))
MEANS_JSON = [
    "application/json",
    "Application/JSON",
    "application/json;",
    "application/json ; ",
    "application/json;;",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
    "application/json; charset=utf8",
    "application/json; Charset = Utf8 ;",
    "application/json; odata=verbose",
    "application/json;odata.metadata=minimal;charset=utf-8",
    "application/json; version=1; profile=x",
    'application/json; profile="a;charset=latin1;b"; charset=utf-8',
    r'application/json; profile="a\";charset=latin1"',
    'application/json; profile="',
]
MEANS_SOMETHING_ELSE = [
    "",
    ";",
    "; charset=utf-8",
    "text/json",
    "application/json5",
    "application/jsonp; charset=utf-8",
    "application/json, application/json",
    "application/json; charset",
    "application/json; charset=",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-8; charset=latin1",
    'application/json; profile="x"; charset="windows-1252"',
]


def send(world: World, path: str, body: bytes, content_type: str = "application/json", **headers: str) -> Answer:
    sent = {**world.signed_in("alice"), "Content-Type": content_type, **headers}
    return world.ask("POST", path, headers=sent, body=body)


@pytest.mark.parametrize("content_type", MEANS_JSON)
def test_whatever_means_json_in_utf_8_is_taken(world: World, content_type: str) -> None:
    robot = world.robot()
    assert robot.send(json.dumps(robot.report_body()).encode(), {"Content-Type": content_type}).status == 201
    assert send(world, world.account("/keys"), b'{"name": "x"}', content_type).status == 201


@pytest.mark.parametrize("content_type", MEANS_SOMETHING_ELSE)
def test_what_means_something_else_is_refused(world: World, content_type: str) -> None:
    robot = world.robot()
    for answer in (
        robot.send(json.dumps(robot.report_body()).encode(), {"Content-Type": content_type}),
        send(world, world.account("/keys"), b'{"name": "x"}', content_type),
    ):
        assert (answer.status, answer.problem) == (415, "unsupported-media-type")
        if "charset" in content_type and content_type.startswith("application/json;"):
            assert "UTF-8" in answer.json["detail"]


def test_a_byte_order_mark_before_the_body_is_passed_over(world: World) -> None:
    robot = world.robot()
    body = codecs.BOM_UTF8 + json.dumps(robot.report_body()).encode()
    assert robot.send(body).status == 201
    assert robot.send(gzip.compress(body), {"Content-Encoding": "gzip"}).status == 201
    assert send(world, world.account("/keys"), codecs.BOM_UTF8 + b'{"name": "x"}').status == 201


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_body_that_was_packed_in_pieces_is_one_body(world: World, size: int) -> None:
    robot = world.robot()
    body = json.dumps(robot.report_body(external_id="in pieces")).encode()
    packed = b"".join(gzip.compress(body[at : at + size]) for at in range(0, len(body), size))
    answer = robot.send(packed, {"Content-Encoding": "gzip"})
    assert answer.status == 201, answer.body
    assert world.ask("GET", answer.headers["location"], headers=world.signed_in("alice")).json["external_id"]


def needs_no_body() -> list[str]:
    """Return the operations whose body has no field that is required, as the document has them."""
    found = []
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            for media in content.values():
                schema = DOCUMENT["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
                if not schema.get("required"):
                    found.append(f"{method.upper()} {path}")
    return found


def address_of(world: World, path: str) -> str:
    """Return the path with ids of what is new, which nobody has asked anything of."""
    account_id, user_id = uuid4(), uuid4()
    world.application.execute(
        OpenAccount(by=world.cast.caller(), new_account_id=account_id, name=f"Account {account_id}")
    )
    world.cast.add_process(account_id, flow_id := uuid4())
    if "{user_id}" in path:
        user = add_user(
            world.services.users, f"{user_id}@example.com", "New", world.clock.now, str(uuid4()), account_id
        )
        user_id = user.user_id
        world.cast.add_member(str(user_id), Role.ACCOUNT_USER, account_id)
    key_id = world.robot(account_id, flow_id=flow_id).key_id
    ids: dict[str, Any] = {"account_id": account_id, "flow_id": flow_id, "user_id": user_id, "key_id": key_id}
    return path.format(**ids)


@pytest.mark.parametrize("operation", needs_no_body())
def test_null_as_a_body_that_need_not_be_sent_is_no_body(world: World, operation: str) -> None:
    method, path = operation.split()
    statuses = set()
    for body in (b"{}", b"", b"null", b" null\r\n", codecs.BOM_UTF8 + b"null"):
        headers = {**world.signed_in("tess"), "Content-Type": "application/json"}
        answer = world.ask(method, address_of(world, path), headers=headers, body=body)
        assert answer.status < 300, (body, answer.body)
        statuses.add(answer.status)
    assert len(statuses) == 1


def test_there_are_such_operations() -> None:
    assert {"POST /api/v1/accounts/{account_id}/keys/{key_id}/deactivate"} < set(needs_no_body())


@pytest.mark.parametrize("body", [b"null", b""])
def test_a_body_that_has_to_be_sent_is_asked_for_by_its_fields(world: World, body: bytes) -> None:
    answer = send(world, world.account("/keys"), body)
    assert (answer.status, answer.errors) == (422, {"/name": "is required"})


@pytest.mark.parametrize(
    "body", [b"[]", b'""', b"0", b"false", b"nul", b"null null", b" ", b"\r\n", b" \t", codecs.BOM_UTF8]
)
def test_nothing_else_is_taken_for_no_body(world: World, body: bytes) -> None:
    key = send(world, world.account("/keys"), b'{"name": "x"}').json["id"]
    answer = send(world, world.account(f"/keys/{key}/deactivate"), body)
    assert answer.status in {400, 422}
    assert answer.problem in {"malformed-json", "invalid-request"}
