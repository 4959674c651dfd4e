"""What an admin does over HTTP is in the log with the address that it came from, unless the account keeps none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from application.accounts import ChangeAccountSettings
from domain.permissions import Role
from tests.acceptance.permissions.matrix import requests_of_the_router
from tests.support.api import ACCOUNTS, INGEST, SESSION
from tests.support.world import make_cheap

if TYPE_CHECKING:
    from application.store.log.reading import LoggedEvent
    from tests.support.world import World

ACCOUNT = f"{ACCOUNTS}/{{account_id}}"
KEY = f"{ACCOUNT}/keys/{{key_id}}"
CHANGES: dict[str, Any] = {
    f"POST {ACCOUNTS}": {"name": "Account C"},
    f"PATCH {ACCOUNT}": {"name": "Another name"},
    f"POST {ACCOUNT}/suspend": {"reason": "under review"},
    f"POST {ACCOUNT}/resume": {},
    f"POST {ACCOUNT}/processes": {"name": "Orders"},
    f"PATCH {ACCOUNT}/processes/{{flow_id}}": {"name": "Incoming invoices", "retired": True},
    f"POST {ACCOUNT}/members": {"email": "dora@example.com", "role": "account_user"},
    f"POST {ACCOUNT}/members/{{user_id}}/first-password": {},
    f"DELETE {ACCOUNT}/members/{{user_id}}": ...,
    f"POST {ACCOUNT}/keys": {"name": "Nightly run"},
    f"PATCH {KEY}": {"name": "Renamed", "limit": 7},
    f"POST {KEY}/rotate": {},
    f"POST {KEY}/deactivate": {"reason": "not needed"},
}
"""A body for every request that changes something; each does when they come in this order."""
ADDRESS = "2001:db8::9"


def recorded(world: World) -> dict[str, list[LoggedEvent]]:
    """Ask for every change as Tess, and return what was appended for each."""
    email = f"{uuid4()}@example.com"
    member = str(world.services.users.ensure(world.cast.account_a, email, "Eve", world.clock.now).user_id)
    make_cheap(world.services.users, email)
    world.cast.add_member(member, Role.ACCOUNT_USER, world.cast.account_a)
    ids = {
        "account_id": world.cast.account_a,
        "flow_id": world.cast.flow_a,
        "key_id": world.robot().key_id,
        "user_id": member,
    }
    headers = world.signed_in("tess")
    appended: dict[str, list[LoggedEvent]] = {}
    for request, body in CHANGES.items():
        method, _, path = request.partition(" ")
        before = world.application.position()
        answer = world.ask(method, path.format(**ids), headers=headers, json=body, address=ADDRESS)
        assert answer.status < 300, (request, answer.body)
        appended[request] = world.application.log_after(before)
        assert appended[request], request
    return appended


def test_no_request_that_changes_something_is_left_out_here(world: World) -> None:
    changing = [request for request in requests_of_the_router(world) if not request.startswith("GET ")]
    assert sorted(CHANGES) == sorted(
        request for request in changing if not request.partition(" ")[2].startswith((INGEST, SESSION))
    )


def test_whatever_an_admin_changes_is_recorded_with_who_and_from_where(world: World) -> None:
    for request, rows in recorded(world).items():
        for state in (json.loads(row.state) for row in rows):
            assert (state["actor"], state.get("address")) == (world.cast.tess, ADDRESS), request


def test_in_an_account_that_keeps_no_addresses_none_is_in_the_bytes_of_any_event(world: World) -> None:
    world.application.execute(ChangeAccountSettings(by=world.cast.caller(world.cast.account_a), keep_addresses=False))
    appended = recorded(world)
    (opened,) = appended.pop(f"POST {ACCOUNTS}")
    assert ADDRESS.encode() in opened.state, "another account, which has not said so"
    for request, rows in appended.items():
        for row in rows:
            assert ADDRESS.encode() not in row.state, request
            assert b"address" not in row.state, request


def test_a_repeat_from_elsewhere_adds_no_address_and_a_receipt_has_none(world: World) -> None:
    headers = world.signed_in("alice") | {"Idempotency-Key": "once"}
    body, path = {"name": "Orders"}, world.account("/processes")

    def register(address: str) -> int:
        return world.ask("POST", path, headers=headers, json=body, address=address).status

    status, (registered, receipt) = world.appended_by(lambda: register(ADDRESS))
    assert (status, ADDRESS.encode() in registered.state, b"address" in receipt.state) == (201, True, False)
    assert world.appended_by(lambda: register("192.0.2.66")) == (201, [])
