"""The page where a first password leads, and what the pages of members say of who has yet to choose one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from domain.limits import FIRST_PASSWORD_LIFETIME, PASSWORD_CHARS_MIN, RESTRICTED_SESSION_LIFETIME
from domain.permissions import Role
from interfaces.web.rendering import utc_text
from tests.acceptance.invitations.inviting import Address
from tests.support.pages import Browser, browser_of

if TYPE_CHECKING:
    from tests.support.pages import Seen
    from tests.support.world import World

CHOOSE = "/profile/password"
OWN = "words of one's own, unrelated"


def invited(world: World, by: str = "alice") -> Address:
    address = Address(world)
    assert address.invited(by, world.cast.account_a, "Dora").status == 201
    return address


def first_sign_in(address: Address, goal: str = "/") -> tuple[Browser, Seen]:
    browser = Browser(address.world)
    form = {"email": address.email, "password": address.passwords[-1].text, "next": goal}
    return browser, browser.post("/sign-in", form)


def choose(browser: Browser, new: str = OWN, repeated: str | None = None) -> Seen:
    page = browser.get(CHOOSE)
    return browser.post(CHOOSE, page.form(CHOOSE) | {"new_password": new, "repeated_password": repeated or new})


def row_of(world: World, address: Address, who: str = "alice") -> Seen:
    world.wait_for_lists()
    page = browser_of(world, who).get(f"/accounts/{world.cast.account_a}/members")
    assert address.email in page.text
    return page


def told(world: World, address: Address, who: str = "alice") -> str:
    [row] = [row for row in row_of(world, address, who).rows if address.email in row]
    return re.sub(r" (?=[.:])", "", row)


def test_a_first_password_leads_to_the_page_where_one_is_chosen_and_that_page_in(world: World) -> None:
    address = invited(world)
    browser, answer = first_sign_in(address, f"/accounts/{world.cast.account_a}/jobs")
    assert answer.location == CHOOSE
    page = browser.get(CHOOSE)
    assert (page.status, page.heading) == (200, "Choose your password")
    assert f"At least {PASSWORD_CHARS_MIN} characters" in page.text
    assert address.email in [field.attributes.get("value") for field in page.main.all("input", type="email")]
    assert utc_text(world.clock.now + RESTRICTED_SESSION_LIFETIME) in page.text
    assert page.root.all("nav") == [], "there is nowhere else to go"
    before = browser.token
    assert choose(browser).location == "/"
    assert browser.token not in {None, before}
    assert browser.get(f"/accounts/{world.cast.account_a}/jobs").status == 200
    assert address.sign_in(OWN).status == 200


@pytest.mark.parametrize(
    ("new", "repeated", "field", "message"),
    [
        ("too short", None, "new_password", "This must have 15 to 128 characters."),
        (OWN, "something else", "repeated_password", "This must be the same as the new password."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_no_password_is_in_the_page(
    world: World, new: str, repeated: str | None, field: str, message: str
) -> None:
    browser, _ = first_sign_in(invited(world))
    page = choose(browser, new, repeated)
    assert (page.status, page.error(field)) == (422, message)
    assert new not in page.answer.body.decode()
    assert choose(browser).location == "/"


def test_one_can_sign_out_instead(world: World) -> None:
    browser, _ = first_sign_in(invited(world))
    page = browser.get(CHOOSE)
    assert browser.post("/sign-out", page.form("/sign-out")).location == "/sign-in"
    assert browser.get(CHOOSE).location.startswith("/sign-in")


def test_after_half_an_hour_one_has_to_ask_for_another(world: World) -> None:
    browser, _ = first_sign_in(invited(world))
    page = browser.get(CHOOSE)
    world.clock.advance(RESTRICTED_SESSION_LIFETIME)
    late = browser.post(CHOOSE, page.form(CHOOSE) | {"new_password": OWN, "repeated_password": OWN})
    assert (late.status, late.heading) == (401, "Sign in")
    assert "a first password that works no more" in late.text
    assert OWN not in late.answer.body.decode()


def test_the_list_tells_how_far_somebody_is(world: World) -> None:
    address = invited(world)
    assert "Invited, has not signed in yet. The first password ends in 7 days." in told(world, address)
    world.clock.advance(FIRST_PASSWORD_LIFETIME)
    assert "Invited, has not signed in. The first password ended just now: make a new one." in told(world, address)
    assert address.invited("alice", world.cast.account_a).status == 201
    browser, _ = first_sign_in(address)
    assert "Has signed in, but chosen no password yet." in told(world, address)
    choose(browser)
    assert "password" not in told(world, address).replace("New first password", "")


def test_a_new_first_password_is_made_on_a_page_that_says_what_follows(world: World) -> None:
    address = invited(world)
    own = address.chosen()
    session = Browser(world)
    session.post("/sign-in", {"email": address.email, "password": own.text, "next": "/"})
    [link] = [
        link.attributes["href"]
        for link in row_of(world, address).main.all("a")
        if link.attributes["href"].endswith(f"{own.owner}/first-password")
    ]
    browser = browser_of(world, "alice")
    page = browser.get(link)
    assert page.heading == "New first password"
    assert "The password of Dora stops working at once, and all their sessions end." in page.text
    made = browser.submit(link)
    (field,) = made.root.all("input", id="secret")
    assert (made.status, made.heading) == (200, "Hand the password over now")
    assert utc_text(world.clock.now + FIRST_PASSWORD_LIFETIME) in made.text
    assert session.get("/profile").location.startswith("/sign-in")
    assert address.sign_in(own.text).status == 401
    assert address.sign_in(field.attributes["value"]).json["password_change_required"] is True


def test_an_account_makes_none_for_whom_the_tenant_vouched_for_and_is_not_offered_to(world: World) -> None:
    address = invited(world, "tess")
    path = f"/accounts/{world.cast.account_a}/members/{address.passwords[-1].owner}/first-password"
    assert "password" not in told(world, address)
    browser = browser_of(world, "alice")
    fields = {"csrf": world.session("alice")["csrf_token"]}
    assert (browser.get(path).status, browser.post(path, fields).status) == (403, 403)
    assert "has not signed in yet" in told(world, address, "tess")
    assert browser_of(world, "tess").get(path).status == 200


def test_of_two_that_are_made_at_the_same_moment_one_is_shown(world: World) -> None:
    address = invited(world)
    path = f"/accounts/{world.cast.account_a}/members/{address.passwords[-1].owner}/first-password"
    browser = browser_of(world, "alice")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.services.users, "make_first_password", lambda *_: None)
        page = browser.submit(path)
    assert page.status == 409
    assert page.alert == "One was made a moment ago, and shown then. Send this again to make another."
    assert page.root.all("input", id="secret") == []


def test_the_form_that_is_sent_a_second_time_makes_no_other_password(world: World) -> None:
    address = invited(world)
    path = f"/accounts/{world.cast.account_a}/members/{address.passwords[-1].owner}/first-password"
    browser = browser_of(world, "alice")
    fields = browser.get(path).form()
    first, (again, appended) = browser.post(path, fields), world.appended_by(lambda: browser.post(path, fields))
    (field,) = first.root.all("input", id="secret")
    assert (first.status, again.status, appended) == (200, 409, [])
    assert address.sign_in(field.attributes["value"]).status == 200


def test_who_was_erased_is_given_no_further_role(world: World) -> None:
    browser, path = browser_of(world, "alice"), f"/accounts/{world.cast.account_a}/members/{uuid4()}/role"
    user_id = path.split("/")[-2]
    world.cast.add_member(user_id, Role.ACCOUNT_USER, world.cast.account_a)
    fields = {"csrf": world.session("alice")["csrf_token"], "role": "account_admin"}
    seen, appended = world.appended_by(lambda: browser.post(path, fields))
    assert (seen.status, appended) == (404, [])


def test_a_first_password_ends_while_it_is_not_used(world: World) -> None:
    address = invited(world)
    world.clock.advance(FIRST_PASSWORD_LIFETIME - timedelta(seconds=1))
    assert "The first password ends in a moment." in told(world, address)
    world.clock.advance(timedelta(seconds=1))
    assert first_sign_in(address)[1].status == 401
