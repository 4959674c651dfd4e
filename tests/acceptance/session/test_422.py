from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from domain.limits import EMAIL_CHARS_MAX, PASSWORD_CHARS_MAX
from tests.support.api import SESSION

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/email": "is required", "/password": "is required"}),
        ({"email": 1, "password": None}, {"/email": "must be a string", "/password": "must be a string"}),
        ({"email": "a@b", "password": "x", "remember": True}, {"/remember": "is not a known field"}),
        (
            {"email": "a" * (EMAIL_CHARS_MAX + 1), "password": "x" * (4 * PASSWORD_CHARS_MAX + 1)},
            {
                "/email": f"must have at most {EMAIL_CHARS_MAX} characters",
                "/password": f"must have at most {4 * PASSWORD_CHARS_MAX} characters",
            },
        ),
        ([], {"": "must be an object"}),
    ],
)
def test_what_is_wrong_with_a_sign_in_is_told_field_by_field(world: World, body: Any, errors: dict[str, str]) -> None:
    answer = world.ask("POST", SESSION, json=body)
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)


def test_a_sign_in_without_a_body_is_one_without_fields(world: World) -> None:
    assert world.ask("POST", SESSION).errors == {"/email": "is required", "/password": "is required"}


def test_a_sign_in_that_is_no_json_is_refused_without_repeating_it(world: World) -> None:
    body = b'{"password": "four secret words, here'
    answer = world.ask("POST", SESSION, headers={"Content-Type": "application/json"}, body=body)
    assert (answer.status, answer.problem) == (400, "malformed-json")
    assert b"secret" not in answer.body
