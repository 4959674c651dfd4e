"""Signing in and out in a browser, and going on where one was, also in the middle of a form."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from domain.limits import SIGN_IN_FAILURES_PER_PAIR_MAX
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from tests.pages.browser import Visit
    from tests.pages.conftest import VisitAs

WRONG = "The address or the password is wrong. Check both; capital letters matter."
ENDED = "Your session has ended. Sign in to go on: what you typed is kept."
TYPED = "<b>Robot</b> “7” & روبوت 🤖"


def sign_in(visit: Visit, who: str, password: str | None = None) -> None:
    """Fill the form in that is shown, and send it."""
    visit.page.get_by_label("Email address").fill(email_of(who))
    visit.page.get_by_label("Password").fill(password or password_of(who))
    visit.page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_one_signs_in_and_out(visit: VisitAs, script: bool) -> None:
    alice = visit(java_script_enabled=script)
    alice.office.world.people.sign_up("alice")
    alice.go("/")
    assert alice.at == "/sign-in"
    sign_in(alice, "alice")
    alice.page.wait_for_url("**/accounts/**")
    assert alice.is_signed_in()
    alice.page.locator("summary", has_text="Signed in as").click()
    alice.page.get_by_role("button", name="Sign out").click()
    alice.page.wait_for_url("**/sign-in")
    assert not alice.is_signed_in()
    alice.go("/accounts/{a}/keys")
    assert alice.at.startswith("/sign-in?next=")


def test_going_back_after_signing_out_shows_nothing(visit: VisitAs) -> None:
    alice = visit("alice", new_session=True)
    alice.go("/accounts/{a}/keys")
    alice.page.locator("summary", has_text="Signed in as").click()
    alice.page.get_by_role("button", name="Sign out").click()
    alice.page.wait_for_url("**/sign-in")
    alice.page.evaluate("() => { history.back() }")  # the browser may have kept the page: then it is not loaded
    alice.page.wait_for_url("**/sign-in?next=**")
    expect(alice.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_wrong_password_is_refused_in_words_that_do_not_tell_which_was_wrong(visit: VisitAs) -> None:
    alice = visit()
    alice.go("/sign-in?next=/accounts")
    for who in ("alice", "nobody.we.know"):
        sign_in(alice, who, "not the password at all")
        expect(alice.page.get_by_role("alert")).to_have_text(WRONG)
        assert alice.page.get_by_label("Email address").input_value() == email_of(who)
        assert alice.page.get_by_label("Password").input_value() == ""
    assert not alice.is_signed_in()


def test_who_fails_again_and_again_has_to_wait(visit: VisitAs) -> None:
    guessing = visit(address="192.0.2.99")
    guessing.go("/sign-in")
    for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX):
        sign_in(guessing, "con", "not the password at all")
        expect(guessing.page.get_by_role("alert")).to_have_text(WRONG)
    with guessing.page.expect_navigation() as answer:
        sign_in(guessing, "con")
    expect(guessing.page.get_by_role("alert")).to_have_text("Too many attempts. Wait 14 minutes, then try again.")
    assert (answer.value.status, guessing.is_signed_in()) == (429, False)
    elsewhere = visit(address="192.0.2.100")
    elsewhere.office.world.people.sign_up("con")
    elsewhere.go("/sign-in")
    sign_in(elsewhere, "con")
    elsewhere.page.wait_for_url("**/accounts/**")


def test_one_comes_back_to_the_page_that_was_asked_for(visit: VisitAs) -> None:
    alice = visit()
    alice.go("/accounts/{a}/keys?q=%26%20b&show=all")
    assert alice.at.startswith("/sign-in?next=")
    sign_in(alice, "alice")
    expect(alice.page.get_by_role("heading", level=1)).to_have_text("API keys")
    assert alice.at == "/accounts/{a}/keys?q=%26%20b&show=all".format(**alice.office.places)


@pytest.mark.parametrize(
    "goal", ["//evil.example", "/\\evil.example", "/%5Cevil.example", "https://evil.example/", "/%09/evil.example", "x"]
)
def test_nobody_is_led_to_another_site(visit: VisitAs, goal: str) -> None:
    alice = visit()
    alice.go(f"/sign-in?next={goal}")
    sign_in(alice, "alice")
    # The home page leads on to the first account. That no other host is asked for is seen to at the end of each visit.
    alice.page.wait_for_url(f"{alice.office.origin}/accounts/**")
    alice.go(f"/sign-in?next={goal}")
    assert alice.page.url.startswith(f"{alice.office.origin}/accounts/")


@pytest.mark.parametrize("way", ["dialog", "page", "without script"])
def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing_that_was_typed(visit: VisitAs, way: str) -> None:
    alice = visit("alice", new_session=True, java_script_enabled=way != "without script")
    page, office = alice.page, alice.office
    if way == "dialog":
        alice.go("/accounts/{a}/keys")
        page.get_by_role("link", name="Create API key").click()
    else:
        alice.go("/accounts/{a}/keys/new")
    name = f"{TYPED} {uuid4()}"
    form = page.locator("form[action$='/keys/new']")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Scope").select_option("Incoming invoices")
    form.get_by_label("Expires").select_option("In 90 days")
    form.get_by_label("Limit").fill("7")
    assert alice.token is not None
    office.end_session(alice.token)
    form.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_have_text(ENDED)
    sign_in(alice, "alice", "not the password at all")
    expect(page.get_by_role("alert")).to_have_text(WRONG)
    sign_in(alice, "alice")
    if way == "without script":
        page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("status")).to_have_text("What you typed is still here. Look it over and send it.")
    assert form.get_by_label("Name").input_value() == name
    assert form.get_by_label("Scope").input_value() == office.places["process"]
    assert form.get_by_label("Expires").input_value() == "90"
    assert form.get_by_label("Limit").input_value() == "7"
    form.get_by_role("button").click()
    expect(page.get_by_role("heading", name="Copy the key now")).to_be_visible()
    assert page.get_by_text(name, exact=True).is_visible()
