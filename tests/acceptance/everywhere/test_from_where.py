"""What an admin does over HTTP is in the log with the address that it came from, unless the account keeps none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from application.accounts import ChangeAccountSettings
from application.admin import AdminCommand
from application.commands import HANDLERS
from interfaces.http import admin
from tests.acceptance.permissions.matrix import bodies_for, ids_in_account_a, requests_of_the_router
from tests.support.api import ACCOUNTS, INGEST, SESSION

if TYPE_CHECKING:
    import pytest

    from application.command_queue import CommandQueue
    from application.pending_command import Done
    from application.store.log.reading import LoggedEvent
    from application.unit_of_work import Command
    from tests.support.world import World

ADDRESS = "2001:db8::9"


def recorded(world: World) -> dict[str, list[LoggedEvent]]:
    """Ask for every change as Tess, with every example of its body, and return what was appended for each."""
    headers = world.signed_in("tess")
    appended: dict[str, list[LoggedEvent]] = {}
    # In this order, so that a process is retired after what needs it, and an account resumed after it was suspended.
    for request in sorted(requests_of_the_router(world), reverse=True):
        method, _, path = request.partition(" ")
        if method == "GET" or path.startswith((INGEST, SESSION)):
            continue
        for body in bodies_for(request, world):
            ids = ids_in_account_a(world, request)
            before = world.application.position()
            answer = world.ask(method, path.format(**ids), headers=headers, json=body, address=ADDRESS)
            assert answer.status < 300, (request, answer.body)
            rows = world.application.log_after(before)
            assert rows, request
            appended[request] = appended.get(request, []) + rows
    assert len(appended) >= 13
    return appended


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


def test_what_comes_from_nowhere_as_the_operators_is_recorded_without_an_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "client_address", lambda _: None)
    for request, rows in recorded(world).items():
        for row in rows:
            assert b"address" not in row.state, request


def test_no_command_of_admins_is_left_out_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, asked = type(world.services.command_queue), set[type]()
    execute = queue.execute

    def seen(self: CommandQueue, command: Command) -> Done[Any]:
        asked.add(type(command))
        return execute(self, command)

    monkeypatch.setattr(queue, "execute", seen)
    recorded(world)
    kinds = {kind for kind in HANDLERS if issubclass(kind, AdminCommand)}
    # The command line's alone, and in tests/application/test_from_where.py.
    assert kinds - asked == {ChangeAccountSettings}


def test_a_repeat_from_elsewhere_adds_no_address_and_a_receipt_has_none(world: World) -> None:
    headers = world.signed_in("alice") | {"Idempotency-Key": "once"}
    body, path = {"name": "Orders"}, world.account("/processes")

    def register(address: str) -> int:
        return world.ask("POST", path, headers=headers, json=body, address=address).status

    status, (registered, receipt) = world.appended_by(lambda: register(ADDRESS))
    assert (status, ADDRESS.encode() in registered.state, b"address" in receipt.state) == (201, True, False)
    assert world.appended_by(lambda: register("192.0.2.66")) == (201, [])
