"""One's own page: roles, password, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.accounts import OpenAccount
from domain.limits import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, SIGN_IN_FAILURES_PER_PAIR_MAX
from domain.permissions import Role
from interfaces.web.clients import client_words
from tests.support.api import ADDRESS, SESSION
from tests.support.pages import Browser, browser_of
from tests.support.world import add_user

if TYPE_CHECKING:
    from application.identity.users import User
    from tests.support.pages import Seen
    from tests.support.world import World

OLD, NEW = "first of unrelated words", "second of unrelated words"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True)
class Person:
    """Somebody of whom no other test knows."""

    world: World
    user: User

    def sign_in(self, password: str = OLD, **headers: str) -> Browser:
        """Return a browser of theirs, in a session of its own."""
        browser = Browser(self.world)
        form = {"email": self.user.email, "password": password, "next": "/"}
        page = browser.post("/sign-in", form, **headers)
        assert page.status == 303, page.text
        return browser

    def may_sign_in(self, password: str) -> bool:
        """Return whether this is their password."""
        answer = self.world.ask("POST", SESSION, json={"email": self.user.email, "password": password})
        return answer.status == 200


@pytest.fixture
def person(world: World) -> Person:
    """Somebody new, with a password."""
    user = add_user(world.services.users, f"{uuid4().hex}@example.com", "Yan", world.clock.now, OLD)
    return Person(world, user)


def change(browser: Browser, current: str = OLD, new: str = NEW, repeated: str | None = None) -> Seen:
    typed = {
        "current_password": current,
        "new_password": new,
        "repeated_password": new if repeated is None else repeated,
    }
    return browser.submit("/profile/password", **typed)


def csrf_of(browser: Browser) -> str:
    return browser.get("/profile").root.all("input", name="csrf")[0].attributes["value"]


def test_the_page_tells_who_one_is_and_where(world: World) -> None:
    page = browser_of(world, "alice").get("/profile")
    assert page.heading == "Alice"
    assert "alice@example.com" in page.text
    (row,) = [row for row in page.main.all("tr") if row.all("a", href=f"/accounts/{world.cast.account_a}")]
    assert row.text == "Account A Administrator"
    assert "The whole tenant Auditor" in browser_of(world, "aud").get("/profile").rows


def test_who_has_no_role_is_told_whom_to_ask(person: Person) -> None:
    assert f"to invite {person.user.email}" in person.sign_in().get("/profile").text


def test_of_many_roles_the_first_are_shown_and_the_others_counted(world: World, person: Person) -> None:
    for _ in range(52):
        account_id = uuid4()
        world.application.execute(OpenAccount(by=world.cast.caller(), new_account_id=account_id, name="One of many"))
        world.cast.add_member(str(person.user.user_id), Role.ACCOUNT_USER, account_id)
    world.wait_for_lists()
    page = person.sign_in().get("/profile")
    assert len(page.rows) == 50
    assert "And 2 accounts more" in page.text


def test_a_new_password_takes_the_place_of_the_old_one_and_ends_all_other_sessions(person: Person) -> None:
    browser, other = person.sign_in(), person.sign_in()
    before = browser.token
    page = change(browser)
    assert page.location == "/profile?done=password"
    assert browser.token not in {None, before}, "the browser goes on in a new session"
    assert "all other sessions were ended" in browser.get(page.location).text
    assert other.get("/profile").location.startswith("/sign-in")
    assert Browser(person.world, before).get("/profile").location.startswith("/sign-in")
    assert (person.may_sign_in(OLD), person.may_sign_in(NEW)) == (False, True)


@pytest.mark.parametrize(
    ("typed", "beside", "message"),
    [
        ({"current": "not the password of mine"}, "current_password", "This is not your password."),
        ({"current": ""}, "current_password", "This is not your password."),
        (
            {"new": "x" * (PASSWORD_CHARS_MIN - 1)},
            "new_password",
            f"This must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters.",
        ),
        (
            {"new": "four unrelated words " * 7},
            "new_password",
            f"This must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters.",
        ),
        (
            {"new": "passwordpassword"},
            "new_password",
            "This is among those that are guessed first; use several unrelated words.",
        ),
        ({"repeated": NEW.upper()}, "repeated_password", "This must be the same as the new password."),
        ({"repeated": ""}, "repeated_password", "This must be the same as the new password."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_no_password_is_in_the_page(
    person: Person, typed: dict[str, str], beside: str, message: str
) -> None:
    browser = person.sign_in()
    token = browser.token
    page = change(browser, **typed)
    assert (page.status, page.error(beside)) == (422, message)
    body = page.answer.body.decode()
    for word in {OLD, NEW, *typed.values()} - {"", "passwordpassword"}:
        assert word not in body
    assert all("value" not in field.attributes for field in page.main.all("input", type="password"))
    assert browser.token == token
    assert person.may_sign_in(OLD)


def test_two_new_passwords_that_differ_are_no_guess_at_the_current_one(person: Person) -> None:
    browser = person.sign_in()
    for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX + 1):
        assert change(browser, current="a wrong guess for sure", repeated="x").error("repeated_password")
    assert change(browser).status == 303


def test_guessing_the_current_password_is_slowed_down(person: Person) -> None:
    browser = person.sign_in()
    for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX):
        change(browser, current="a wrong guess for sure")
    page = change(browser)
    assert page.status == 422
    assert "Too many attempts. Wait 1 second, then try again." in page.alert
    assert page.answer.headers["retry-after"] == "1"


def test_browsers_are_told_which_password_is_which(person: Person) -> None:
    page = person.sign_in().get("/profile/password")
    fields = {
        field.attributes["name"]: field.attributes["autocomplete"] for field in page.main.all("input", type="password")
    }
    assert fields == {
        "current_password": "current-password",
        "new_password": "new-password",
        "repeated_password": "new-password",
    }


def test_passwords_are_not_carried_over_a_sign_in(person: Person) -> None:
    browser = person.sign_in()
    fields = browser.get("/profile/password").form()
    fields |= {"current_password": OLD, "new_password": NEW, "repeated_password": NEW}
    person.world.services.sessions.end(browser.token or "")
    page = browser.post("/profile/password", fields)
    assert (page.status, page.heading) == (401, "Sign in")
    assert OLD not in page.answer.body.decode()
    assert NEW not in page.answer.body.decode()
    resumed = browser.post("/sign-in", page.form() | {"email": person.user.email, "password": OLD})
    again = browser.post("/profile/password", resumed.form())
    assert (again.status, again.heading) == (200, "Change password")
    assert person.may_sign_in(OLD)


def test_sessions_are_listed_with_where_they_are_from(person: Person) -> None:
    browser = person.sign_in(User_Agent=FIREFOX)
    person.sign_in(User_Agent="a robot <b>of</b> mine")
    page = browser.get("/profile")
    mine, other = page.main.all("tbody")[-1].all("tr")
    if "this session" not in mine.text:
        mine, other = other, mine
    assert ADDRESS in mine.text
    assert "Firefox on Linux" in mine.text
    assert "a robot <b>of</b> mine" in other.text
    assert "this session" not in other.text


def test_a_session_is_ended_alone(person: Person) -> None:
    browser, other, third = (person.sign_in() for _ in range(3))
    others = [
        form.attributes["action"]
        for row in browser.get("/profile").main.all("tbody")[-1].all("tr")
        for form in row.all("form")
        if "this session" not in row.text
    ]
    page = browser.post(others[0], browser.get("/profile").form(others[0]))
    assert page.location == "/profile?done=session"
    assert "The session was ended" in browser.get(page.location).text
    assert sorted(one.get("/profile").status for one in (other, third)) == [200, 303]
    assert browser.post(others[0], {"csrf": csrf_of(browser)}).status == 303, "it has ended already"


def test_ending_this_session_signs_out(person: Person) -> None:
    browser = person.sign_in()
    (form,) = [form for form in browser.get("/profile").main.all("form") if form.attributes["action"].endswith("/end")]
    page = browser.post(form.attributes["action"], browser.get("/profile").form(form.attributes["action"]))
    assert page.location == "/sign-in"
    assert browser.token is None


def test_all_other_sessions_are_ended_at_once(person: Person) -> None:
    browser, *others = (person.sign_in() for _ in range(3))
    form = browser.get("/profile").form("/profile/sessions/end-others")
    assert browser.post("/profile/sessions/end-others", form).location == "/profile?done=sessions"
    assert all(other.get("/profile").status == 303 for other in others)
    assert "End all others" not in browser.get("/profile").text


def test_the_session_of_somebody_else_can_not_be_ended(world: World, person: Person) -> None:
    alice = world.people.sign_in("alice").json
    theirs = world.services.sessions.of_user(UUID(alice["user"]["id"]))
    browser = person.sign_in()
    csrf = csrf_of(browser)
    for view in theirs:
        assert browser.post(f"/profile/sessions/{view.session_id}/end", {"csrf": csrf}).status == 303
    assert world.services.sessions.of_user(UUID(alice["user"]["id"])) == theirs
    assert browser.post("/profile/sessions/mine/end", {"csrf": csrf}).status == 404


@pytest.mark.parametrize("path", ["/profile/sessions/end-others", "/profile/sessions/{other}/end"])
def test_a_button_of_another_session_or_site_ends_nothing(world: World, person: Person, path: str) -> None:
    browser, other = person.sign_in(), person.sign_in()
    views = world.services.sessions.of_user(person.user.user_id)
    csrf = csrf_of(browser)
    for view in views:
        target = path.format(other=view.session_id)
        assert browser.post(target, {"csrf": "of another session"}).location == "/profile"
        assert browser.post(target, {"csrf": csrf}, Sec_Fetch_Site="cross-site").status == 403
        assert browser.get(target).location == "/profile"
    assert other.get("/profile").status == browser.get("/profile").status == 200


def test_a_form_with_the_token_of_another_session_is_shown_again_and_not_carried_out(person: Person) -> None:
    browser = person.sign_in()
    typed = {"csrf": "x", "current_password": OLD, "new_password": NEW, "repeated_password": NEW}
    page = browser.post("/profile/password", typed)
    assert (page.status, page.heading) == (200, "Change password")
    assert NEW not in page.answer.body.decode()
    assert person.may_sign_in(OLD)
    assert browser.post("/profile/password", typed, Sec_Fetch_Site="cross-site").status == 403


def test_what_the_page_does_not_know_is_refused(world: World) -> None:
    assert browser_of(world, "alice").get("/profile?done=everything").status == 422


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 (KHTML) Version/18 Safari/605",
            "Safari on Mac",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537 (KHTML) Chrome/140.0 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18) Version/18 Mobile Safari/604.1", "Safari on iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("Firefox/140.0", "Firefox/140.0"),
        ("", "An unknown program"),
        (None, "An unknown program"),
    ],
)
def test_a_browser_is_told_in_a_few_words_and_anything_else_as_it_says_itself(client: str | None, words: str) -> None:
    assert client_words(client) == words
