"""What httplint, which knows the rules of HTTP's header fields, says of every kind of answer: nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from httplint import HttpRequestLinter, HttpResponseLinter, levels

from tests.acceptance.everywhere.test_compression import COMPRESSED, GZIP
from tests.acceptance.everywhere.test_conditional import KEPT
from tests.acceptance.everywhere.test_conditional import ask as ask_for
from tests.acceptance.everywhere.test_headers import ANSWERS
from tests.support.pages import Browser, browser_of
from tests.support.world import email_of, password_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.api import Answer, Ask
    from tests.support.world import World

ONE_CAST = True

ALLOWED = {
    "STATUS_BAD_REQUEST": "It tells of the status alone.",
    "STORE_PUBLIC_UNNECESSARY": "It is; and does no harm where a proxy in front asks for a password of its own.",
    "CSP_UNSAFE_INLINE": "Of styles, which Swagger UI sets itself; documents/test_200.py sees that scripts have none.",
}


class Linting:
    """Asks, and collects what is found in the answers."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.found: list[str] = []
        self.answers = 0

    def __call__(self, method: str, path: str, **sent: Any) -> Answer:
        began = time.time()
        answer = self._ask(method, path, **sent)
        # When it says that it was answered, if that is while it was asked: on a busy machine this may take long.
        told = parsedate_to_datetime(answer.headers["date"]).timestamp()
        answered = min(max(told, began), time.time())
        self.answers += 1
        notes = notes_on(method, path, sent.get("headers") or {}, answer, answered)
        self.found += [f"{method} {path[:80]}, {answer.status}: {note}" for note in notes]
        return answer


def notes_on(method: str, path: str, headers: Mapping[str, str], answer: Answer, answered: float) -> list[str]:
    """Return what is wrong with an answer, or may be. answered: when that was, by the clock here."""
    request = HttpRequestLinter()
    request.process_request_topline(method.encode(), f"http://watch.example{path}".encode(), b"1.1")
    request.process_headers([(name.encode(), value.encode("latin-1")) for name, value in headers.items()])
    request.finish_content(complete=True)
    response = HttpResponseLinter(start_time=answered)
    response.request = request
    response.is_head_response = method == "HEAD"
    response.process_response_topline(b"1.1", str(answer.status).encode(), b"")
    fields = [(name, value) for name, value in answer.headers.items() if name != "set-cookie"]
    fields += [("set-cookie", cookie) for cookie in answer.set_cookies]
    response.process_headers([(name.encode(), value.encode("latin-1")) for name, value in fields])
    if answer.body:
        response.feed_content(answer.body)
    response.finish_content(complete=True)
    notes = [note for found in response.notes for note in (found, *found.subnotes)]
    return [
        f"{type(note).__name__}: {note.summary}"
        for note in notes
        if note.level in {levels.WARN, levels.BAD} and type(note).__name__ not in ALLOWED
    ]


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """There is a checkpoint."""
    return True


@pytest.fixture
def linting(over_socket: World) -> Linting:
    return Linting(over_socket.ask)


@pytest.fixture
def watched(over_socket: World, linting: Linting) -> World:
    """The service as it is asked over a socket, every answer of which is looked at."""
    over_socket.wait_for_head()
    return replace(over_socket, ask=linting, users=replace(over_socket.users, ask=linting))


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_is_wrong_with_any_kind_of_answer(watched: World, linting: Linting, name: str) -> None:
    _, ask = ANSWERS[name]
    ask(watched)
    assert (linting.found, linting.answers > 0) == ([], True)


@pytest.mark.parametrize("name", [name for name in KEPT if not name.startswith("on ") or name == "on not-found"])
def test_nothing_is_wrong_with_what_may_be_kept(watched: World, linting: Linting, name: str) -> None:
    row = KEPT[name]
    for headers in ({}, {"Accept_Encoding": "gzip"}):
        etag = ask_for(watched, row, **headers).headers["etag"]
        for method in ("GET", "HEAD"):
            ask_for(watched, row, method, **headers)
            assert ask_for(watched, row, method, If_None_Match=etag, **headers).status == 304
    assert linting.found == []


@pytest.mark.parametrize("name", COMPRESSED)
def test_nothing_is_wrong_with_what_is_compressed(watched: World, linting: Linting, name: str) -> None:
    COMPRESSED[name](watched, GZIP)
    assert linting.found == []


def test_nothing_is_wrong_with_pages_and_what_forms_are_answered_with(watched: World, linting: Linting) -> None:
    browser, keys = browser_of(watched, "alice"), f"/accounts/{watched.cast.account_a}/keys"
    for path in ("/", "/profile", keys, f"{keys}/new", "/nowhere"):
        browser.get(path)
    browser.submit(f"{keys}/new", name="Nightly")
    browser.submit(f"{keys}/new", name="")
    visitor = Browser(watched)
    assert visitor.submit("/sign-in", email=email_of("alice"), password=password_of("alice")).status == 303
    csrf = visitor.get("/profile").root.all("input", name="csrf")[0].attributes["value"]
    assert visitor.post("/sign-out", {"csrf": csrf}).status == 303
    watched.ask("GET", "/sign-in")
    assert (linting.found, linting.answers > 10) == ([], True)


def test_what_is_wrong_is_found(over_socket: World) -> None:
    answer = over_socket.ask("GET", "/openapi.json")
    wrong = {"etag": "no-quotes", "date": "yesterday", "cache-control": "max-age=soon", "content-length": "7"}
    notes = notes_on("GET", "/openapi.json", {}, replace(answer, headers=dict(answer.headers) | wrong), time.time())
    assert len(notes) >= len(wrong)
