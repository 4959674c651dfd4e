from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from application.identity import sessions
from application.identity.passwords import verify_password
from tests.support.api import ACCOUNTS, SESSION
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def sign_in(world: World, **body: Any) -> Answer:
    return world.ask("POST", SESSION, json={"email": email_of("alice"), "password": password_of("alice")} | body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "not the password of alice"},
        {"password": ""},
        {"password": password_of("alice") + " "},
        {"password": password_of("alice").upper()},
        {"password": "x" * 512},
        {"email": "nobody@example.com"},
        {"email": "alice"},
        {"email": ""},
        {"email": "' OR 1=1 --"},
        {"email": "\u0430lice@example.com"},
    ],
)
def test_a_wrong_password_and_an_unknown_user_are_answered_in_the_same_words(
    world: World, wrong: dict[str, str]
) -> None:
    world.people.sign_up("alice")
    answer = sign_in(world, **wrong)
    assert (answer.status, answer.problem) == (401, "sign-in-failed")
    assert answer.set_cookies == ()
    assert answer.without_request_id == sign_in(world, password="another wrong password").without_request_id


def test_for_an_unknown_user_a_password_is_hashed_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.people.sign_up("alice")
    verified = []

    def seen(salt: str | None, hashes: list[str | None], password: str) -> list[bool]:
        verified.append(salt is None)
        return verify_password(salt, hashes, password)

    monkeypatch.setattr(sessions, "verify_password", seen)
    sign_in(world, password="not the password of alice")
    sign_in(world, email="nobody@example.com")
    assert verified == [False, True]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer not-a-token"},
        {"Authorization": "Bearer " + "x" * 10_000},
        {"Authorization": "Bearer é"},
        {"Authorization": "Basic YWxpY2U6cGFzc3dvcmQ="},
        {"Cookie": "{cookie}=not-a-token"},
        {"Cookie": "{cookie}="},
        {"Cookie": "\x01=;;"},
        {"X-API-Key": "let me in"},
    ],
)
@pytest.mark.parametrize("path", [SESSION, ACCOUNTS])
def test_without_a_session_one_is_told_to_sign_in(world: World, path: str, headers: dict[str, str]) -> None:
    sent = {name: value.replace("{cookie}", world.cookie_name()) for name, value in headers.items()}
    answer = world.ask("GET", path, headers=sent)
    assert (answer.status, answer.problem) == (401, "not-signed-in")
    assert answer.headers["www-authenticate"] == 'Bearer realm="rpawatch"'
    assert "POST /api/v1/session" in answer.json["detail"]


def test_an_api_key_is_no_session(world: World) -> None:
    assert world.ask("GET", ACCOUNTS, headers=world.robot().headers).status == 401


def test_a_token_that_is_longer_than_a_real_one_is_not_cut_down_to_it(world: World) -> None:
    token = world.session("alice")["token"]
    assert world.ask("GET", SESSION, headers={"Authorization": f"Bearer {token}x"}).status == 401
