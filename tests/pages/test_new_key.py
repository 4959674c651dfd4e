"""Making a key in a browser: with the mouse, with the keyboard alone, without a script; and its secret, shown once."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Error, expect

from domain import key_secret
from tests.pages.table import PAGES
from tests.support.world import Robot

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Locator

    from tests.pages.accessibility import Axe
    from tests.pages.browser import Visit
    from tests.pages.conftest import VisitAs

KEYS = "/accounts/{a}/keys"
NEW = "/accounts/{a}/keys/new"
CLIPBOARD = ["clipboard-read", "clipboard-write"]
FORM, MADE, MADE_BEFORE = "Create API key", "Copy the key now", "This key was created before"
KEY_PAGE = re.compile(r"/accounts/[0-9a-f-]{36}/keys/[0-9a-f-]{36}")
MESSAGES = {
    "name": "This must not be blank.",
    "date": "This must be a day, as in 2026-03-10.",
    "rate_limit": "This must be a whole number.",
}
IN_DIALOG = (
    "document.querySelector('dialog').contains(document.activeElement) || document.activeElement === document.body"
)


def open_dialog(visit: Visit) -> Locator:
    """Open the form above the list of keys."""
    visit.go(KEYS)
    visit.page.get_by_role("link", name=FORM).click()
    dialog = visit.page.get_by_role("dialog", name=FORM)
    expect(dialog).to_be_visible()
    return dialog


def form_of(visit: Visit) -> Locator:
    """Return the form, wherever it is shown."""
    return visit.page.locator("form[action$='/keys/new']")


def make_key(visit: Visit) -> str:
    """Fill the form in that is shown and send it; return the secret."""
    form_of(visit).get_by_label("Name").fill(f"Robot {uuid4()}")
    form_of(visit).get_by_role("button").click()
    return shown_secret(visit)


def shown_secret(visit: Visit) -> str:
    """Return the secret that is shown, which has to be one."""
    expect(visit.page.get_by_role("heading", name=MADE)).to_be_visible()
    secret = visit.page.get_by_label("The key", exact=True).input_value()
    assert key_secret.parse(secret) is not None
    return secret


def report_with(visit: Visit, secret: str) -> int:
    """Report a job with a key, and return the status of the answer."""
    parsed = key_secret.parse(secret)
    assert parsed is not None
    return Robot(visit.office.service.ask, parsed, UUID(int=0), UUID(visit.office.places["process"])).report().status


def clipboard(visit: Visit) -> str:
    """Return what was copied last."""
    found: str = visit.page.evaluate("navigator.clipboard.readText()")
    return found


def test_with_the_mouse_a_key_is_made_copied_and_works(visit: VisitAs, axe: Axe) -> None:
    alice = visit("alice", permissions=CLIPBOARD)
    page = alice.page
    open_dialog(alice)
    assert axe.violations(page) == []
    secret = make_key(alice)
    assert axe.violations(page) == []
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("button", name="Copied the key")).to_be_visible()
    assert clipboard(alice) == secret
    page.get_by_role("button", name="Copy the command").click()
    alice.wait_until(lambda: clipboard(alice).startswith(f"curl {alice.office.origin}/api/v1/ingest/report"), "copied")
    assert secret in clipboard(alice)
    page.get_by_label("I have stored it").check()
    page.get_by_role("link", name="Done").click()
    page.wait_for_url(KEY_PAGE)
    assert report_with(alice, secret) == 201


def test_with_the_keyboard_alone_a_key_is_made_copied_and_works(visit: VisitAs) -> None:
    alice = visit("alice", permissions=CLIPBOARD)
    page, press = alice.page, alice.page.keyboard.press
    alice.go(KEYS)
    press("Tab")
    assert alice.focused() == "Skip to content"
    press("Enter")
    assert alice.focused() == "main"
    alice.tab_to(FORM)
    press("Enter")
    expect(page.get_by_role("dialog", name=FORM)).to_be_visible()
    assert alice.focused() == "name"
    page.keyboard.type(f"Robot {uuid4()}")
    alice.tab_to("Create key")
    press("Enter")
    secret = shown_secret(alice)
    alice.tab_to("Copy the key")
    press("Enter")
    expect(page.get_by_role("button", name="Copied the key")).to_be_visible()
    assert clipboard(alice) == secret
    alice.tab_to("stored")
    press("Space")
    alice.tab_to("done")
    press("Enter")
    page.wait_for_url(KEY_PAGE)
    assert report_with(alice, secret) == 201


def test_the_focus_stays_in_the_dialog_and_returns_when_it_is_closed(visit: VisitAs) -> None:
    alice = visit("alice")
    page = alice.page
    for closing in ("Escape", "Cancel"):
        dialog = open_dialog(alice)
        for key in ("Tab", "Shift+Tab"):
            for _ in range(15):
                page.keyboard.press(key)
                assert page.evaluate(IN_DIALOG)
        if closing == "Escape":
            page.keyboard.press("Escape")
        else:
            dialog.get_by_text("Cancel").click()
        expect(dialog).to_be_hidden()
        assert alice.focused() == FORM


def test_a_key_that_was_not_stored_yet_is_not_lost_by_a_slip(visit: VisitAs) -> None:
    alice = visit("alice")
    page = alice.page
    open_dialog(alice)
    secret = make_key(alice)
    here = alice.at
    expect(page.get_by_role("link", name="Done")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("link", name="Done").click(force=True)  # else it is waited for until it is enabled
    assert alice.focused() == "stored"
    for _ in range(4):
        page.keyboard.press("Escape")
        assert shown_secret(alice) == secret
    assert alice.at == here


@pytest.mark.parametrize("path", [KEYS, NEW], ids=["dialog", "page"])
def test_leaving_before_the_key_is_stored_asks_again(visit: VisitAs, path: str) -> None:
    alice = visit("alice")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    if path == KEYS:
        open_dialog(alice)
    else:
        alice.go(path)
    secret = make_key(alice)
    here = alice.at
    alice.page.on("dialog", stay)
    alice.page.evaluate("() => { location.assign('/') }")
    alice.wait_until(lambda: asked, "a question")
    assert (asked, alice.at) == (["beforeunload"], here)
    assert shown_secret(alice) == secret
    alice.page.get_by_label("I have stored it").check()
    alice.go("/")
    assert asked == ["beforeunload"]


def everything_in(visit: Visit) -> str:
    """Return what a page holds: its elements, what stands in its fields, what it has stored, and its history."""
    found: str = visit.page.evaluate("""() => JSON.stringify([
        document.documentElement.outerHTML,
        [...document.querySelectorAll("input, textarea, select")].map(field => field.value),
        location.origin === "null" ? null : [document.cookie, {...localStorage}, {...sessionStorage}],
        location.href, document.referrer, history.state,
        window.navigation?.entries().map(entry => entry.url),
    ])""")
    return found


@pytest.mark.parametrize("path", [KEYS, NEW], ids=["dialog", "page"])
def test_the_secret_is_nowhere_afterwards(visit: VisitAs, path: str) -> None:
    alice = visit("alice")
    page = alice.page
    if path == KEYS:
        open_dialog(alice)
    else:
        alice.go(path)
    secret = make_key(alice)
    core = secret.removeprefix(key_secret.MARK)[8:]
    page.get_by_label("I have stored it").check()
    page.get_by_role("link", name="Done").click()
    page.wait_for_url(KEY_PAGE)
    found: dict[str, str] = {"after Done": everything_in(alice)}
    with suppress(Error):  # where it has kept nothing, the browser says so in a page of its own
        page.go_back()
    page.wait_for_url(lambda url: not KEY_PAGE.search(url))
    found["back"] = everything_in(alice)
    page.reload()
    found["reload"] = everything_in(alice)
    page.go_forward()
    found["forward"] = everything_in(alice)
    alice.page = page.context.new_page()
    alice.go(KEYS)
    found["another tab"] = everything_in(alice)
    for row in PAGES:
        found[row.name] = page.context.request.get(alice.office.url(row.path)).text()
    found["storage"] = str(page.context.storage_state(indexed_db=True))
    found["addresses"] = " ".join(f"{request.url} {request.headers}" for request in alice.watch.requests)
    found["log"] = alice.office.service.said()
    assert len(found["log"]) > 1000
    assert [place for place, text in found.items() if core in text] == []


def test_without_a_script_the_form_makes_a_key_and_sending_it_again_shows_no_secret(visit: VisitAs) -> None:
    alice = visit("alice", java_script_enabled=False)
    alice.go(NEW)
    secret = make_key(alice)
    again = alice.page.reload()
    assert again is not None
    assert (again.request.method, again.status) == ("POST", 409)
    expect(alice.page.get_by_role("heading", level=1)).to_have_text(MADE_BEFORE)
    assert secret.removeprefix(key_secret.MARK)[8:] not in alice.page.content()
    assert report_with(alice, secret) == 201


@pytest.mark.parametrize("way", ["dialog", "page", "without script"])
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(visit: VisitAs, axe: Axe, way: str) -> None:
    alice = visit("alice", java_script_enabled=way != "without script")
    page = alice.page
    if way == "dialog":
        open_dialog(alice)
    else:
        alice.go(NEW)
    form = form_of(alice)
    form.get_by_label("Name").fill("   ")
    form.get_by_label("Scope").select_option("Incoming invoices")
    form.get_by_label("Expires").select_option("On a date")
    form.get_by_label("Limit").fill("x")
    form.get_by_role("button").click()
    for name, message in MESSAGES.items():
        expect(form.locator(f"#{name}-error")).to_have_text(message)
        expect(form.locator(f"#{name}")).to_have_attribute("aria-invalid", "true")
        expect(form.locator(f"#{name}")).to_have_attribute("aria-describedby", f"{name}-hint {name}-error")
    assert form.locator(".error").count() == len(MESSAGES)
    assert form.get_by_label("Limit").input_value() == "x"
    assert form.get_by_label("Scope").input_value() == alice.office.places["process"]
    assert form.get_by_label("Expires").input_value() == "date"
    assert alice.focused() == ("errors" if way == "page" else "name")
    if way != "without script":
        assert axe.violations(page) == []
    form.get_by_label("Limit").fill("7")
    form.get_by_label("Date").fill("2100-12-31")
    make_key(alice)


def test_a_form_without_a_name_is_not_even_sent(visit: VisitAs) -> None:
    alice = visit("alice")
    dialog = open_dialog(alice)
    dialog.get_by_label("Limit").focus()
    dialog.get_by_role("button", name="Create key").click()
    assert alice.focused() == "name"
    assert {request.method for request in alice.watch.requests} == {"GET"}
