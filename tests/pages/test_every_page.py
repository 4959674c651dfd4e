"""What holds for every page, in both themes, on a desk and on a phone. Another page is another line of the table."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import pytest

from interfaces.web.routes import web_routes
from tests.pages.browser import NARROW, WIDE, Visit, launch, visiting
from tests.pages.table import PAGES, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.pages.accessibility import Axe
    from tests.pages.office import Office

SHOW_NOTHING = {
    "/",
    "/accounts/{account_id}",
    "/assets/{name}",
    "/profile/sessions/end-others",
    "/profile/sessions/{session_id}/end",
}
"""Routes that lead on to a page, or are a part of one."""
BYTES_MAX = 100_000
WIDTHS = (WIDE, NARROW)


@dataclass
class Seen:
    """A page as a browser has loaded it, all of it. status: of the answer."""

    row: Row
    status: int
    visit: Visit


@pytest.fixture(scope="module")
def one_way(browser: Browser) -> Iterator[Browser]:
    """A browser for those who never go back."""
    with launch(browser.browser_type, keeps_pages=False) as one_way:
        yield one_way


@pytest.fixture(scope="module")
def visits(one_way: Browser, office: Office) -> Iterator[Callable[[str | None], Visit]]:
    """Visits, one for each person, which load all that a page asks for, each time."""

    def visit_of(who: str | None) -> Visit:
        visit = stack.enter_context(visiting(one_way, office, who))
        visit.page.context.new_cdp_session(visit.page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        return visit

    with ExitStack() as stack:
        yield cache(visit_of)


@pytest.fixture(scope="module", params=PAGES, ids=lambda row: row.name)
def seen(request: pytest.FixtureRequest, visits: Callable[[str | None], Visit]) -> Iterator[Seen]:
    """Each page, loaded once for all tests of it: its stylesheet alone knows the theme and the width."""
    row: Row = request.param
    visit = visits(row.who)
    visit.look("light", WIDE)
    visit.watch.requests.clear()
    yield Seen(row, visit.go(row.path).status, visit)
    assert visit.watch.complaints == []


@pytest.fixture(scope="module")
def without_script(one_way: Browser, office: Office) -> Iterator[Callable[[str | None], Visit]]:
    """Browsers that run no script, one for each person."""
    with ExitStack() as stack:
        yield cache(lambda who: stack.enter_context(visiting(one_way, office, who, java_script_enabled=False)))


def test_it_is_there_and_says_what_it_is(seen: Seen) -> None:
    assert seen.status == seen.row.status
    assert seen.visit.page.locator("h1").count() == 1
    assert seen.visit.page.title().endswith(" · RPA Watch")


def test_it_loads_little_and_nothing_from_elsewhere(seen: Seen) -> None:
    requests = seen.visit.watch.requests
    assert {request.url.startswith(seen.visit.office.origin) for request in requests} == {True}
    assert {"document", "stylesheet", "script"} <= {request.resource_type for request in requests}, "none is kept"
    assert seen.visit.watch.bytes_loaded() <= BYTES_MAX


# What colours are on a phone does not depend on its width.
@pytest.mark.parametrize(("theme", "width"), [("light", WIDE), ("dark", WIDE), ("light", NARROW)])
def test_it_breaks_no_rule_of_accessible_pages(
    seen: Seen, axe: Axe, theme: Literal["light", "dark"], width: int
) -> None:
    seen.visit.look(theme, width)
    assert axe.violations(seen.visit.page) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_no_wider_than_the_window(seen: Seen, width: int) -> None:
    seen.visit.look("light", width)
    wide, window = seen.visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert (wide <= window, window) == (True, width)


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.name)
def test_it_is_to_be_read_without_a_script(row: Row, without_script: Callable[[str | None], Visit]) -> None:
    visit = without_script(row.who)
    assert visit.go(row.path).status == row.status
    assert visit.page.locator("h1").is_visible()


def test_every_page_there_is_stands_in_the_table(office: Office) -> None:
    paths = [row.path.format(**office.places).partition("?")[0] for row in PAGES]
    routes = {route for route, page in web_routes(office.world.services).items() if hasattr(page, "on_get")}
    missing = {
        route for route in routes if not any(re.fullmatch(re.sub("{.*?}", "[^/]+", route), path) for path in paths)
    }
    assert missing - SHOW_NOTHING == set()


def test_no_two_pages_of_the_table_have_the_same_name() -> None:
    assert len({row.name for row in PAGES}) == len(PAGES)
