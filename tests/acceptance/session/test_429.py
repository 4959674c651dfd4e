"""Guessing passwords is slowed down, and nobody is kept out by it where they signed in before."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from application.identity import throttle
from application.identity.hashing import HASHING
from domain.errors import HashingBusyError
from domain.limits import SIGN_IN_FAILURES_PER_PAIR_MAX, SIGN_IN_WINDOW
from tests.support.api import SESSION
from tests.support.pages import Browser
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

MINUTE = timedelta(minutes=1)


def sign_in(
    world: World,
    password: str | None = None,
    *,
    name: str = "bob",
    address: str = "192.0.2.1",
    headers: dict[str, str] | None = None,
) -> Answer:
    world.people.sign_up(name)
    body = {"email": email_of(name), "password": password or password_of(name)}
    return world.ask("POST", SESSION, json=body, address=address, headers=headers)


def fail(world: World, times: int, *, name: str = "bob", address: str = "192.0.2.1") -> list[int]:
    return [sign_in(world, "a wrong password for sure", name=name, address=address).status for _ in range(times)]


def unseen() -> str:
    """Return an address that nobody signed in from."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


@pytest.fixture
def address() -> str:
    return unseen()


def test_after_ten_failures_also_the_right_password_has_to_wait(world: World, address: str) -> None:
    failed = fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX, address=address)
    assert failed == [401] * SIGN_IN_FAILURES_PER_PAIR_MAX
    answer = sign_in(world, address=address)
    assert (answer.status, answer.problem) == (429, "rate-limited")
    assert answer.headers["retry-after"] == str(int(SIGN_IN_WINDOW.total_seconds()))
    assert answer.set_cookies == ()
    world.clock.advance(timedelta(seconds=int(answer.headers["retry-after"])))
    assert sign_in(world, address=address).status == 200


def test_the_wait_is_until_one_more_attempt_is_borne(world: World, address: str) -> None:
    fail(world, 1, address=address)
    world.clock.advance(5 * MINUTE)
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX - 1, address=address)
    assert sign_in(world, address=address).headers["retry-after"] == str(10 * 60)


def test_nobody_else_and_no_other_address_is_concerned(world: World, address: str) -> None:
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX, address=address)
    assert sign_in(world, address=address).status == 429
    assert sign_in(world, name="carol", address=address).status == 200
    assert sign_in(world, address="192.0.2.2").status == 200


def test_a_success_clears_the_failures(world: World, address: str) -> None:
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX - 1, address=address)
    assert sign_in(world, address=address).status == 200
    failed = fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX, address=address)
    assert failed == [401] * SIGN_IN_FAILURES_PER_PAIR_MAX


def test_an_unknown_user_is_throttled_in_the_same_way_so_that_it_tells_nothing(world: World, address: str) -> None:
    body = {"email": "nobody-at-all@example.com", "password": "a wrong password for sure"}
    answers = [world.ask("POST", SESSION, json=body, address=address) for _ in range(11)]
    assert [answer.status for answer in answers] == [401] * SIGN_IN_FAILURES_PER_PAIR_MAX + [429]
    fail(world, SIGN_IN_FAILURES_PER_PAIR_MAX, address=address)
    assert answers[-1].without_request_id == sign_in(world, address=address).without_request_id


def test_all_addresses_of_a_network_count_as_one(world: World, address: str) -> None:
    prefix = address.removesuffix("::1")
    for number in range(SIGN_IN_FAILURES_PER_PAIR_MAX):
        assert fail(world, 1, address=f"{prefix}:{number + 1:x}::1") == [401]
    assert sign_in(world, address=f"{prefix}:ffff::1").status == 429


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("through", ["the API", "the page"])
def test_a_flood_of_failures_in_their_name_keeps_nobody_out_where_they_signed_in_before(
    world: World, monkeypatch: pytest.MonkeyPatch, address: str, through: str, secure: bool
) -> None:
    monkeypatch.setattr(throttle, "SIGN_IN_FAILURES_PER_USER_MAX", 20)  # or it takes a hundred
    scheme = {"X-Forwarded-Proto": "https"} if secure else {}

    def come(password: str, address: str, **headers: str) -> Answer:
        world.people.sign_up("carol")
        typed = {"email": email_of("carol"), "password": password}
        if through == "the API":
            return world.ask("POST", SESSION, json=typed, address=address, headers=scheme | headers)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        form |= {"Sec-Fetch-Site": "same-origin"}
        body = urlencode(typed).encode()
        return world.ask("POST", "/sign-in", body=body, address=address, headers=scheme | form | headers)

    home = address
    before = come(password_of("carol"), home)
    signed_in = {200, 303}
    assert before.status in signed_in
    cookies = "; ".join(cookie.partition(";")[0] for cookie in before.set_cookies)
    elsewhere = unseen()
    for stranger in (unseen(), unseen()):
        assert {come("wrong", stranger).status for _ in range(10)} == {401}
    away = come(password_of("carol"), elsewhere)
    assert away.status == 429
    assert int(away.headers["retry-after"]) > 0
    assert come(password_of("carol"), home).status in signed_in
    assert come(password_of("carol"), elsewhere, Cookie=cookies).status in signed_in
    for _ in range(10):
        assert come("wrong", home).status == 401
    slowed = come(password_of("carol"), home)
    assert (slowed.status, slowed.headers["retry-after"]) == (429, "1")
    world.clock.advance(timedelta(seconds=1))
    assert come(password_of("carol"), home).status in signed_in


def hold_a_place(caller: str, taken: threading.Event, go_on: threading.Event) -> None:
    """Take a place for a hashing as another request does, if there is one, and keep it."""
    with suppress(HashingBusyError), HASHING.place(caller):
        taken.set()
        go_on.wait(30)
    taken.set()


def test_whoever_comes_when_too_many_sign_in_is_told_so_at_once(world: World, address: str) -> None:
    world.people.sign_up("bob")
    with ThreadPoolExecutor(10) as others, ExitStack() as held:
        go_on = threading.Event()
        held.callback(go_on.set)
        taken = [threading.Event() for _ in range(10)]
        for number, event in enumerate(taken):
            others.submit(hold_a_place, f"caller {number}", event, go_on)
        assert all(event.wait(30) for event in taken)
        answer = sign_in(world, address=address)
        assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "1")
        assert "Too many people are signing in" in answer.json["detail"]
        page = Browser(world).submit("/sign-in", email=email_of("bob"), password=password_of("bob"))
        assert (page.status, page.answer.headers["retry-after"]) == (503, "1")
        assert "Too many people are signing in" in page.alert
    assert sign_in(world, address=address).status == 200
