"""Whether a form comes from a page of ours: however a proxy spells that, and not when another site says so."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from interfaces.http.cookies import VISITOR
from tests.support.pages import Seen
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.world import World

HTTPS = {"X-Forwarded-Proto": "https"}
SILENT: list[dict[str, str]] = [{}, {"Origin": "null"}]
"""What is sent where browsers are kept from telling; and what a form in a sandbox on another site sends."""

OURS = [
    ("watch.example", {"Origin": "http://watch.example"}),
    ("watch.example", {"Origin": "https://watch.example"}),  # of a proxy that does not tell the scheme
    ("watch.example", {"Origin": "https://watch.example"} | HTTPS),
    ("Watch.Example", {"Origin": "https://watch.example"} | HTTPS),
    ("watch.example", {"Origin": "https://WATCH.example"} | HTTPS),
    ("watch.example:443", {"Origin": "https://watch.example"} | HTTPS),
    ("watch.example:443", {"Origin": "https://watch.example"}),
    ("watch.example", {"Origin": "https://watch.example:443"} | HTTPS),
    ("watch.example:80", {"Origin": "http://watch.example"}),
    ("watch.example:", {"Origin": "http://watch.example"}),
    ("watch.example.", {"Origin": "http://watch.example"}),
    ("watch.example", {"Origin": "http://watch.example.:80"}),
    ("watch.example:8000", {"Origin": "http://watch.example:8000"}),
    ("xn--brse-5qa.example", {"Origin": "https://xn--brse-5qa.example"}),
    ("[2001:db8::7]", {"Origin": "http://[2001:db8::7]"}),
    ("[2001:DB8::7]:80", {"Origin": "http://[2001:db8::7]"}),
    ("10.0.0.5:8000", {"Origin": "https://watch.example", "Sec-Fetch-Site": "same-origin"}),
    ("watch.example", {"Origin": "null", "Sec-Fetch-Site": "same-origin"}),
    ("watch.example", {"Sec-Fetch-Site": "none"}),
]
"""Host, and fields: what a browser sends with a form of ours, and what proxies make of it."""

OF_OTHERS = [
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},  # a sandbox
    {"Origin": "http://watch.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://watch.example:9000", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "http://evil.example"},
    {"Origin": "https://evil.example"} | HTTPS,
    {"Origin": "http://watch.example"} | HTTPS,  # whoever is on the way could have made that page
    {"Origin": "http://watch.example:8080"},
    {"Origin": "http://sub.watch.example"},
    {"Origin": "http://watch.example.evil.example"},
    {"Origin": "http://watch.example@evil.example"},
    {"Origin": "http://watch.example..:80"},
    {"Origin": "http://watch.example, http://evil.example"},
    {"Origin": "file://watch.example"},
    {"Origin": "watch.example"},
    {"Origin": "http://["},
    {"Origin": "http://[]:80"},
    {"Origin": "NULL"},
    {"Origin": "null null"},
    {"Origin": "http://\u2100".encode().decode("latin-1")},
]


def post(world: World, path: str, fields: Mapping[str, str], headers: Mapping[str, str], host: str) -> Seen:
    sent = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded", "Host": host, **headers}
    return Seen(world.ask("POST", path, headers=sent, body=urlencode(fields).encode()), path)


def credentials(world: World, name: str = "alice") -> dict[str, str]:
    world.people.sign_up(name)
    return {"email": email_of(name), "password": password_of(name), "next": "/accounts"}


def cookies_of(page: Seen) -> dict[str, str]:
    """Return the cookies that a browser would send from now on."""
    return {"Cookie": "; ".join(cookie.partition(";")[0] for cookie in page.answer.set_cookies)}


@pytest.mark.parametrize(("host", "headers"), OURS)
def test_one_signs_in_and_sends_forms_however_a_proxy_spells_the_host(
    world: World, host: str, headers: dict[str, str]
) -> None:
    signed_in = post(world, "/sign-in", credentials(world), headers, host)
    assert (signed_in.status, signed_in.answer.headers.get("location")) == (303, "/accounts")
    mine = world.session("alice")
    cookie = {"Cookie": f"{world.cookie_name(secure='X-Forwarded-Proto' in headers)}={mine['token']}"}
    form = {"name": "Invoices", "once": "1"}
    path = f"/accounts/{world.cast.account_a}/processes/new"
    assert post(world, path, form | {"csrf": mine["csrf_token"]}, headers | cookie, host).status == 303
    again = post(world, path, form | {"csrf": "of an earlier session"}, headers | cookie, host)
    assert "What you typed is still here" in again.text


@pytest.mark.parametrize("headers", OF_OTHERS)
def test_a_form_of_another_site_signs_nobody_in_and_changes_nothing_however_it_is_spelled(
    world: World, headers: dict[str, str]
) -> None:
    """Not even with the right token and cookies: somebody who has these is no site, and a browser tells the truth."""
    host = "watch.example"
    shown = Seen(world.ask("GET", "/sign-in", headers={"Host": host}), "/sign-in")
    fields = shown.form() | credentials(world)
    signed_in = post(world, "/sign-in", fields, headers | cookies_of(shown), host)
    assert (signed_in.status, signed_in.answer.set_cookies) == (403, ())
    mine = world.session("alice")
    form = {"name": "Invoices", "once": "1", "csrf": mine["csrf_token"]}
    cookies = "; ".join(f"{world.cookie_name(secure=secure)}={mine['token']}" for secure in (False, True))
    path = f"/accounts/{world.cast.account_a}/processes/new"
    page, appended = world.appended_by(lambda: post(world, path, form, headers | {"Cookie": cookies}, host))
    assert (page.status, appended) == (403, [])
    assert "Invoices" not in page.text


@pytest.mark.parametrize("headers", SILENT)
@pytest.mark.parametrize("scheme", [{}, HTTPS], ids=["http", "https"])
def test_where_nothing_tells_one_signs_in_with_the_form_that_the_browser_was_given(
    world: World, headers: dict[str, str], scheme: dict[str, str]
) -> None:
    host = "watch.example"
    shown = Seen(world.ask("GET", "/sign-in", headers={"Host": host} | scheme), "/sign-in")
    [cookie] = shown.answer.set_cookies
    assert cookie.startswith(f"{world.cookie_name(VISITOR, secure=bool(scheme))}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert ("Secure" in cookie.split("; ")) == bool(scheme)
    sent = headers | scheme | cookies_of(shown)
    assert cookie.partition(";")[0].partition("=")[2] not in shown.answer.body.decode(), "masked"
    wrong = post(world, "/sign-in", shown.form() | credentials(world) | {"password": "wrong"}, sent, host)
    assert (wrong.status, wrong.answer.set_cookies) == (401, ())
    signed_in = post(world, "/sign-in", wrong.form() | credentials(world), sent, host)
    assert signed_in.location == "/accounts"
    # A second tab has the same one.
    other = Seen(world.ask("GET", "/sign-in", headers={"Host": host} | sent), "/sign-in")
    assert other.answer.set_cookies == ()
    assert post(world, "/sign-in", other.form() | credentials(world), sent, host).status == 303


@pytest.mark.parametrize("headers", SILENT)
def test_where_nothing_tells_nobody_is_signed_in_with_a_form_of_another_browser(
    world: World, headers: dict[str, str]
) -> None:
    """As a page in a sandbox would, over plain http: it knows a form of its own, and its victim may have a cookie."""
    attackers, victims = (Seen(world.ask("GET", "/sign-in"), "/sign-in") for _ in range(2))
    fields = attackers.form() | credentials(world, "carol")
    no_value = {"Cookie": f"{world.cookie_name(VISITOR)}="}
    for cookies in ({}, no_value, cookies_of(victims)):
        for visitor in (fields["visitor"], "", "é"):
            page = post(world, "/sign-in", fields | {"visitor": visitor}, headers | cookies, "watch.example")
            assert (page.status, page.heading) == (403, "Sign in")
            assert "did not tell that this form came from this site" in page.alert
            assert email_of("carol") not in page.answer.body.decode()
            names = {cookie.partition("=")[0] for cookie in page.answer.set_cookies}
            assert names <= {world.cookie_name(VISITOR)}
    # What was told to the browser meanwhile gets its person in.
    mine = credentials(world)
    assert post(world, "/sign-in", page.form() | mine, headers | cookies_of(victims), "watch.example").status == 303


@pytest.mark.parametrize("headers", SILENT)
def test_where_nothing_tells_a_form_needs_the_token_of_the_session_and_is_never_shown_with_what_was_typed(
    world: World, headers: dict[str, str]
) -> None:
    mine, path = world.session("alice"), f"/accounts/{world.cast.account_a}/processes/new"
    form, sent = {"name": "Typed", "once": "1"}, headers | world.cookie(mine["token"])
    for token in ({}, {"csrf": ""}, {"csrf": world.session("carol")["csrf_token"]}, {"resumed": "1"}):
        page, appended = world.appended_by(lambda t=token: post(world, path, form | t, sent, "watch.example"))
        assert (page.status, appended) == (403, [])
        assert "Typed" not in page.text
    assert post(world, path, form | {"csrf": mine["csrf_token"]}, sent, "watch.example").status == 303
    without_a_session = post(world, path, form, headers, "watch.example")
    assert without_a_session.location == "/sign-in", "what was typed is not kept either"


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_browser_that_tells_gets_no_cookie_for_it(world: World, site: str) -> None:
    page = Seen(world.ask("GET", "/sign-in", headers={"Sec-Fetch-Site": site}), "/sign-in")
    assert page.answer.set_cookies == ()
    assert "visitor" not in page.form()
