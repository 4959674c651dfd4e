"""Two installations on one host: browsers tell no ports apart, and yet both are used at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pages.browser import MILLISECONDS_MAX
from tests.support.service import ADMIN_EMAIL, ADMIN_PASSWORD, Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Installation, Installation]]:
    """Two that know nothing of each other, each with its own database."""
    with Installation() as one, Installation() as other:
        for installation in (one, other):
            installation.running(1)
        yield one, other


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """One browser, of one person."""
    with browser.new_context() as context:
        context.set_default_timeout(MILLISECONDS_MAX)
        yield context.new_page()


def profile(port: int) -> str:
    """Return the address of a page that only shows when one is signed in."""
    return f"http://127.0.0.1:{port}/profile"


def sign_in(page: Page, port: int) -> None:
    page.goto(f"http://127.0.0.1:{port}/sign-in?next=/profile")
    page.get_by_label("Email address").fill(ADMIN_EMAIL)
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(profile(port))


def test_signing_in_to_one_and_out_of_it_leaves_the_other_alone(
    two: tuple[Installation, Installation], page: Page
) -> None:
    one, other = (installation.services[0].port for installation in two)
    sign_in(page, one)
    sign_in(page, other)
    for port in (one, other, one):
        page.goto(profile(port))
        assert page.url == profile(port), "still signed in"
    page.locator("summary", has_text="Signed in as").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")
    page.goto(profile(other))
    assert page.url == profile(other)
    page.goto(profile(one))
    assert "/sign-in" in page.url


def test_a_session_goes_on_at_another_process_of_the_installation_and_after_a_restart(
    two: tuple[Installation, Installation], page: Page
) -> None:
    """The name of the cookie is of the installation, whatever the port, the process and the machine are."""
    installation, _ = two
    first = installation.services[0]
    sign_in(page, first.port)
    second = installation.service()
    second.start()
    page.goto(profile(second.port))
    assert page.url == profile(second.port)
    assert first.stop()[0] == 0
    first.start()
    page.goto(profile(first.port))
    assert page.url == profile(first.port)
