from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True

GOOD = {"email": "dora@example.com", "role": "account_user"}
ROLES = "must be one of 'tenant_admin', 'auditor', 'consultant', 'account_admin', 'account_user'"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/email": "is required", "/role": "is required"}),
        (GOOD | {"role": "root"}, {"/role": ROLES}),
        (GOOD | {"email": "dora"}, {"/email": "must be an email address"}),
        (GOOD | {"email": "dora@example.com, eve@example.com"}, {"/email": "must be an email address"}),
        (GOOD | {"email": "dora@example.com\r\nBcc: eve@example.com"}, {"/email": "must be an email address"}),
        (GOOD | {"email": "x" * 255}, {"/email": "must have at most 254 characters"}),
        (GOOD | {"name": "\t"}, {"/name": "must not be blank"}),
        (GOOD | {"name": "a\tb"}, {"/name": "must not hold control characters"}),
        (GOOD | {"flow_ids": ["x"]}, {"/flow_ids/0": "must be a UUID"}),
        (GOOD | {"flow_ids": "x"}, {"/flow_ids": "must be a list"}),
        (GOOD | {"password": "x"}, {"/password": "is not a known field"}),
    ],
)
def test_what_is_wrong_with_a_member_is_told_field_by_field(world: World, body: Any, errors: dict[str, str]) -> None:
    answer, appended = world.appended_by(
        lambda: world.ask("POST", world.account("/members"), headers=world.signed_in("alice"), json=body)
    )
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)
    assert appended == []


@pytest.mark.parametrize("role", ["tenant_admin", "auditor", "consultant"])
def test_an_account_admin_can_not_give_a_role_in_the_tenant(world: World, role: str) -> None:
    body = GOOD | {"email": "eve@example.com", "role": role}
    answer = world.ask("POST", world.account("/members"), headers=world.signed_in("alice"), json=body)
    assert (answer.status, answer.errors) == (422, {"/role": "is not a role of an account"})
    assert world.services.users.by_email("eve@example.com") == []


@pytest.mark.parametrize(("count", "status"), [(100, 404), (101, 422)])
def test_up_to_a_hundred_processes_are_assigned_at_once(world: World, count: int, status: int) -> None:
    body = GOOD | {"flow_ids": [str(world.cast.flow_b)] * count}
    answer = world.ask("POST", world.account("/members"), headers=world.signed_in("alice"), json=body)
    assert answer.status == status
