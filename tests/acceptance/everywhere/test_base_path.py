"""The service under a path of a host that others use too: every address that it gives leads back to it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from interfaces.http.app import create_app, problem_of_server
from tests.acceptance.conftest import serving
from tests.acceptance.everywhere.test_one_spelling import spellings
from tests.support.api import ACCOUNTS, OWN_KEY, REPORT, InProcess, OverSocket
from tests.support.nginx import OPERATING, nginx_before
from tests.support.pages import Browser
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from tests.support.api import Answer, Ask
    from tests.support.world import World

BASE = "/rpa/watch"
PAGES_MIN = 25
LINKS = re.compile(r'\s(?:href|action|src|formaction|data-[a-z-]+)="([^"]*)"')


@dataclass
class Behind:
    """Asks under the base path; and what leads somewhere in an answer has to lead there."""

    ask: Ask

    def __call__(self, method: str, path: str, **more: Any) -> Answer:
        answer = self.ask(method, BASE + path, **more)
        headers = dict(answer.headers)
        if "location" in headers:
            assert headers["location"].startswith(f"{BASE}/"), (path, headers)
            headers["location"] = headers["location"].removeprefix(BASE)
        if "link" in headers:
            assert headers["link"].startswith(f"<{BASE}/"), (path, headers)
        if headers.get("content-type", "").startswith("application/problem+json") and answer.body:
            assert answer.json["type"].startswith(f"{BASE}/problems/")
            assert answer.json["instance"] in {BASE + path.partition("?")[0], "/"}
        if headers.get("content-type", "").startswith("text/html"):
            links = LINKS.findall(answer.body.decode())
            assert links
            for link in links:
                assert not link.startswith("/") or link.startswith(f"{BASE}/"), (path, link)
        return replace(answer, headers=headers)


@pytest.fixture
def behind(world: World) -> World:
    return replace(world, ask=Behind(InProcess(create_app(world.services, base=BASE))))


def test_all_pages_are_found_from_the_first_one_by_their_links(behind: World) -> None:
    robot = replace(behind.robot(), ask=behind.ask)
    assert robot.report().status == 201
    behind.wait_for_lists()
    behind.people.sign_up("alice")
    browser = Browser(behind)
    signed_in = browser.submit("/sign-in", email=email_of("alice"), password=password_of("alice"))
    assert signed_in.location == "/"
    seen: set[str] = set()
    ahead = ["/", "/docs", "/profile", f"/accounts/{behind.cast.account_a}"]
    while ahead:
        path = ahead.pop()
        if path in seen or len(seen) > 150:
            continue
        seen.add(path)
        page = browser.get(path)
        # A proof may have to wait for the next signed head.
        assert page.status in {200, 303, 409}, (path, page.text[:500])
        if page.status == 303:
            ahead.append(page.location)
        elif "text/html" in page.answer.headers["content-type"]:
            found = re.findall(r'\s(?:href|src)="([^"#]*)', page.answer.body.decode())
            ahead += [link.removeprefix(BASE).replace("&amp;", "&") for link in found if link.startswith("/")]
    kinds = {re.sub(r"[0-9a-f-]{36}|\?.*", "", path) for path in seen}
    assert len(kinds) >= PAGES_MIN, sorted(kinds)


def test_a_form_leads_on(behind: World) -> None:
    browser = Browser(behind, behind.session("alice")["token"])
    done = browser.submit(f"/accounts/{behind.cast.account_a}/processes/new", name="Invoices")
    assert done.location.startswith(f"/accounts/{behind.cast.account_a}/")
    assert browser.get(done.location).status == 200


def test_who_has_to_sign_in_comes_back_to_where_they_wanted_to_go(behind: World) -> None:
    behind.people.sign_up("alice")
    browser = Browser(behind)
    goal = f"/accounts/{behind.cast.account_a}/keys?q=x"
    asked = browser.get(goal)
    assert asked.location.startswith("/sign-in?next=/accounts/")
    form = browser.get(asked.location).form()
    fields = form | {"email": email_of("alice"), "password": password_of("alice")}
    assert browser.post("/sign-in", fields).location == goal


def test_lines_to_paste_and_the_document_name_it(behind: World) -> None:
    behind.robot()
    behind.wait_for_lists()
    browser = Browser(behind, behind.session("alice")["token"])
    start = browser.get(f"/accounts/{behind.cast.account_a}/start")
    assert f"{BASE}{REPORT}" in start.text
    document = json.loads(behind.ask("GET", "/openapi.json").body)
    assert [server["url"] for server in document["servers"]] == [BASE]
    assert b'url: "openapi.json"' in behind.ask("GET", "/docs/start.js").body


def test_the_api_names_addresses_with_it(behind: World) -> None:
    headers = behind.signed_in("alice")
    made = behind.ask("POST", behind.account("/keys"), headers=headers, json={"name": "x"})
    assert behind.ask("GET", made.headers["location"], headers=headers).status == 200
    behind.ask("POST", behind.account("/keys"), headers=headers, json={"name": "y"})
    page = behind.ask("GET", f"{behind.account('/keys')}?limit=1", headers=headers)
    assert page.headers["link"].startswith(f"<{BASE}{ACCOUNTS}/")


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/health/live", OWN_KEY, "/rpa", "/rpa/watc", f"{BASE}x", f"{BASE}x/docs"]
)
def test_what_is_not_behind_it_is_not_there(world: World, path: str) -> None:
    ask = InProcess(create_app(world.services, base=BASE))
    answer = ask("GET", path)
    assert (answer.status, answer.json["type"]) == (404, f"{BASE}/problems/not-found")
    assert f"begin with {BASE}/" in answer.json["detail"]
    assert answer.json["instance"] == path


def test_without_its_slash_it_leads_to_the_first_page(world: World) -> None:
    ask = InProcess(create_app(world.services, base=BASE))
    for method in ("GET", "HEAD"):
        answer = ask(method, BASE)
        assert (answer.status, answer.headers["location"]) == (303, f"{BASE}/")
    assert ask("POST", BASE).status == 404
    assert ask("GET", f"{BASE}/").headers["location"] == f"{BASE}/sign-in"


def test_no_other_spelling_of_it_leads_there(world: World) -> None:
    ask = InProcess(create_app(world.services, base=BASE))
    for path in (f"{BASE}/metrics", f"{BASE}/health/live"):
        assert ask("GET", path).status == 200
        for other in {*spellings(path)} - {path}:
            assert ask("GET", other).status == 404, other


def test_a_key_in_the_url_is_kept_out_as_ever(behind: World) -> None:
    answer = behind.ask("GET", f"/nothing/{behind.robot().secret.text}", headers={"Accept": "text/html"})
    assert answer.status == 400
    in_json = behind.ask("GET", f"{OWN_KEY}?{behind.robot().secret.text}", headers={"Accept": "text/html"})
    assert in_json.headers["content-type"] == "application/problem+json"


def test_behind_nginx_as_it_is_documented(world: World) -> None:
    text = OPERATING.read_text(encoding="utf-8")
    (block,) = re.findall(r"^location /rpa/ \{\n.*?^\}$", text, re.MULTILINE | re.DOTALL)
    (base,) = re.findall(r"^RPAWATCH_BASE_PATH=(.*)$", text, re.MULTILINE)
    app = create_app(world.services, base=base)
    with serving(app, trusted_proxy="127.0.0.1") as server, nginx_before(server.address[1], block) as places:
        ask = OverSocket(places["127.0.0.1"])
        assert ask("GET", f"{base}/health/live").status == 200
        assert ask("GET", f"{base}/").headers["location"] == f"{base}/sign-in"
        assert ask("GET", base).headers["location"].endswith(f"{base}/")
        robot = replace(world.robot(), ask=ask)
        sent = ask("POST", f"{base}{REPORT}", headers=robot.headers, json=robot.report_body())
        assert sent.status == 201
        assert sent.headers["location"].startswith(f"{base}/api/v1/accounts/")


def test_what_the_server_refuses_by_itself_leads_to_its_explanation_too() -> None:
    _, body = problem_of_server(400, "malformed-request", detail="x", instance="/", request_id=None, base=BASE)
    assert json.loads(body)["type"] == f"{BASE}/problems/malformed-request"
