"""What holds for every form that is a page: another one is tried here by standing in the table of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from interfaces.http.masking import is_token
from interfaces.web.form_page import FormPage
from interfaces.web.routes import PAGES
from tests.acceptance.permissions.matrix import ids_in_account_a
from tests.support.pages import Browser, browser_of

if TYPE_CHECKING:
    from tests.support.world import World

FORMS: Final = sorted(path for path, page in PAGES.items() if issubclass(page, FormPage) and hasattr(page, "template"))
TYPED: Final = "Typed"
ONE_CAST = True
"""No form is carried out."""


@pytest.fixture(scope="module")
def ids(lasting_world: World) -> dict[str, str]:
    return ids_in_account_a(lasting_world, "/first-password")


@pytest.fixture(params=FORMS)
def path(request: pytest.FixtureRequest, ids: dict[str, str]) -> str:
    """The address of a form, about something that is there."""
    route: str = request.param
    return route.format(**ids)


def filled(browser: Browser, path: str) -> dict[str, str]:
    """Return what the form sends once something was typed into each field for any text."""
    page = browser.get(path)
    inputs = [one for one in page.main.all("input") if one.attributes.get("type", "text") in {"text", "email"}]
    names = {one.attributes.get("name", "") for one in [*inputs, *page.main.all("textarea")]}
    fields = page.form()
    return fields | dict.fromkeys(names & fields.keys(), TYPED)


def typed(fields: dict[str, str], prefix: str = "") -> set[str]:
    """Return the fields that something was typed into."""
    return {name.removeprefix(prefix) for name, value in fields.items() if name.startswith(prefix) and value == TYPED}


def test_there_are_as_many_as_one_knows() -> None:
    assert len(FORMS) >= 18


def test_with_the_token_of_another_session_it_is_shown_again_and_not_carried_out(world: World, path: str) -> None:
    browser = browser_of(world, "tess")
    fields = filled(browser, path)
    for token in ("", "another", world.session("carol")["csrf_token"]):
        stale = fields | {"csrf": token}
        page, appended = world.appended_by(lambda form=stale: browser.post(path, form))
        assert (page.status, appended) == (200, [])
        assert "What you typed is still here" in page.text
        shown = page.form()
        assert typed(shown) == typed(fields)
        assert is_token(shown["csrf"], world.session("tess")["csrf_token"])


def test_from_another_site_it_is_refused(world: World, path: str) -> None:
    browser = browser_of(world, "tess")
    fields = filled(browser, path)
    for site in ("cross-site", "same-site"):
        page, appended = world.appended_by(lambda at=site: browser.post(path, fields, Sec_Fetch_Site=at))
        assert (page.status, appended) == (403, [])


def test_a_session_that_has_ended_keeps_what_was_typed(world: World, path: str) -> None:
    fields, nobody = filled(browser_of(world, "tess"), path), Browser(world)
    assert nobody.get(path).location.startswith("/sign-in?next=/")
    page, appended = world.appended_by(lambda: nobody.post(path, fields))
    assert (page.status, appended) == (401, [])
    assert typed(page.form("/sign-in"), "carried.") == typed(fields)


def test_who_may_not_see_it_can_not_send_it(world: World, path: str) -> None:
    fields = filled(browser_of(world, "tess"), path)
    for name in ("alice", "aud", "con", "bob", "carol", "stranger"):
        browser = browser_of(world, name)
        status = browser.get(path).status
        if status != 200:
            sent = fields | {"csrf": world.people.session(name)["csrf_token"]}
            page, appended = world.appended_by(lambda by=browser, form=sent: by.post(path, form))
            assert (page.status, appended) == (status, []), name
