"""A password that was made here works once, within a week, and opens nothing but its own change: on every route."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from argon2.low_level import hash_secret

from application.identity import passwords, sessions
from application.identity.passwords import hash_password
from domain.limits import FIRST_PASSWORD_LIFETIME, RESTRICTED_SESSION_LIFETIME, SESSION_LIFETIME
from domain.times import time_text
from interfaces.web.routes import web_routes
from tests.acceptance.invitations.inviting import Address, bearer
from tests.acceptance.permissions.matrix import ask, ids_in_account_a, requests_of_the_router
from tests.support.api import SESSION
from tests.support.pages import Browser
from tests.support.world import add_user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.api import Answer
    from tests.support.world import World

OWN = "words of one's own, unrelated"
SET_PASSWORD = f"{SESSION}/password"
OPEN_TO_RESTRICTED = {"GET /api/v1/session", "DELETE /api/v1/session", "POST /api/v1/session/password"}
CHOOSE = "/profile/password"
PAGES_OPEN_TO_RESTRICTED = {("GET", CHOOSE), ("POST", CHOOSE), ("POST", "/sign-out"), ("POST", "/sign-in")}


def invited(world: World) -> Address:
    address = Address(world)
    assert address.invited("alice", world.cast.account_a).status == 201
    return address


def first_session(address: Address) -> Answer:
    session = address.sign_in(address.passwords[-1].text)
    assert (session.status, session.json["password_change_required"]) == (200, True)
    return session


def set_password(world: World, headers: Mapping[str, str], new: str = OWN, **body: str) -> Answer:
    return world.ask("POST", SET_PASSWORD, headers=headers, json={"new_password": new, **body})


def test_it_works_once(world: World) -> None:
    address = invited(world)
    first_session(address)
    assert address.sign_in(address.passwords[-1].text).status == 401


def test_of_many_who_use_it_at_the_same_time_one_gets_in(world: World) -> None:
    address = invited(world)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: address.sign_in(address.passwords[-1].text).status, range(8)))
    assert answers.count(200) == 1
    assert set(answers) <= {200, 401, 503}, "not all may hash at the same time"


def test_it_works_within_a_week_and_not_after(world: World) -> None:
    in_time, too_late = invited(world), invited(world)
    world.clock.advance(FIRST_PASSWORD_LIFETIME - timedelta(microseconds=1))
    first_session(in_time)
    world.clock.advance(timedelta(microseconds=1))
    assert too_late.sign_in(too_late.passwords[-1].text).status == 401


def test_the_session_that_it_begins_is_short(world: World) -> None:
    address = invited(world)
    session = first_session(address)
    assert session.json["expires_at"] == time_text(world.clock.now + RESTRICTED_SESSION_LIFETIME)
    world.clock.advance(RESTRICTED_SESSION_LIFETIME)
    answer = set_password(world, bearer(session))
    assert (answer.status, answer.problem) == (401, "not-signed-in")


@pytest.mark.parametrize("way", ["bearer", "cookie"])
def test_on_every_route_of_the_api_it_opens_nothing_but_its_own_change(world: World, way: str) -> None:
    session = first_session(invited(world))
    cookie = world.cookie(session.json["token"]) | {"X-CSRF-Token": session.json["csrf_token"]}
    headers = bearer(session) if way == "bearer" else cookie
    ids = ids_in_account_a(world)
    refused = set()
    for request in requests_of_the_router(world):
        if request in OPEN_TO_RESTRICTED:
            continue
        answer, without = (ask(world, request, shown, ids) for shown in (headers, {}))
        if without.status == 401 and without.problem == "not-signed-in":
            assert (answer.status, answer.problem) == (403, "password-change-required"), request
            assert answer.set_cookies == ()
            refused.add(request)
        else:
            assert answer.status == without.status, f"{request} is for everybody, and knows nobody"
    assert len(refused) > 20
    assert world.ask("GET", SESSION, headers=headers).json["password_change_required"]


def test_every_page_leads_to_the_one_where_the_password_is_chosen(world: World) -> None:
    session = first_session(invited(world))
    ids = ids_in_account_a(world) | {"session_id": str(uuid4())}
    csrf = session.json["csrf_token"]
    for path, page in web_routes(world.services).items():
        for method in sorted(name.removeprefix("on_").upper() for name in dir(page) if re.fullmatch("on_[a-z]+", name)):
            if (method, path) in PAGES_OPEN_TO_RESTRICTED or path == "/assets/{name}":
                continue
            browser, target = Browser(world, session.json["token"]), path.format(**ids)
            seen, appended = world.appended_by(
                lambda: browser.get(target) if method == "GET" else browser.post(target, {"csrf": csrf})  # noqa: B023
            )
            assert (seen.location, appended) == (CHOOSE, []), (method, path)


def test_setting_the_password_begins_an_ordinary_session_and_ends_the_short_one(world: World) -> None:
    address = invited(world)
    short = first_session(address)
    answer = set_password(world, bearer(short))
    assert answer.status == 200
    assert answer.json["expires_at"] == time_text(world.clock.now + SESSION_LIFETIME)
    assert answer.set_cookies[0].startswith(f"{world.cookie_name()}=")
    assert world.ask("GET", world.account(), headers=bearer(answer)).status == 200
    assert world.ask("GET", SESSION, headers=bearer(short)).status == 401
    assert address.sign_in(OWN).json["password_change_required"] is False


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("too short", "must have 15 to 128 characters"),
        ("passwordpassword", "is among those that are guessed first; use several unrelated words"),
        (None, "must be another one than before"),
    ],
)
def test_a_password_that_is_none_is_refused_and_may_be_tried_again(world: World, new: str | None, message: str) -> None:
    address = invited(world)
    session = first_session(address)
    answer = set_password(world, bearer(session), new or address.passwords[-1].text)
    assert (answer.status, answer.errors) == (422, {"/new_password": message})
    assert set_password(world, bearer(session)).status == 200


def test_an_ordinary_session_is_asked_for_the_current_password(world: World) -> None:
    address = invited(world)
    headers = bearer(set_password(world, bearer(first_session(address))))
    assert set_password(world, headers, "another one, of mine").errors == {"/current_password": "is required"}
    wrong = set_password(world, headers, "another one, of mine", current_password="not that one, surely")
    assert wrong.errors == {"/current_password": "is not your password"}
    right = set_password(world, headers, "another one, of mine", current_password=OWN)
    assert right.status == 200
    assert world.ask("GET", SESSION, headers=headers).status == 401
    assert world.ask("GET", SESSION, headers=bearer(right)).status == 200


def test_with_the_cookie_alone_it_needs_the_csrf_token(world: World) -> None:
    session = first_session(invited(world))
    answer = set_password(world, world.cookie(session.json["token"]))
    assert (answer.status, answer.problem) == (403, "csrf-token")


@pytest.mark.parametrize("by", ["alice", "tess"])
def test_another_one_that_is_made_meanwhile_ends_the_session_of_the_one_before(world: World, by: str) -> None:
    address = invited(world)
    session = first_session(address)
    again = reset(world, by, address)
    assert again.status == 200, again.body
    assert set_password(world, bearer(session)).status == 401
    assert address.sign_in(again.json["first_password"]).json["password_change_required"] is True


@pytest.mark.parametrize("kind", ["first", "own"])
def test_a_session_that_ends_while_the_new_password_is_hashed_sets_none(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    address = invited(world)
    old = address.chosen() if kind == "own" else None
    session = first_session(address) if old is None else address.sign_in(old.text)

    def ended_meanwhile(password: str, salt: str) -> str:
        world.services.sessions.end(session.json["token"])
        return hash_password(password, salt)

    monkeypatch.setattr(sessions, "hash_password", ended_meanwhile)
    current = {} if old is None else {"current_password": old.text}
    assert set_password(world, bearer(session), **current).status == 401
    assert address.sign_in(OWN).status == 401


def reset(world: World, by: str, address: Address) -> Answer:
    path = world.account(f"/members/{address.passwords[-1].owner}/first-password")
    return world.ask("POST", path, headers=world.signed_in(by))


def test_a_new_one_is_shown_once_ends_all_sessions_and_voids_what_there_was(world: World) -> None:
    address = invited(world)
    own = address.chosen()
    session = address.sign_in(own.text)
    answer = reset(world, "alice", address)
    assert answer.status == 200
    assert answer.json == {
        "user_id": own.owner,
        "account_id": str(world.cast.account_a),
        "email": address.email,
        "name": "Invited",
        "roles": ["account_user"],
        "password": "first",
        "first_password_until": time_text(world.clock.now + FIRST_PASSWORD_LIFETIME),
        "first_password": answer.json["first_password"],
    }
    assert world.ask("GET", SESSION, headers=bearer(session)).status == 401
    assert address.opens(own) is None
    assert address.sign_in(answer.json["first_password"]).status == 200


def test_an_account_makes_none_for_whom_the_tenant_vouched_for(world: World) -> None:
    address = Address(world)
    address.invited("tess", world.cast.account_a)
    own = address.chosen()
    answer = reset(world, "alice", address)
    assert (answer.status, answer.problem) == (403, "forbidden")
    assert address.opens(own) == {world.cast.account_a}
    assert reset(world, "tess", address).status == 200


@pytest.mark.parametrize("who", ["carol", "tess", "stranger", "nobody"])
def test_who_is_no_member_of_the_account_is_given_none(world: World, who: str) -> None:
    for name in ("carol", "tess", "stranger"):
        world.people.sign_up(name)
    user_id = getattr(world.cast, who, str(uuid4()))
    answer = world.ask("POST", world.account(f"/members/{user_id}/first-password"), headers=world.signed_in("alice"))
    assert (answer.status, answer.problem) == (404, "not-found")
    assert world.people.sign_in("carol").status == 200


@pytest.mark.parametrize("known", [0, 1, 12])
def test_signing_in_computes_one_hash_however_many_are_known_by_the_address(
    world: World, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    address = Address(world)
    for _ in range(known):
        add_user(world.services.users, address.email, "Somebody", world.clock.now, f"a password of {uuid4()}")
    add_user(world.services.users, "last@example.com", "Last", world.clock.now, OWN)
    computed: list[Any] = []

    def counted(*arguments: Any, **rest: Any) -> bytes:
        computed.append(arguments)
        return hash_secret(*arguments, **rest)

    monkeypatch.setattr(passwords, "hash_secret", counted)
    assert address.sign_in("none of these passwords").status == 401
    assert len(computed) == 1


def test_one_password_for_several_opens_the_tenants_else_the_last_one_unless_an_account_is_named(world: World) -> None:
    address, users = Address(world), world.services.users
    a, b = world.cast.account_a, world.cast.account_b
    of_a, of_b = (add_user(users, address.email, "Somebody", world.clock.now, OWN, scope) for scope in (a, b))

    def signed_in(**body: str) -> str:
        world.clock.advance(timedelta(seconds=1))
        answer = world.ask("POST", SESSION, json={"email": address.email, "password": OWN, **body})
        assert answer.status == 200
        return str(answer.json["user"]["id"])

    for account, user in ((a, of_a), (b, of_b), (a, of_a)):
        assert signed_in(account_id=str(account)) == str(user.user_id)
        assert signed_in() == str(user.user_id), "the one that signed in last"
    of_tenant = add_user(users, address.email, "Somebody", world.clock.now, OWN, world.services.tenant_id)
    assert signed_in() == signed_in(account_id=str(uuid4())) == str(of_tenant.user_id)
    assert signed_in(account_id=str(b)) == str(of_b.user_id)
    goal = {"email": address.email, "password": OWN, "next": f"/accounts/{a}/keys"}
    browser = Browser(world)
    browser.post("/sign-in", goal)
    assert browser.token is not None
    session = world.services.sessions.find(browser.token)
    assert session is not None
    assert session.user.user_id == of_a.user_id
