"""What holds for every page to look at: another one is tried here by standing in the table of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from interfaces.web.page import ViewPage
from interfaces.web.routes import PAGES
from tests.acceptance.permissions.matrix import ids_in_account_a
from tests.support.pages import Browser, browser_of

if TYPE_CHECKING:
    from tests.support.world import World

VIEWS: Final = {path: page for path, page in PAGES.items() if issubclass(page, ViewPage)}


@pytest.fixture(params=sorted(VIEWS))
def route(request: pytest.FixtureRequest) -> str:
    """A page, as it stands in the table."""
    found: str = request.param
    return found


@pytest.fixture
def path(world: World, route: str) -> str:
    """The address of it, about something that is there."""
    found = route.format(**ids_in_account_a(world))
    world.wait_for_lists()
    return found


def test_there_are_as_many_as_one_knows() -> None:
    assert len(VIEWS) >= 11


def test_nobody_is_led_to_sign_in_and_back(world: World, path: str) -> None:
    assert Browser(world).get(path).location == f"/sign-in?next={path}"


def test_who_is_no_member_of_the_account_finds_nothing(world: World, path: str) -> None:
    for name in ("carol", "stranger"):
        expected = 404 if str(world.cast.account_a) in path else 200
        assert browser_of(world, name).get(path).status == expected, name


def test_what_its_address_can_not_say_is_refused_and_what_it_leaves_blank_is_not_asked(
    world: World, route: str, path: str
) -> None:
    browser, known = browser_of(world, "tess"), VIEWS[route].parameters
    assert browser.get(f"{path}?tell=me").status == 422
    assert browser.get(f"{path}?{'&'.join(f'{name}=' for name in known)}").status == 200
    if "cursor" in known:
        assert browser.get(f"{path}?cursor=mine").status == 422
