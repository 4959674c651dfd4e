"""Every page as it is sent, in every state that a form or a failure brings it into."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from interfaces.http.app import create_app
from interfaces.http.problems import PROBLEMS
from interfaces.web.home import Home
from tests.acceptance.web.test_every_form import FORMS
from tests.pages.office import EMOJI, MARKUP
from tests.pages.table import PAGES
from tests.support.api import InProcess, without_names
from tests.support.pages import Browser
from tests.support.world import NEWCOMER, email_of, password_of

if TYPE_CHECKING:
    from tests.pages.office import Office
    from tests.support.pages import Seen
    from tests.support.world import World

_WRONG = MARKUP * 20
"""No field takes it."""


@dataclass
class Pages:
    """The pages that were seen, by a name for each state, and the office that they are of."""

    office: Office
    world: World
    seen: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, seen: Seen, status: int = 200) -> Seen:
        """Keep a page, which has to be one, and return it."""
        assert seen.status == status, (name, seen.status, seen.text[:1000])
        assert seen.answer.headers["content-type"] == "text/html; charset=utf-8", name
        self.seen[name] = seen.answer.body.decode()
        return seen

    def browser(self, who: str | None) -> Browser:
        """Return the browser of somebody of the cast, or nobody."""
        return Browser(self.world, None if who is None else self.office.world.people.session(who)["token"])


def every_page(office: Office) -> dict[str, str]:
    """Return all pages as HTML, by a name that says which page it is in which state."""
    # In this process, so that a page can be made to fail.
    world = replace(office.world, ask=InProcess(create_app(office.world.services)))
    pages = Pages(office, world)
    for row in PAGES:
        pages.keep(row.name, pages.browser(row.who).get(row.path.format(**office.places)), row.status)
    _forms_that_come_back(pages)
    _an_account_that_begins(pages)
    _signing_in(pages)
    _failures(pages)
    for path in ("/docs", *(f"/problems/{slug}" for slug in PROBLEMS)):
        pages.keep(path.strip("/").replace("/", "-"), pages.browser(None).get(path))
    return pages.seen


def _forms_that_come_back(pages: Pages) -> None:
    alice = pages.browser("alice")
    forms = {without_names(path) for path in FORMS if path.startswith("/accounts/")}
    for row in PAGES:
        if without_names(row.path) not in forms:
            continue
        browser, path = pages.browser(row.who), row.path.format(**pages.office.places)
        page = browser.get(path)
        hidden = {one.attributes["name"] for one in page.main.all("input", type="hidden")}
        typed = dict.fromkeys(page.form().keys() - hidden, _WRONG)
        pages.keep(f"{row.name}-resumed", browser.submit(path, **typed, resumed="1"))
        if typed:
            pages.keep(f"{row.name}-wrong", browser.submit(path, **typed), 422)
    for who in ("alice", NEWCOMER):
        passwords = {"current_password": "x", "new_password": "y", "repeated_password": "z"}
        browser = pages.browser(who)
        form = browser.get("/profile/password").form("/profile/password") | passwords
        pages.keep(f"password-wrong-{who}", browser.post("/profile/password", form), 422)
    key = "/accounts/{a}/keys/{busy}".format(**pages.office.places)
    pages.keep("key-then-typed", alice.get(f"{key}/then?at=2026-03-10T21:43:51.863123"))
    pages.keep(
        "jobs-of-days", alice.get("/accounts/{a}/jobs?from=2026-03-10&to=2026-03-11".format(**pages.office.places))
    )
    for done in ("password", "session", "sessions"):
        pages.keep(f"profile-after-{done}", alice.get(f"/profile?done={done}"))


def _an_account_that_begins(pages: Pages) -> None:
    """The three steps to the first report, what is shown once, and an account that is kept out."""
    base, alice = pages.office.empty_account(), pages.browser("alice")
    pages.keep("start-without-a-process", alice.get(f"{base}/start"))
    pages.keep("key-made-without-a-process", alice.submit(f"{base}/keys/new", name=MARKUP))
    flow_id = str(uuid4())
    registered = alice.submit(f"{base}/processes/new", name=EMOJI, flow_id=flow_id)
    pages.office.world.wait_for_lists()
    pages.keep("start-with-a-process", alice.get(f"{base}/start"))
    form = alice.get(f"{base}/keys/new").form() | {"name": EMOJI, "expires": "30"}
    made = pages.keep("key-made", alice.post(f"{base}/keys/new", form))
    pages.keep("key-made-before", alice.post(f"{base}/keys/new", form), 409)
    key = made.main.all("a", id="done")[0].attributes["href"]
    form = alice.get(f"{key}/rotate").form()
    pages.keep("key-rotated-now", alice.post(f"{key}/rotate", form))
    pages.keep("key-rotated-before", alice.post(f"{key}/rotate", form), 409)
    form = alice.get(f"{base}/members/new").form() | {"email": f"{uuid4().hex}@example.com", "name": MARKUP}
    pages.keep("member-made", alice.post(f"{base}/members/new", form))
    pages.keep("member-made-before", alice.post(f"{base}/members/new", form), 409)
    pages.keep("verify-begun", alice.get(alice.submit(f"{base}/audit/verify", checkpoint="").location))
    pages.keep("process-registered", alice.get(registered.location))
    assert pages.browser("tess").submit(f"{base}/suspend").status == 303
    pages.keep("suspended", alice.get(f"{base}/processes"))


def _signing_in(pages: Pages) -> None:
    """Also in the middle of a form, which is kept meanwhile."""
    nobody, places = pages.browser(None), pages.office.places
    pages.office.world.people.sign_up("alice")
    typed = {"email": email_of("alice"), "password": "wrong"}
    pages.keep("sign-in-wrong", nobody.submit("/sign-in", **typed), 401)
    where = f"/accounts/{places['a']}/keys/new"
    form = pages.browser("alice").get(where).form() | {"name": MARKUP}
    kept = pages.keep("sign-in-kept", nobody.post(where, form), 401)
    form = kept.form("/sign-in") | {"email": email_of("alice"), "password": password_of("alice")}
    pages.keep("resume", nobody.post("/sign-in", form))


def _failures(pages: Pages) -> None:
    places = pages.office.places
    pages.keep("csrf", pages.browser("alice").post("/sign-out", {}, Sec_Fetch_Site="cross-site"), 403)
    pages.keep("errors", pages.browser("alice").get(f"/accounts/{places['a']}/audit?limit=many&x=y"), 422)
    with pytest.MonkeyPatch.context() as patch:

        def fail(*_: Any) -> None:
            raise RuntimeError("made to fail")

        patch.setattr(Home, "on_get", fail)
        patched = replace(pages.world, ask=InProcess(create_app(pages.world.services)))
        pages.keep("internal-error", Browser(patched).get("/"), 500)
