"""The pages of accounts: the list, opening one, renaming, suspending and resuming it; and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.accounts import OpenAccount, SuspendAccount
from domain.account import Account
from domain.limits import NAME_CHARS_MAX, PAGE_ITEMS_DEFAULT, REASON_CHARS_MAX
from tests.support.pages import browser_of

if TYPE_CHECKING:
    from tests.support.world import World


def account_at(world: World, address: str) -> Account:
    found = world.services.event_sourcing.find(Account, UUID(address.rpartition("/")[2]))
    assert found is not None
    return found


def account_a(world: World, path: str = "") -> str:
    return f"/accounts/{world.cast.account_a}{path}"


def test_one_sees_the_accounts_that_one_may_enter(world: World) -> None:
    page = browser_of(world, "alice").get("/accounts")
    addresses = {link.attributes["href"] for link in page.main.all("a", class_="row-link")}
    assert page.heading == "Accounts"
    assert account_a(world) in addresses
    assert f"/accounts/{world.cast.account_b}" not in addresses
    assert page.main.all("a", href="/accounts/new") == []


def test_who_has_a_role_in_the_tenant_sees_all_page_by_page(world: World) -> None:
    for number in range(PAGE_ITEMS_DEFAULT):
        world.application.execute(
            OpenAccount(by=world.cast.caller(), new_account_id=uuid4(), name=f"Customer {number:03}")
        )
    world.wait_for_lists()
    browser, seen, path = browser_of(world, "aud"), list[str](), "/accounts"
    while path:
        page = browser.get(path)
        seen += [link.attributes["href"] for link in page.main.all("a", class_="row-link")]
        path = next((link.attributes["href"] for link in page.main.all("a", rel="next")), "")
    assert len(seen) == len(set(seen)) > PAGE_ITEMS_DEFAULT
    assert {account_a(world), f"/accounts/{world.cast.account_b}"} <= set(seen)


def test_a_suspended_account_is_marked(world: World) -> None:
    world.application.execute(SuspendAccount(by=world.cast.caller(world.cast.account_b)))
    world.wait_for_lists()
    page = browser_of(world, "carol").get("/accounts")
    (row,) = [
        row for row in page.main.all("tr") if row.all("a", href=f"/accounts/{world.cast.account_b}", class_="row-link")
    ]
    assert "suspended" in row.text


def test_who_is_in_no_account_is_told_whom_to_ask(world: World) -> None:
    page = browser_of(world, "stranger").get("/accounts")
    assert page.status == 200
    assert "Ask an administrator of the account that you need to invite stranger@example.com" in page.text


def test_a_tenant_admin_opens_an_account_and_is_led_to_it(world: World) -> None:
    browser = browser_of(world, "tess")
    assert browser.get("/accounts").main.all("a", href="/accounts/new")
    page = browser.submit("/accounts/new", name="  Müller & <b>Söhne</b> ")
    assert account_at(world, page.location).name == "Müller & <b>Söhne</b>"
    assert browser.get(f"{page.location}/members").status == 200


def test_the_same_form_sent_again_opens_no_second_account(world: World) -> None:
    browser = browser_of(world, "tess")
    fields = browser.get("/accounts/new").form() | {"name": "Once"}
    first = browser.post("/accounts/new", fields)
    again, appended = world.appended_by(lambda: browser.post("/accounts/new", fields))
    assert (again.location, appended) == (first.location, [])


@pytest.mark.parametrize("path", ["/accounts/new", "rename"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "This must have at least 1 character."),
        ("  ", "This must not be blank."),
        ("x" * (NAME_CHARS_MAX + 1), f"This must have at most {NAME_CHARS_MAX} characters."),
        ("a\nb", "This must not hold control characters."),
    ],
)
def test_what_is_wrong_with_a_name_stands_beside_it(world: World, path: str, name: str, message: str) -> None:
    browser = browser_of(world, "tess")
    path = path if path.startswith("/") else account_a(world, f"/{path}")
    page, appended = world.appended_by(lambda: browser.submit(path, name=name))
    assert (page.status, page.error("name"), appended) == (422, message, [])
    assert page.form()["name"] == name


def test_an_administrator_renames_the_account(world: World) -> None:
    browser = browser_of(world, "alice")
    page = browser.get(account_a(world, "/rename"))
    assert page.form()["name"] == "Account A"
    answer = browser.submit(account_a(world, "/rename"), name="Account of Alice")
    assert answer.location == account_a(world, "/members")
    assert account_at(world, account_a(world)).name == "Account of Alice"
    assert "Account of Alice" in browser.get(answer.location).text


def test_a_tenant_admin_suspends_an_account_and_resumes_it(world: World) -> None:
    browser, robot = browser_of(world, "tess"), world.robot()
    page = browser.submit(account_a(world, "/suspend"), reason=" Unpaid bills ")
    assert page.location == account_a(world, "/members")
    assert robot.report().problem == "account-suspended"
    after = browser.get(page.location)
    assert "suspended" in after.text
    assert after.main.all("a", href=account_a(world, "/resume"))
    entries = world.ask("GET", world.account("/audit?action=account.suspended"), headers=world.signed_in("tess")).json
    assert entries["items"][0]["changes"] == {"reason": "Unpaid bills"}
    assert browser.submit(account_a(world, "/resume")).location == account_a(world, "/members")
    assert robot.report().status == 201
    assert browser.get(page.location).main.all("a", href=account_a(world, "/suspend"))


def test_a_reason_that_is_too_long_is_kept_to_be_shortened(world: World) -> None:
    reason = "x" * (REASON_CHARS_MAX + 1)
    browser = browser_of(world, "tess")
    page, appended = world.appended_by(lambda: browser.submit(account_a(world, "/suspend"), reason=reason))
    assert (page.status, appended) == (422, [])
    assert page.error("reason") == f"This must have at most {REASON_CHARS_MAX} characters."
    assert page.form()["reason"] == reason


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("tess", (200, 200, 200, 200)),
        ("alice", (403, 200, 403, 403)),
        ("aud", (403, 403, 403, 403)),
        ("bob", (403, 403, 403, 403)),
        ("carol", (403, 404, 404, 404)),
        ("stranger", (403, 404, 404, 404)),
    ],
)
def test_who_may_see_which_form(world: World, name: str, statuses: tuple[int, ...]) -> None:
    browser = browser_of(world, name)
    paths = ("/accounts/new", *(account_a(world, path) for path in ("/rename", "/suspend", "/resume")))
    assert tuple(browser.get(path).status for path in paths) == statuses


def test_only_what_one_may_do_is_offered(world: World) -> None:
    path = account_a(world, "/members")
    alice, tess = (browser_of(world, name).get(path).main for name in ("alice", "tess"))
    for main, offered in ((alice, 0), (tess, 1)):
        assert len(main.all("a", href=account_a(world, "/suspend"))) == offered
        assert len(main.all("a", href=account_a(world, "/rename"))) == 1
