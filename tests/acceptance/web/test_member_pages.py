"""The pages of members: who is listed, inviting, giving roles, removing; and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from domain.ids import member_id, process_id
from domain.limits import EMAIL_CHARS_MAX, FIRST_PASSWORD_LIFETIME, NAME_CHARS_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX
from domain.member import Member
from domain.permissions import ACCOUNT_ROLES, Role
from interfaces.http.members import ASSIGNED_MAX
from interfaces.web.rendering import utc_text
from interfaces.web.roles import ROLES
from tests.support.api import SESSION
from tests.support.pages import browser_of
from tests.support.world import email_of

if TYPE_CHECKING:
    from tests.support.pages import Seen
    from tests.support.world import World


@pytest.fixture(autouse=True)
def _bob(world: World) -> None:
    world.people.sign_up("bob")


def members_of(world: World, path: str = "") -> str:
    return f"/accounts/{world.cast.account_a}/members{path}"


def shown(world: World) -> None:
    """Wait until the lists show all that has happened."""
    world.wait_for_lists()


def somebody_new() -> str:
    return f"{uuid4().hex}@example.com"


def member(world: World, user_id: str | UUID) -> Member | None:
    return world.services.event_sourcing.find(Member, member_id(world.cast.account_a, UUID(str(user_id))))


def roles(world: World, user_id: str | UUID) -> frozenset[Role]:
    found = member(world, user_id)
    return found.roles if found else frozenset()


def password_on(page: Seen) -> str:
    (field,) = page.root.all("input", id="secret")
    return field.attributes["value"]


def test_the_list_tells_who_is_what_in_words(world: World) -> None:
    for name in ("alice", "bob", "tess"):
        world.people.sign_up(name)
    page = browser_of(world, "alice").get(members_of(world))
    assert page.heading == "Members"
    rows = sorted(page.rows)
    assert "Alice (you) alice@example.com" in rows[0]
    assert "Administrator" in rows[0]
    assert "Bob bob@example.com" in rows[1]
    assert "User" in rows[1]
    assert len(rows) == 2, "whoever has a role in the whole tenant is not in it"
    assert "role in the whole tenant" in page.text


def test_pages_of_the_list_follow_each_other(world: World) -> None:
    for _ in range(PAGE_ITEMS_DEFAULT):
        world.cast.add_member(str(uuid4()), Role.ACCOUNT_USER, world.cast.account_a)
    shown(world)
    browser = browser_of(world, "alice")
    first = browser.get(members_of(world))
    (following,) = first.main.all("a", rel="next")
    second = browser.get(following.attributes["href"])
    assert (len(first.rows), len(second.rows)) == (PAGE_ITEMS_DEFAULT, 2)
    assert "Somebody who left" in first.text


def test_who_is_new_gets_a_first_password_that_is_shown_once_and_works(world: World) -> None:
    browser, email = browser_of(world, "alice"), somebody_new()
    page = browser.submit(members_of(world, "/new"), email=f" {email.upper()} ", name="Zoë <b>&", role="account_admin")
    password = password_on(page)
    assert (page.status, page.heading) == (200, "Hand the password over now")
    assert page.answer.headers["cache-control"] == "no-store"
    assert "the first password of Zoë <b>& can be seen" in page.text
    assert f"before {utc_text(world.clock.now + FIRST_PASSWORD_LIFETIME)}" in page.text
    session = world.ask("POST", SESSION, json={"email": email, "password": password})
    assert (session.status, session.json["user"]["name"]) == (200, "Zoë <b>&")
    assert roles(world, session.json["user"]["id"]) == {Role.ACCOUNT_ADMIN}
    (done,) = page.root.all("a", id="done")
    assert password not in browser.get(done.attributes["href"]).answer.body.decode()


def test_without_a_name_one_is_called_by_the_address(world: World) -> None:
    email = somebody_new()
    assert browser_of(world, "alice").submit(members_of(world, "/new"), email=email).status == 200
    [user] = world.services.users.by_email(email)
    assert user.name == email.partition("@")[0]


def test_the_same_form_sent_again_shows_no_password_and_changes_nothing(world: World) -> None:
    browser = browser_of(world, "alice")
    fields = browser.get(members_of(world, "/new")).form() | {"email": somebody_new()}
    first = browser.post(members_of(world, "/new"), fields)
    again, appended = world.appended_by(lambda: browser.post(members_of(world, "/new"), fields))
    assert (first.status, again.status, appended) == (200, 409, [])
    assert password_on(first) not in again.answer.body.decode()
    assert again.root.all("input", id="secret") == []
    assert again.heading == "They were invited before"


def test_whom_a_tenant_admin_invites_is_a_member_at_once_and_keeps_name_and_password(world: World) -> None:
    world.people.sign_up("carol")
    browser = browser_of(world, "tess")
    page = browser.submit(members_of(world, "/new"), email=email_of("carol"), name="Somebody else")
    assert page.location == members_of(world)
    assert roles(world, world.cast.carol) == {Role.ACCOUNT_USER}
    assert any("Carol carol@example.com" in row for row in browser.get(page.location).rows)
    assert world.people.sign_in("carol").json["user"]["name"] == "Carol"


def test_a_user_sees_the_processes_that_were_ticked(world: World) -> None:
    world.people.sign_up("carol")
    ticked = {f"process-{world.cast.flow_a}": "1"}
    page = browser_of(world, "tess").submit(members_of(world, "/new"), email=email_of("carol"), **ticked)
    assert page.location == members_of(world)
    found = member(world, world.cast.carol)
    assert found is not None
    assert found.process_ids == {process_id(world.cast.account_a, world.cast.flow_a)}


def test_an_administrator_is_assigned_no_process_whatever_was_ticked(world: World) -> None:
    world.people.sign_up("carol")
    typed = {f"process-{world.cast.flow_a}": "1", "email": email_of("carol"), "role": "account_admin"}
    assert browser_of(world, "tess").submit(members_of(world, "/new"), **typed).status == 303
    found = member(world, world.cast.carol)
    assert found is not None
    assert found.process_ids == frozenset()


@pytest.mark.parametrize(
    ("typed", "beside", "message"),
    [
        ({"email": ""}, "email", "This must be an email address."),
        ({"email": "alice"}, "email", "This must be an email address."),
        ({"email": "a" * 250 + "@b.example"}, "email", f"This must have at most {EMAIL_CHARS_MAX} characters."),
        (
            {"email": "a@b.example", "name": "x" * (NAME_CHARS_MAX + 1)},
            "name",
            f"This must have at most {NAME_CHARS_MAX} characters.",
        ),
        ({"email": "a@b.example", "name": "a\tb"}, "name", "This must not hold control characters."),
        ({"email": "a@b.example", "role": "tenant_admin"}, "role", "This must be one of the choices."),
        ({"email": "a@b.example", "role": ""}, "role", "This must be one of the choices."),
        ({"email": "a@b.example", "process-mine": "1"}, "processes", "This must be a UUID."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(
    world: World, typed: dict[str, str], beside: str, message: str
) -> None:
    browser = browser_of(world, "alice")
    page, appended = world.appended_by(lambda: browser.submit(members_of(world, "/new"), **typed))
    assert (page.status, page.error(beside), appended) == (422, message, [])
    kept = page.form()
    assert {name: kept[name] for name in ("email", "name") if name in typed} == {
        name: value for name, value in typed.items() if name in {"email", "name"}
    }
    assert world.services.users.by_email("a@b.example") == []


def test_a_process_of_another_account_is_not_to_be_had(world: World) -> None:
    email = somebody_new()
    ticked = {f"process-{world.cast.flow_b}": "1"}
    page = browser_of(world, "alice").submit(members_of(world, "/new"), email=email, **ticked)
    assert page.status == 422
    assert "not a process" in page.alert
    assert world.services.users.by_email(email) == []


def test_of_many_processes_the_first_are_offered_and_the_others_counted(world: World) -> None:
    browser = browser_of(world, "alice")
    assert "with the API" not in browser.get(members_of(world, "/new")).text
    for _ in range(ASSIGNED_MAX - 1):
        world.cast.add_process(world.cast.account_a, uuid4())
    shown(world)
    page = browser.get(members_of(world, "/new"))
    assert len(page.main.all("input", type="checkbox")) == ASSIGNED_MAX
    assert "The account has 1 more, which can be assigned with the API." in page.text
    for _ in range(PAGE_ITEMS_MAX - ASSIGNED_MAX):
        world.cast.add_process(world.cast.account_a, uuid4())
    shown(world)
    assert f"has more than {PAGE_ITEMS_MAX - ASSIGNED_MAX} more, which" in browser.get(members_of(world, "/new")).text


def test_a_member_is_given_a_further_role_and_further_processes(world: World) -> None:
    browser, path = browser_of(world, "alice"), members_of(world, f"/{world.cast.bob}/role")
    page = browser.get(path)
    (assigned,) = [box for box in page.main.all("input", type="checkbox") if "disabled" in box.attributes]
    assert assigned.attributes["name"] == f"process-{world.cast.flow_a}"
    assert page.form()["role"] == "account_admin", "the one that is not held yet"
    ticked = {"role": "account_user", f"process-{world.cast.other_flow_a}": "1"}
    assert browser.submit(path, **ticked).location == members_of(world)
    found = member(world, world.cast.bob)
    assert found is not None
    assert found.process_ids == {
        process_id(world.cast.account_a, flow) for flow in (world.cast.flow_a, world.cast.other_flow_a)
    }
    assert browser.submit(path, role="account_admin").location == members_of(world)
    assert roles(world, world.cast.bob) == {Role.ACCOUNT_USER, Role.ACCOUNT_ADMIN}
    assert any("Administrator, User" in row for row in browser.get(members_of(world)).rows)


@pytest.mark.parametrize("role", ["auditor", "", "king"])
def test_no_other_role_can_be_given(world: World, role: str) -> None:
    browser = browser_of(world, "alice")
    path = members_of(world, f"/{world.cast.bob}/role")
    page, appended = world.appended_by(lambda: browser.submit(path, role=role))
    assert (page.status, page.error("role"), appended) == (422, "This must be one of the choices.", [])


def test_removing_ends_all_roles_at_once(world: World) -> None:
    bob, path = browser_of(world, "bob"), members_of(world, f"/{world.cast.bob}/remove")
    assert bob.get(f"/accounts/{world.cast.account_a}").status == 303
    browser = browser_of(world, "alice")
    page = browser.get(path)
    assert "end at once (User)" in page.text
    assert "This is you" not in page.text
    assert browser.submit(path).location == members_of(world)
    assert roles(world, world.cast.bob) == frozenset()
    assert bob.get(f"/accounts/{world.cast.account_a}").status == 404
    assert len(browser.get(members_of(world)).rows) == 1
    assert browser.get(path).status == 404, "who has no role is no member"


def test_one_can_remove_oneself_and_is_told_what_that_means(world: World) -> None:
    browser, path = browser_of(world, "alice"), members_of(world, f"/{world.cast.alice}/remove")
    assert "This is you" in browser.get(path).text
    assert browser.submit(path).location == "/accounts"
    assert browser.get(members_of(world)).status == 404


def test_a_tenant_admin_who_removes_their_role_in_the_account_still_sees_it(world: World) -> None:
    world.cast.add_member(world.cast.tess, Role.ACCOUNT_ADMIN, world.cast.account_a)
    path = members_of(world, f"/{world.cast.tess}/remove")
    assert browser_of(world, "tess").submit(path).location == members_of(world)


PAGES = ("", "/new", "/{bob}/role", "/{bob}/remove")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("name", "status"),
    [("alice", 200), ("tess", 200), ("aud", 403), ("con", 403), ("bob", 403), ("carol", 404), ("stranger", 404)],
)
def test_who_may_see_which_page(world: World, name: str, status: int, path: str) -> None:
    page = browser_of(world, name).get(members_of(world, path.format(bob=world.cast.bob)))
    assert (page.status, page.answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


@pytest.mark.parametrize("action", ["role", "remove"])
def test_who_is_no_member_has_no_pages(world: World, action: str) -> None:
    browser = browser_of(world, "alice")
    for user_id in (world.cast.carol, world.cast.stranger, uuid4(), "me"):
        assert browser.get(members_of(world, f"/{user_id}/{action}")).status == 404


def test_every_role_has_words_and_those_of_an_account_are_offered(world: World) -> None:
    assert set(ROLES) == set(Role)
    page = browser_of(world, "alice").get(members_of(world, "/new"))
    assert {box.attributes["value"] for box in page.main.all("input", type="radio")} == ACCOUNT_ROLES
    for role in ACCOUNT_ROLES:
        assert ROLES[role].may in page.text
