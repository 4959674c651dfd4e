from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.limits import RATE_LIMIT_MAX, REASON_CHARS_MAX

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True

TIME = "2026-03-10T21:43:51Z"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/name": "is required"}),
        ({"name": " "}, {"/name": "must not be blank"}),
        ({"name": "x" * 201}, {"/name": "must have at most 200 characters"}),
        ({"name": "a\nb"}, {"/name": "must not hold control characters"}),
        ({"name": "x", "limit": 0}, {"/limit": "must be at least 1"}),
        ({"name": "x", "limit": RATE_LIMIT_MAX + 1}, {"/limit": f"must be at most {RATE_LIMIT_MAX}"}),
        ({"name": "x", "limit": "60"}, {"/limit": "must be a whole number"}),
        ({"name": "x", "limit": 1.5}, {"/limit": "must be a whole number"}),
        ({"name": "x", "limit": True}, {"/limit": "must be a whole number"}),
        ({"name": "x", "flow_id": ""}, {"/flow_id": "must be a UUID"}),
        ({"name": "x", "expires_at": "tomorrow"}, {"/expires_at": f"must be a time as in {TIME} (RFC 3339)"}),
        ({"name": "x", "expires_at": "2026-12-31T00:00:00"}, {"/expires_at": f"must have a time zone, as in {TIME}"}),
        ({"name": "x", "expires_at": "2300-01-01T00:00:00Z"}, {"/expires_at": "must be from 1970 to 2199"}),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, {"/expires_at": "must be in the future"}),
        ({"name": "x", "key": "rpakey_mine"}, {"/key": "is not a known field"}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_key_is_told_field_by_field(world: World, body: Any, errors: dict[str, str]) -> None:
    answer, appended = world.appended_by(
        lambda: world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json=body)
    )
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)
    assert appended == []


@pytest.mark.parametrize(("microseconds", "status"), [(0, 422), (1, 201)])
def test_the_end_of_a_key_is_after_this_instant(world: World, microseconds: int, status: int) -> None:
    ends = world.clock.now + timedelta(microseconds=microseconds)
    body = {"name": "x", "expires_at": ends.isoformat()}
    answer = world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json=body)
    assert answer.status == status


@pytest.mark.parametrize(
    ("reason", "errors"),
    [
        ("x" * REASON_CHARS_MAX, {}),
        ("x" * (REASON_CHARS_MAX + 1), {"/reason": f"must have at most {REASON_CHARS_MAX} characters"}),
        ("left\r\n\tthe company", {}),
        ("\x1b[31mred", {"/reason": "must not hold control characters"}),
        (5, {"/reason": "must be a string"}),
        ("a\x00b", {"/reason": "must not hold NUL or half of a surrogate pair"}),
    ],
)
def test_a_reason_is_a_text_of_limited_length(world: World, reason: Any, errors: dict[str, str]) -> None:
    path = world.account(f"/keys/{world.robot().key_id}/deactivate")
    answer = world.ask("POST", path, headers=world.signed_in("alice"), json={"reason": reason})
    assert answer.status == (422 if errors else 200)
    assert (answer.errors if errors else {}) == errors


def test_an_idempotency_key_that_came_with_another_request_is_refused(world: World) -> None:
    headers = world.signed_in("alice") | {"Idempotency-Key": "key-1"}
    robot = world.robot()
    assert world.ask("POST", world.account("/keys"), headers=headers, json={"name": "x"}).status == 201
    for path, body in (
        ("/keys", {"name": "y"}),
        (f"/keys/{robot.key_id}/deactivate", {}),
        ("/processes", {"name": "x"}),
    ):
        answer = world.ask("POST", world.account(path), headers=headers, json=body)
        assert (answer.status, answer.problem) == (422, "idempotency-key-reuse"), path
    assert robot.look().status == 200
