"""What the tests of the pages share: one installation with people at work in it, one browser, and visits with it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.pages.accessibility import Axe
from tests.pages.browser import Visit, open_browser, visiting
from tests.pages.office import Office, open_office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


class VisitAs(Protocol):
    """Opens a browser that nobody used before, as somebody of the cast or nobody. options: of `visiting`."""

    def __call__(self, who: str | None = None, **options: Any) -> Visit:
        """Return it."""
        ...


@pytest.fixture(scope="session")
def office() -> Iterator[Office]:
    """The installation, which all tests share: each makes what it changes."""
    with open_office() as office:
        yield office


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one browser."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def axe() -> Axe:
    """What knows the rules of accessible pages."""
    return Axe()


@pytest.fixture
def visit(browser: Browser, office: Office) -> Iterator[VisitAs]:
    """Visits that end with the test."""
    with ExitStack() as stack:
        yield lambda who=None, **options: stack.enter_context(visiting(browser, office, who, **options))
