"""Which session a request is of, when it shows several things: decided once, and the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import ACCOUNTS, SESSION
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

HTTPS = {"X-Forwarded-Proto": "https"}


def names(world: World) -> tuple[str, str]:
    """Return what the cookie is called over http, and over https."""
    return world.cookie_name(), world.cookie_name(secure=True)


def session(world: World, name: str = "alice") -> dict[str, Any]:
    body: dict[str, Any] = world.people.sign_in(name).json
    return body


def who(world: World, headers: dict[str, str], path: str = SESSION) -> str | None:
    """Return the name of who is signed in, or None."""
    answer = world.ask("GET", path, headers=headers)
    assert answer.status in {200, 401}
    return answer.json["user"]["name"] if answer.status == 200 else None


def is_alive(world: World, signed_in: dict[str, Any]) -> bool:
    return who(world, {"Authorization": f"Bearer {signed_in['token']}"}) is not None


def sign_in(world: World, headers: dict[str, str], password: str | None = None) -> Answer:
    body = {"email": email_of("bob"), "password": password or password_of("bob")}
    world.people.sign_up("bob")
    return world.ask("POST", SESSION, headers=headers, json=body)


def test_over_https_only_the_cookie_counts_that_no_other_host_can_set_and_over_http_only_the_plain_one(
    world: World,
) -> None:
    alice, carol = session(world)["token"], session(world, "carol")["token"]
    plain, secure = names(world)
    for scheme, counts, other in ((HTTPS, secure, plain), ({}, plain, secure)):
        assert who(world, scheme | {"Cookie": f"{other}={alice}"}) is None
        assert who(world, scheme | {"Cookie": f"{counts}={alice}"}) == "Alice"
        for cookies in (f"{counts}={alice}; {other}={carol}", f"{other}={carol}; {counts}={alice}"):
            assert who(world, scheme | {"Cookie": cookies}) == "Alice"


@pytest.mark.parametrize("path", [SESSION, "/profile"])
def test_the_scheme_decides_on_pages_as_in_the_api(world: World, path: str) -> None:
    token = session(world)["token"]
    headers = HTTPS | {"Accept": "text/html"}
    for cookie, is_signed_in in zip(names(world), (False, True), strict=True):
        answer = world.ask("GET", path, headers=headers | {"Cookie": f"{cookie}={token}"})
        assert (answer.status == 200) == is_signed_in


@pytest.mark.parametrize("scheme", [{}, HTTPS], ids=["http", "https"])
def test_a_bearer_token_counts_and_the_cookie_beside_it_does_not(world: World, scheme: dict[str, str]) -> None:
    cookie = f"{world.cookie_name(secure=bool(scheme))}={session(world)['token']}"
    carol = session(world, "carol")["token"]
    assert who(world, scheme | {"Cookie": cookie, "Authorization": f"Bearer {carol}"}) == "Carol"
    for wrong in ("Bearer", "Bearer ", "bearer x", f"Bearer {carol}x", "Bearer é"):
        for path in (SESSION, ACCOUNTS):
            assert who(world, scheme | {"Cookie": cookie, "Authorization": wrong}, path) is None
    basic = "Basic YWxpY2U6cGFzc3dvcmQ="  # of a proxy in front, and none of ours
    assert who(world, scheme | {"Cookie": cookie, "Authorization": basic}) == "Alice"


def test_a_change_with_both_needs_no_csrf_token_and_is_made_by_who_the_bearer_token_is_of(world: World) -> None:
    alice, carol = session(world), session(world, "carol")
    headers = world.cookie(alice["token"]) | {"Authorization": f"Bearer {carol['token']}"}
    body = {"name": "Of Carol"}
    assert world.ask("POST", world.account("/processes"), headers=headers, json=body).status == 404
    path = world.account("/processes", of=world.cast.account_b)
    assert world.ask("POST", path, headers=headers, json=body).status == 201


def test_signing_out_ends_the_session_whose_token_was_sent_and_no_other(world: World) -> None:
    mine, other, carol = session(world), session(world), session(world, "carol")
    headers = world.cookie(mine["token"]) | {"Authorization": f"Bearer {carol['token']}"}
    answer = world.ask("DELETE", SESSION, headers=headers)
    assert (answer.status, answer.set_cookies) == (204, ()), "the cookie is of a session that goes on"
    assert [is_alive(world, one) for one in (mine, other, carol)] == [True, True, False]
    assert world.ask("DELETE", SESSION, headers=headers).status == 401, "it has ended, whatever the cookie is of"
    assert is_alive(world, mine)
    cookie = world.cookie(mine["token"])
    for csrf in ({}, {"X-CSRF-Token": other["csrf_token"]}):
        assert world.ask("DELETE", SESSION, headers=cookie | csrf).problem == "csrf-token"
    assert is_alive(world, mine)
    assert world.ask("DELETE", SESSION, headers=cookie | {"X-CSRF-Token": mine["csrf_token"]}).status == 204
    assert [is_alive(world, one) for one in (mine, other)] == [False, True]


@pytest.mark.parametrize("headers", [{}, {"Cookie": "{cookie}=x"}, {"Authorization": "Bearer x"}])
def test_without_a_session_there_is_none_to_end(world: World, headers: dict[str, str]) -> None:
    headers = {name: value.replace("{cookie}", world.cookie_name()) for name, value in headers.items()}
    assert world.ask("DELETE", SESSION, headers=headers).problem == "not-signed-in"


def test_a_second_sign_in_ends_the_sessions_that_it_shows_and_a_failed_one_ends_none(world: World) -> None:
    cookie, bearer, other = session(world), session(world, "carol"), session(world)
    headers = world.cookie(cookie["token"]) | {"Authorization": f"Bearer {bearer['token']}"}
    assert sign_in(world, headers, "a wrong password for sure").status == 401
    assert all(is_alive(world, one) for one in (cookie, bearer, other))
    after = sign_in(world, headers)
    assert after.status == 200
    assert [is_alive(world, one) for one in (cookie, bearer, other, after.json)] == [False, False, True, True]


@pytest.mark.parametrize("scheme", [{}, HTTPS], ids=["http", "https"])
def test_of_the_cookies_of_a_second_sign_in_only_the_one_that_counts_is_looked_at(
    world: World, scheme: dict[str, str]
) -> None:
    counts, not_this = session(world), session(world, "carol")
    plain, secure = names(world)
    looked_at, other = (secure, plain) if scheme else (plain, secure)
    cookies = f"{looked_at}={counts['token']}; {other}={not_this['token']}"
    assert sign_in(world, scheme | {"Cookie": cookies}).status == 200
    assert [is_alive(world, one) for one in (counts, not_this)] == [False, True]
