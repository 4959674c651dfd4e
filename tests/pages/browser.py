"""Debian's Chromium, and visits with it that fail when the browser complains, whatever else a test looks at."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from playwright.sync_api import expect, sync_playwright

from tests.support.effort import in_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import (
        Browser,
        BrowserContext,
        BrowserType,
        ConsoleMessage,
        Page,
        Request,
        Response,
    )

    from tests.pages.office import Office

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDE, NARROW = 1200, 390
HEIGHT = 850
MILLISECONDS_MAX = 1000 * in_time(10)
"""For everything that a test waits for in the browser."""
_ARGUMENTS = (
    "--disable-quic",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-proxy-server",
    # Nothing gets out of this machine; that a page tries to is noticed by Watch.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
_POLL_MILLISECONDS = 10
_TABS_MAX = 80
_WITHOUT_A_HOST = ("data:", "blob:", "about:")
_REFUSED = "Failed to load resource: the server responded with a status of 4"
"""What the console says of a page that tells of a problem: tests look at the status themselves."""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Run the browser for as long as the block."""
    expect.set_options(timeout=MILLISECONDS_MAX)
    with sync_playwright() as playwright, launch(playwright.chromium) as browser:
        yield browser


def launch(chromium: BrowserType, *, keeps_pages: bool = True) -> Browser:
    """Start a browser, which the caller closes. keeps_pages: those that one came from, as people's browsers do.

    It has a process for each of them: one that keeps none loads a page in a quarter of the time.
    """
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert program is not None, "Chromium is missing; on Debian: tests/support/system_packages.sh chromium"
    return chromium.launch(
        executable_path=program,
        args=_ARGUMENTS,
        # Playwright's would keep none.
        ignore_default_args=["--disable-back-forward-cache"] if keeps_pages else None,
        # Root can't have the sandbox, and needs none for pages of our own.
        chromium_sandbox=os.geteuid() != 0,
        timeout=3 * MILLISECONDS_MAX,
    )


@dataclass
class Watch:
    """Notes what no page of ours may do. requests: all that were made in the context."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Begin to listen."""
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))

    def bytes_loaded(self) -> int:
        """Return how much came over the wire since the beginning, heads and bodies."""
        sizes = [request.sizes() for request in self.requests]
        return sum(size["responseHeadersSize"] + size["responseBodySize"] for size in sizes)

    def _on_request(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((f"{self.origin}/", *_WITHOUT_A_HOST)):
            self.complaints.append(f"asks another host: {request.url}")

    def _on_response(self, response: Response) -> None:
        is_page = response.request.resource_type in {"document", "fetch"}
        if response.status >= 500 or (response.status >= 400 and not is_page):
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # Also what the Content-Security-Policy forbids is told here.
        if message.type in {"error", "warning"} and not message.text.startswith(_REFUSED):
            self.complaints.append(f"{message.type}: {message.text}")


@dataclass
class Visit:
    """Somebody with a browser. token: of the session, when there is one."""

    page: Page
    watch: Watch
    office: Office
    token: str | None

    def go(self, path: str) -> Response:
        """Look at a page, in whose path names of places stand in braces."""
        response = self.page.goto(self.office.url(path))
        assert response is not None
        return response

    def look(self, theme: Literal["light", "dark"], width: int) -> None:
        """Have the page as it is in a theme, in a window so wide."""
        self.page.emulate_media(color_scheme=theme)
        self.page.set_viewport_size({"width": width, "height": HEIGHT})

    @property
    def at(self) -> str:
        """What the address bar says, without the host."""
        return self.page.url.removeprefix(self.office.origin)

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Return as soon as `condition` holds; else fail, saying `what`. Meanwhile the browser is listened to."""
        deadline = time.monotonic() + MILLISECONDS_MAX / 1000
        while not condition():
            assert time.monotonic() < deadline, f"did not come: {what}"
            self.page.wait_for_timeout(_POLL_MILLISECONDS)

    def tab_to(self, goal: str) -> None:
        """Go on with the Tab key to what has this id or text."""
        passed: list[str] = []
        while self.focused() != goal:
            assert len(passed) < _TABS_MAX, f"{goal!r} is not reached; but these are: {passed}"
            self.page.keyboard.press("Tab")
            passed.append(self.focused())

    def focused(self) -> str:
        """Return what has the focus: the id, or else the text."""
        found: str = self.page.evaluate("document.activeElement.id || document.activeElement.innerText")
        return " ".join(found.split())

    def is_signed_in(self) -> bool:
        """Return whether the browser has a session's cookie."""
        return any(cookie.get("name") == self.office.world.cookie_name() for cookie in self.page.context.cookies())


@contextmanager
def visiting(
    browser: Browser,
    office: Office,
    who: str | None = None,
    *,
    new_session: bool = False,
    address: str | None = None,
    **options: Any,
) -> Iterator[Visit]:
    """Give a page of a browser that knows nothing but somebody's session; at its end it must have no complaint.

    new_session: one of its own, that may be ended. address: where the service believes the visitor to be. options: of
    the browser's context.
    """
    usual: dict[str, Any] = {
        "viewport": {"width": WIDE, "height": HEIGHT},
        "reduced_motion": "reduce",  # colours change at once when the theme does
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
    }
    if address:
        options["extra_http_headers"] = {"X-Forwarded-For": address}
    with browser.new_context(**(usual | options)) as context:
        context.set_default_timeout(MILLISECONDS_MAX)
        watch = Watch(office.origin)
        watch.follow(context)
        token = None
        if who is not None:
            people = office.world.people
            token = (people.sign_in(who).json if new_session else people.session(who))["token"]
            context.add_cookies(
                [{"name": office.world.cookie_name(), "value": token, "url": office.origin, "httpOnly": True}]
            )
        yield Visit(context.new_page(), watch, office, token)
    assert watch.complaints == []
