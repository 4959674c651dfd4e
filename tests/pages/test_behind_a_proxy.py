"""Signing in through a proxy that keeps the browser's fields from telling where a form comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pages.browser import MILLISECONDS_MAX
from tests.support.nginx import documented_location, nginx_before
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.pages.office import Office

SILENT = 'proxy_set_header Origin null;\n    proxy_set_header Sec-Fetch-Site "";\n}'


@pytest.fixture(scope="module")
def origin(office: Office) -> Iterator[str]:
    """What the addresses begin with behind the proxy."""
    location = documented_location()
    assert location.endswith("}")
    with nginx_before(office.service.port, location[:-1] + SILENT) as places:
        yield "http://{}:{}".format(*places["127.0.0.1"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser that knows nothing."""
    with browser.new_context() as context:
        context.set_default_timeout(MILLISECONDS_MAX)
        yield context.new_page()


def test_one_signs_in_registers_a_process_and_signs_out(office: Office, origin: str, page: Page) -> None:
    office.world.people.sign_up("alice")
    page.goto(f"{origin}/sign-in?next=/accounts/{office.places['a']}/processes/new")
    page.get_by_label("Email address").fill(email_of("alice"))
    page.get_by_label("Password").fill(password_of("alice"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name").fill("Through a proxy")
    page.get_by_role("button", name="Register process").click()
    page.wait_for_url("**/processes*")
    assert "Through a proxy" in page.locator("main").inner_text()
    page.locator("summary", has_text="Signed in as").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")


@pytest.mark.parametrize("is_in_sandbox", [False, True])
def test_a_form_of_a_page_that_has_no_origin_signs_nobody_in(
    office: Office, origin: str, page: Page, is_in_sandbox: bool
) -> None:
    office.world.people.sign_up("carol")
    page.goto(f"{origin}/sign-in")  # which leaves a cookie, that no form of another site is sent with
    form = f"""<form method=post action={origin}/sign-in target=_top>
        <input name=email value={email_of("carol")}><input name=password value='{password_of("carol")}'></form>
        <script>document.forms[0].submit()</script>"""
    sandbox = "allow-forms allow-scripts allow-top-navigation"
    page.goto("about:blank")
    with page.expect_response(f"{origin}/sign-in") as answer:
        page.set_content(f'<iframe sandbox="{sandbox}" srcdoc="{form}"></iframe>' if is_in_sandbox else form)
    assert answer.value.status == 403
    after = page.context.new_page()
    after.goto(f"{origin}/profile")
    assert "/sign-in" in after.url
