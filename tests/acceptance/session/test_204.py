from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.api import ACCOUNTS, SESSION
from tests.support.world import add_user

if TYPE_CHECKING:
    from tests.support.world import World


def test_signing_out_ends_the_session_at_once_wherever_its_token_is_shown(world: World) -> None:
    token = world.people.sign_in("alice").json["token"]
    bearer, cookie = {"Authorization": f"Bearer {token}"}, world.cookie(token)
    answer = world.ask("DELETE", SESSION, headers=bearer)
    assert (answer.status, answer.body) == (204, b"")
    for headers in (bearer, cookie):
        for path in (SESSION, ACCOUNTS):
            assert world.ask("GET", path, headers=headers).status == 401


def test_signing_out_takes_the_cookies_back(world: World) -> None:
    token = world.people.sign_in("alice").json["token"]
    answer = world.ask("DELETE", SESSION, headers={"Authorization": f"Bearer {token}"})
    names = {text.partition("=")[0] for text in answer.set_cookies}
    assert names == {world.cookie_name(secure=secure) for secure in (False, True)}
    for text in answer.set_cookies:
        assert {"expires=Thu, 01 Jan 1970 00:00:00 GMT", "Path=/", "HttpOnly", "SameSite=Lax"} <= set(text.split("; "))
    secure = next(text for text in answer.set_cookies if text.startswith("__Host-"))
    assert "Secure" in secure, "without it a browser takes no cookie of that name, and keeps the old one"


def test_other_sessions_of_the_user_go_on(world: World) -> None:
    one, other = (world.people.sign_in("alice").json["token"] for _ in range(2))
    assert world.ask("DELETE", SESSION, headers={"Authorization": f"Bearer {one}"}).status == 204
    assert world.ask("GET", SESSION, headers={"Authorization": f"Bearer {other}"}).status == 200


def test_a_new_password_ends_all_sessions_of_the_user(world: World) -> None:
    user = add_user(world.services.users, "yan@example.com", "Yan", world.clock.now, "first of unrelated words")
    signed_in = world.ask("POST", SESSION, json={"email": user.email, "password": "first of unrelated words"})
    headers = {"Authorization": f"Bearer {signed_in.json['token']}"}
    assert world.ask("GET", SESSION, headers=headers).status == 200
    world.services.users.set_password(user.user_id, "other unrelated words")
    assert world.ask("GET", SESSION, headers=headers).status == 401
