"""Signing in and out in the pages, and going on where one was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.limits import SESSION_IDLE_MAX, SESSION_LIFETIME, SIGN_IN_FAILURES_PER_PAIR_MAX, SIGN_IN_WINDOW
from interfaces.http.cookies import DEVICE, SESSION
from tests.support.pages import Browser, browser_of
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from tests.support.world import World


def keys_of(world: World, path: str = "") -> str:
    return f"/accounts/{world.cast.account_a}/keys{path}"


def signing_in(world: World, name: str, path: str = "/sign-in", **typed: str) -> Browser:
    world.people.sign_up(name)
    browser = Browser(world)
    page = browser.submit(path, **({"email": email_of(name), "password": password_of(name)} | typed))
    assert page.status == 303, page.text
    return browser


def test_whoever_is_not_signed_in_is_led_to_it_and_back(world: World) -> None:
    world.people.sign_up("alice")
    browser = Browser(world)
    where = browser.get(keys_of(world, "?show=all&q=a%20b")).location
    assert where.startswith("/sign-in?next=")
    page = browser.submit(where, email=email_of("alice"), password=password_of("alice"))
    assert page.location == keys_of(world, "?show=all&q=a%20b")
    assert browser.get(page.location).status == 200


def test_from_the_start_one_gets_to_what_one_may_see(world: World) -> None:
    assert Browser(world).get("/").location == "/sign-in"
    for name, last in (("alice", "/start"), ("aud", "/keys"), ("con", "/jobs")):
        browser = browser_of(world, name)
        assert browser.get(f"/accounts/{world.cast.account_a}").location.endswith(last), name
    assert browser_of(world, "stranger").get("/").location == "/accounts"


@pytest.mark.parametrize(
    "goal",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\nb", "", "/sign-in"],
)
def test_nobody_is_led_to_another_site(world: World, goal: str) -> None:
    world.people.sign_up("alice")
    page = Browser(world).post("/sign-in", {"email": email_of("alice"), "password": password_of("alice"), "next": goal})
    assert page.location == "/"


def test_a_wrong_password_and_an_unknown_address_look_the_same(world: World) -> None:
    world.people.sign_up("alice")
    pages = [
        Browser(world).submit("/sign-in", email=email, password="not the right one")
        for email in (email_of("alice"), "nobody@example.com", "no address")
    ]
    assert {(page.status, page.alert) for page in pages} == {
        (401, "The address or the password is wrong. Check both; capital letters matter.")
    }
    assert pages[0].form()["email"] == email_of("alice")
    assert all("not the right one" not in page.answer.body.decode() for page in pages)


def test_who_guesses_has_to_wait(world: World) -> None:
    world.people.sign_up("bob")
    browser = Browser(world)
    for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX):
        assert browser.submit("/sign-in", email=email_of("bob"), password="wrong").status == 401
    page = browser.submit("/sign-in", email=email_of("bob"), password=password_of("bob"))
    assert page.status == 429
    assert "Wait 15 minutes" in page.alert
    assert int(page.answer.headers["retry-after"]) <= SIGN_IN_WINDOW.total_seconds()
    world.clock.advance(SIGN_IN_WINDOW + timedelta(seconds=1))
    assert browser.submit("/sign-in", email=email_of("bob"), password=password_of("bob")).status == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World) -> None:
    world.people.sign_up("alice")
    page = Browser(world).submit("/sign-in", email=email_of("alice"), password=password_of("alice"))
    names = {cookie.partition("=")[0] for cookie in page.answer.set_cookies}
    assert names == {world.cookie_name(kind) for kind in (SESSION, DEVICE)}
    for cookie in page.answer.set_cookies:
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_after_signing_out_the_session_is_dead(world: World) -> None:
    browser = signing_in(world, "alice")
    token = browser.token
    csrf = browser.get(keys_of(world)).root.all("input", name="csrf")[0].attributes["value"]
    assert browser.post("/sign-out", {"csrf": csrf}).location == "/sign-in"
    assert Browser(world, token).get(keys_of(world)).status == 303


@pytest.mark.parametrize("typed", [{}, {"csrf": ""}, {"csrf": "of another session"}, {"resumed": "1"}])
def test_a_button_of_another_session_signs_nobody_out(world: World, typed: dict[str, str]) -> None:
    browser = signing_in(world, "alice")
    page = browser.post("/sign-out", typed)
    assert page.status == 403
    assert "sign out there" in page.text
    assert browser.token is not None
    assert browser.get("/profile").status == 200


@pytest.mark.parametrize("token", [None, "of no session"])
def test_who_is_not_signed_in_can_not_sign_out(world: World, token: str | None) -> None:
    page = Browser(world, token).post("/sign-out", {"csrf": "x"})
    assert (page.status, page.heading) == (401, "Sign in")


def test_signing_in_again_ends_the_session_before(world: World) -> None:
    browser = signing_in(world, "alice")
    before = browser.token
    world.people.sign_up("carol")
    typed = {"email": email_of("carol"), "password": "wrong", "next": "/profile"}
    assert browser.post("/sign-in", typed).status == 401
    assert Browser(world, before).get("/profile").status == 200
    assert browser.post("/sign-in", typed | {"password": password_of("carol")}).status == 303
    assert Browser(world, before).get("/profile").status == 303
    assert "carol@example.com" in browser.get("/profile").text


@pytest.mark.parametrize("path", ["/start", "/audit/verify"])
def test_a_page_that_browsers_load_again_by_themselves_keeps_no_session_alive(world: World, path: str) -> None:
    browser, other = signing_in(world, "alice"), signing_in(world, "alice")
    for _ in range(4):
        world.clock.advance(SESSION_IDLE_MAX / 4 - timedelta(seconds=1))
        assert browser.get(f"/accounts/{world.cast.account_a}{path}").status == 200
        assert other.get("/profile").status == 200
    world.clock.advance(timedelta(seconds=4))
    assert browser.get(f"/accounts/{world.cast.account_a}{path}").status == 303
    assert other.get("/profile").status == 200


def test_another_site_can_not_sign_anybody_in(world: World) -> None:
    world.people.sign_up("alice")
    fields = {"email": email_of("alice"), "password": password_of("alice")}
    browser = Browser(world)
    assert browser.post("/sign-in", fields, Sec_Fetch_Site="cross-site").status == 403
    assert browser.token is None


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing_that_was_typed(world: World) -> None:
    browser = signing_in(world, "alice")
    fields = browser.get(keys_of(world, "/new")).form() | {"name": "Typed <b> “long”", "rate_limit": "7"}
    world.clock.advance(SESSION_LIFETIME + timedelta(minutes=1))
    asked, appended = world.appended_by(lambda: browser.post(keys_of(world, "/new"), fields))
    assert (asked.status, asked.heading, appended) == (401, "Sign in", [])
    assert "what you typed is kept" in asked.alert
    wrong = browser.post("/sign-in", asked.form() | {"email": email_of("alice"), "password": "wrong"})
    assert wrong.status == 401
    resumed = browser.post("/sign-in", wrong.form() | {"email": email_of("alice"), "password": password_of("alice")})
    assert (resumed.status, resumed.heading) == (200, "Signed in")
    (action,) = [form.attributes["action"] for form in resumed.main.all("form")]
    again, appended = world.appended_by(lambda: browser.post(action, resumed.form()))
    assert (again.status, appended) == (200, [])
    assert again.form().items() >= {"name": "Typed <b> “long”", "rate_limit": "7"}.items()
    assert browser.post(action, again.form()).heading == "Copy the key now"


@pytest.mark.parametrize("forged", [{"carried.resumed": ""}, {"carried.csrf": "x"}, {"carried.carried.resumed": ""}])
def test_nothing_that_was_typed_before_a_sign_in_is_carried_out_unseen(world: World, forged: dict[str, str]) -> None:
    """Whatever stood in the form: a field of it with the name of ours must not take its place."""
    fields = signing_in(world, "alice").get(keys_of(world, "/new")).form() | {"name": "Unseen"}
    typed = {f"carried.{name}": value for name, value in fields.items()} | forged
    typed |= {"next": keys_of(world, "/new"), "email": email_of("alice"), "password": password_of("alice")}
    browser = Browser(world)
    resumed = browser.post("/sign-in", typed)
    inputs = [found.attributes["name"] for found in resumed.main.all("input")]
    assert (inputs.count("resumed"), inputs.count("csrf")) == (1, 1)
    page, appended = world.appended_by(lambda: browser.post(keys_of(world, "/new"), resumed.form()))
    assert (page.status, appended) == (200, [])


@pytest.mark.parametrize(
    "body", [b"\xff", b"name=%ff", b"name=100%", b"name=%4x", b"&".join(b"a%d=1" % n for n in range(300))]
)
def test_what_no_form_of_these_pages_sends_is_refused(world: World, body: bytes) -> None:
    headers = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
    assert world.ask("POST", "/sign-in", headers=headers, body=body).status == 400
    assert world.ask("POST", "/sign-in", headers=headers, body=b"a" * 70_000).status == 413
    assert world.ask("POST", "/sign-in", headers=headers | {"Content-Type": "text/plain"}, body=b"a=1").status == 415


def test_a_browser_is_told_of_a_problem_in_a_page_and_a_program_in_json(world: World) -> None:
    page = Browser(world).get("/nothing/here")
    assert (page.status, page.heading) == (404, "Not found")
    assert world.ask("GET", "/nothing/here").problem == "not-found"
    assert world.ask("GET", "/api/v1/nothing", headers={"Accept": "text/html"}).problem == "not-found"
    for answer in (page.answer, browser_of(world, "alice").get(keys_of(world)).answer):
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"


def test_files_of_pages_are_kept_by_browsers_and_named_by_what_is_in_them(world: World) -> None:
    page = Browser(world).get("/sign-in")
    addresses = [link.attributes["href"] for link in page.root.all("link")]
    addresses += [script.attributes["src"] for script in page.root.all("script")]
    assert len(addresses) == 3
    for address in addresses:
        answer = world.ask("GET", address)
        assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert world.ask("GET", "/assets/app.css").status == 404
    assert world.ask("GET", "/assets/app.000000000000.css").status == 404
