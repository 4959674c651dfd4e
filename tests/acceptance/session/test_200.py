from __future__ import annotations

import re
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

import pytest

from domain.limits import SESSION_IDLE_MAX, SESSION_LIFETIME
from interfaces.http.cookies import DEVICE
from interfaces.http.cookies import SESSION as SESSION_COOKIE
from tests.support.api import SESSION
from tests.support.world import add_user, email_of, password_of

if TYPE_CHECKING:
    from tests.support.world import World


def cookie_of(text: str) -> tuple[str, str, set[str]]:
    """Return name, value and attributes of a cookie that was set."""
    [morsel] = SimpleCookie(text).values()
    attributes = {part.strip().partition("=")[0].lower() for part in text.split(";")[1:]}
    return morsel.key, morsel.value, attributes


def test_signing_in_gives_a_token_and_tells_who_one_is(world: World) -> None:
    answer = world.people.sign_in("alice")
    body = answer.json
    assert body["user"] == {"id": world.cast.alice, "email": "alice@example.com", "name": "Alice"}
    ends = world.clock.now + SESSION_LIFETIME
    assert body["expires_at"] == ends.isoformat(timespec="microseconds").replace("+00:00", "Z")
    mine = {"account_id": str(world.cast.account_a), "account_name": "Account A", "roles": ["account_admin"]}
    assert mine in body["memberships"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", body["token"])
    assert answer.headers["cache-control"] == "no-store"


def test_a_role_in_the_whole_tenant_has_no_account(world: World) -> None:
    body = world.people.sign_in("aud").json
    assert {"account_id": None, "account_name": None, "roles": ["auditor"]} in body["memberships"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookies_can_not_be_read_by_scripts_and_are_not_sent_by_other_sites(world: World, scheme: str) -> None:
    world.people.sign_up("alice")
    answer = world.ask(
        "POST",
        SESSION,
        headers={"X-Forwarded-Proto": scheme},
        json={"email": email_of("alice"), "password": password_of("alice")},
    )
    tokens = {}
    for text in answer.set_cookies:
        name, tokens[name], attributes = cookie_of(text)
        assert {"httponly", "samesite", "path", "expires"} <= attributes
        assert ("secure" in attributes) == (scheme == "https")
        assert "domain" not in attributes
        assert "SameSite=Lax" in text
        assert "Path=/;" in text + ";"
    session, device = (world.cookie_name(kind, secure=scheme == "https") for kind in (SESSION_COOKIE, DEVICE))
    assert set(tokens) == {session, device}
    assert all(name.startswith("__Host-") for name in tokens) == (scheme == "https")
    assert tokens[session] == answer.json["token"]
    headers = {"Authorization": f"Bearer {tokens[device]}"}
    assert world.ask("GET", SESSION, headers=headers).status == 401, "what a device is known by opens nothing"


def test_the_token_works_as_a_bearer_token_and_in_the_cookie(world: World) -> None:
    token = world.people.sign_in("alice").json["token"]
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"bearer  {token}"},
        world.cookie(token),
        {"Cookie": f"other=1; {world.cookie_name(secure=True)}={token}", "X-Forwarded-Proto": "https"},
    ):
        answer = world.ask("GET", SESSION, headers=headers)
        assert (answer.status, answer.json["user"]["name"]) == (200, "Alice")


def test_who_is_signed_in_is_told_without_the_token(world: World) -> None:
    session = world.people.sign_in("alice").json
    body = world.ask("GET", SESSION, headers={"Authorization": f"Bearer {session['token']}"}).json
    assert body == {name: value for name, value in session.items() if name != "token"}


def test_each_sign_in_is_a_session_of_its_own(world: World) -> None:
    first, second = (world.people.sign_in("alice").json for _ in range(2))
    assert first["token"] != second["token"]
    assert first["csrf_token"] != second["csrf_token"]


@pytest.mark.parametrize("email", ["ALICE@Example.COM", "  alice@example.com "])
def test_upper_and_lower_case_are_the_same_in_an_address(world: World, email: str) -> None:
    world.people.sign_up("alice")
    assert world.ask("POST", SESSION, json={"email": email, "password": password_of("alice")}).status == 200


def test_a_session_that_is_used_lasts_to_the_instant_that_was_told(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.people.sign_in('alice').json['token']}"}
    ends = world.clock.now + SESSION_LIFETIME
    while world.clock.now + SESSION_IDLE_MAX < ends:
        world.clock.advance(SESSION_IDLE_MAX / 2)
        assert world.ask("GET", SESSION, headers=headers).status == 200
    world.clock.advance(ends - world.clock.now - timedelta(microseconds=1))
    assert world.ask("GET", SESSION, headers=headers).status == 200
    world.clock.advance(timedelta(microseconds=1))
    assert world.ask("GET", SESSION, headers=headers).status == 401


def test_a_password_may_hold_any_letters_and_is_the_same_however_a_keyboard_spells_them(world: World) -> None:
    spelled, other = "Zürich größer ﬁnden 🤖 שלום", "Zu\u0308rich gro\u0308\u00dfer finden 🤖 שלום"
    add_user(world.services.users, "zoe@example.com", "Zoe", world.clock.now, spelled)
    for password in (spelled, other):
        assert world.ask("POST", SESSION, json={"email": "zoe@example.com", "password": password}).status == 200
