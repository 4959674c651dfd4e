"""What of addresses no request of an admin shows: the operator changes the setting and the tenant.

What each command about an account does with one is shown by tests/acceptance/everywhere/test_from_where.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.accounts import AddMember, ChangeAccountSettings, OpenAccount, RemoveMember, RenameAccount
from application.admin import IdempotentRequest
from domain.permissions import Role
from tests.support.running import another_process

if TYPE_CHECKING:
    from application.admin import AdminCommand
    from tests.support.cast import Cast
    from tests.support.clock import FakeClock
    from tests.support.running import Application

ADDRESS = "2001:db8::9"


def of_the_tenant(cast: Cast) -> list[AdminCommand]:
    """Return commands about the tenant, the opening of an account among them."""
    return [
        OpenAccount(by=cast.caller(), new_account_id=uuid4(), name="Account C"),
        AddMember(by=cast.caller(), user_id=uuid4(), role=Role.AUDITOR),
        RemoveMember(by=cast.caller(), user_id=UUID(cast.con)),
    ]


def settings(cast: Cast, *, keep: bool) -> ChangeAccountSettings:
    return ChangeAccountSettings(by=cast.caller(cast.account_a), keep_addresses=keep)


def from_there(command: AdminCommand, address: str | None) -> AdminCommand:
    return replace(command, by=replace(command.by, address=address))


def addresses(application: Application, command: AdminCommand, address: str | None = ADDRESS) -> set[str | None]:
    """Carry out a command from an address, and return what the bytes of its events say of it."""
    before = application.position()
    application.execute(from_there(command, address))
    states = [json.loads(row.state) for row in application.log_after(before)]
    assert states, f"{type(command).__name__} changed nothing"
    return {state.get("address") for state in states}


def test_a_command_without_an_address_as_the_operators_is_recorded_without_one(
    application: Application, cast: Cast
) -> None:
    for command in [*of_the_tenant(cast), cast.create_key_command(), settings(cast, keep=False)]:
        assert addresses(application, command, None) == {None}, command


def test_what_is_done_to_the_tenant_or_to_another_account_has_the_address_all_the_same(
    application: Application, cast: Cast
) -> None:
    application.execute(settings(cast, keep=False))
    elsewhere = RenameAccount(by=cast.caller(cast.account_b), name="Another name")
    for command in [*of_the_tenant(cast), elsewhere]:
        assert addresses(application, command) == {ADDRESS}, command


def test_the_setting_holds_for_what_comes_after_it(application: Application, cast: Cast) -> None:
    assert addresses(application, settings(cast, keep=False)) == {ADDRESS}
    assert addresses(application, settings(cast, keep=True)) == {None}
    assert addresses(application, cast.create_key_command()) == {ADDRESS}


def test_an_account_that_keeps_no_addresses_any_more_gets_none_from_any_process(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    with another_process(database_url, clock) as other:
        assert addresses(other, cast.create_key_command()) == {ADDRESS}
        application.execute(settings(cast, keep=False))
        assert addresses(other, cast.create_key_command()) == {None}


@pytest.mark.parametrize("keep", [True, False])
def test_a_receipt_leaves_the_address_to_the_events_that_it_stands_beside(
    application: Application, cast: Cast, *, keep: bool
) -> None:
    application.execute(settings(cast, keep=keep))
    before = application.position()
    once = IdempotentRequest("request-1", "a" * 64)
    application.execute(from_there(cast.create_key_command(idempotency=once), ADDRESS))
    created, receipt = application.log_after(before)
    assert (receipt.topic, b"address" in receipt.state) == ("receipt.issued", False)
    assert (ADDRESS.encode() in created.state) == keep


def test_of_a_report_the_use_has_the_address_and_the_job_has_not(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    before = application.position()
    bot.report(address=ADDRESS, idempotency_key="order-1")
    rows = {row.topic: row.state for row in application.log_after(before)}
    assert rows.keys() == {"api_key.used", "job.reported"}
    assert rows["api_key.used"].count(f'"address":"{ADDRESS}"'.encode()) == 1
    assert b"address" not in rows["job.reported"]


@pytest.mark.parametrize("keep", [True, False])
def test_whatever_comes_of_a_request_of_a_robot_its_use_has_the_address_or_none(
    application: Application, cast: Cast, *, keep: bool
) -> None:
    application.execute(settings(cast, keep=keep))
    bot = cast.bot(limit=4)
    before = application.position()
    bot.use(address=ADDRESS)
    for _ in range(2):
        bot.report(address=ADDRESS, idempotency_key="order-1")
    bot.report(address=ADDRESS, flow_id=uuid4())
    bot.use(address=ADDRESS)
    uses = [json.loads(row.state) for row in application.log_after(before) if row.topic.startswith("api_key.")]
    assert [use.get("outcome", "throttled") for use in uses] == [
        "accepted",
        "accepted",
        "replayed",
        "rejected",
        "throttled",
    ]
    assert {use.get("address") for use in uses} == {ADDRESS if keep else None}
