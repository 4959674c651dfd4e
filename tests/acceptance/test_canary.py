"""Secrets that are easy to recognise go through a service that logs all it can; afterwards they are nowhere.

Except in the one answer that creates each, which the client below takes out of its hands and does not look through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from application.store.database import Database
from domain.key_secret import generate
from tests.support.api import ACCOUNTS, OWN_KEY, REPORT, SESSION
from tests.support.canary import Traces, leaks
from tests.support.clock import FakeClock
from tests.support.postgres import url_with
from tests.support.running import application_on
from tests.support.service import ADMIN_EMAIL, ADMIN_PASSWORD, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.api import Answer

TYPED_WRONG = "canary typed into the wrong field"
DATABASE_PASSWORD = "canary-of-the-database-0f3b"


class Watched:
    """A service of its own that is asked for a lot, with the secrets that it was told or gave, and its answers."""

    def __init__(self, service: Service, database_url: str) -> None:
        self.service = service
        self.database_url = database_url
        self.secrets = {"the administrator's password": ADMIN_PASSWORD, "a password typed wrong": TYPED_WRONG}
        self.answers = Traces()

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, **sent: Any) -> Answer:
        """Ask, and remember the answer."""
        answer = self.service.ask(method, path, headers=headers, **sent)
        return self.answers.add_answer(f"{method} {path[:60]}", answer)

    def create(self, path: str, headers: Mapping[str, str], body: Any, *names: str) -> Any:
        """Ask for something with secrets in the answer; remember the secrets, and the answer without them."""
        answer = self.service.ask("POST", path, headers=headers, json=body)
        assert answer.status in {200, 201}, answer.body
        for name in names:
            self.secrets[f"{name} {len(self.secrets)}"] = answer.json[name]
        self.answers.by_place[f"answer to POST {path}"] = str(
            [answer.headers if "token" not in names else None, {k: v for k, v in answer.json.items() if k not in names}]
        )
        return answer.json

    def traces(self) -> Traces:
        """Return everything that was left behind by now."""
        found = Traces(dict(self.answers.by_place))
        found.by_place["metrics"] = self.service.ask("GET", "/metrics").body.decode()
        found.by_place["log"] = self.service.said()
        found.add_database(self.database_url)
        database = Database(self.database_url)
        database.open()
        try:
            found.add_events(application_on(database, FakeClock()).log_after(0))
        finally:
            database.close()
        return found


@pytest.fixture(scope="module")
def watched(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder: Path = tmp_path_factory.mktemp("canary")
    # A server that trusts its socket ignores the password, and the service must not tell it all the same.
    url = database_url if "password=" in database_url else url_with(database_url, password=DATABASE_PASSWORD)
    service = Service(folder, {"RPAWATCH_DATABASE_URL": url, "RPAWATCH_LOG_LEVEL": "debug"})
    service.start()
    watched = Watched(service, database_url)
    watched.secrets["the database's password"] = DATABASE_PASSWORD
    yield watched
    service.stop()


@pytest.fixture(scope="module")
def after_a_day(watched: Watched) -> Watched:
    """The service after all that is usual, and much that is not."""
    ask = watched.ask
    session = watched.create(SESSION, {}, {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}, "token", "csrf_token")
    bearer = {"Authorization": f"Bearer {session['token']}"}
    account = f"{ACCOUNTS}/{ask('GET', ACCOUNTS, bearer).json['items'][0]['id']}"
    process = watched.create(f"{account}/processes", bearer, {"name": "Invoices"})
    key = watched.create(f"{account}/keys", bearer | {"Idempotency-Key": "k"}, {"name": "Nightly"}, "key")
    ended = watched.create(f"{account}/keys", bearer, {"name": "Ended"}, "key")
    rotated = watched.create(f"{account}/keys/{ended['id']}/rotate", bearer | {"Idempotency-Key": "r"}, {}, "key")
    ask("POST", f"{account}/keys/{ended['id']}/rotate", bearer | {"Idempotency-Key": "r"}, json={})
    ask("POST", f"{account}/keys/{ended['id']}/rotate", bearer, json={})
    ask("PATCH", f"{account}/keys/{rotated['id']}", bearer, json={"name": rotated["key"][:4], "limit": 7})
    _robots_do_what_robots_do(watched, rotated["key"], process["flow_id"])
    member = {"email": f"{uuid4().hex}@example.com", "role": "account_admin"}
    first_password = watched.create(f"{account}/members", bearer, member, "first_password")["first_password"]
    _people_do_what_people_do(watched, session, account, member["email"], first_password)
    _robots_do_what_robots_do(watched, key["key"], process["flow_id"])
    ask("POST", f"{account}/keys", bearer | {"Idempotency-Key": "k"}, json={"name": "Nightly"})
    ask("GET", f"{account}/keys/{key['id']}", bearer)
    ask("POST", f"{account}/keys/{ended['id']}/deactivate", bearer, json={"reason": "not needed"})
    _robots_do_what_robots_do(watched, ended["key"], process["flow_id"])
    unknown = generate().text
    watched.secrets["a key that nobody made"] = unknown
    _robots_do_what_robots_do(watched, unknown, process["flow_id"])
    return watched


def _cookie_name(watched: Watched) -> str:
    """Return what the session's cookie is called, which the document of this installation says."""
    document = watched.service.ask("GET", "/openapi.json").json
    return str(document["components"]["securitySchemes"]["cookie"]["name"])


def _people_do_what_people_do(watched: Watched, session: Any, account: str, email: str, password: str) -> None:
    ask, json = watched.ask, {"Content-Type": "application/json"}
    mine = watched.create(SESSION, {}, {"email": email, "password": password}, "token", "csrf_token")
    cookie = {"Cookie": f"{_cookie_name(watched)}={mine['token']}"}
    for headers in ({"Authorization": f"Bearer {mine['token']}"}, cookie):
        # Who signed in is told the csrf_token again, and nothing else that is secret.
        answer = watched.service.ask("GET", SESSION, headers=headers)
        watched.answers.by_place["answer to GET session"] = str({**answer.json, "csrf_token": "taken out"})
    ask("POST", f"{account}/processes", cookie | {"X-CSRF-Token": mine["csrf_token"]}, json={"name": "Orders"})
    ask("POST", f"{account}/processes", cookie, json={"name": "Orders"})
    ask("POST", f"{account}/processes", cookie | {"X-CSRF-Token": session["csrf_token"]}, json={"name": "Orders"})
    ask("POST", SESSION, json={"email": email, "password": TYPED_WRONG})
    ask("POST", SESSION, json={"email": TYPED_WRONG, "password": password})
    ask("POST", SESSION, json={"email": email, "password": [password], "x": TYPED_WRONG})
    ask("POST", SESSION, json, body=f'{{"email": "{email}", "password": "{password}" oops'.encode())
    ask("POST", SESSION, {"Content-Type": "text/plain"}, body=password.encode())
    ask("POST", SESSION, json | {"Content-Encoding": "gzip"}, body=password.encode())
    ask("GET", SESSION, {"Authorization": f"Basic {password}"})
    ask("DELETE", SESSION, {"Authorization": f"Bearer {mine['token']}"})
    ask("GET", SESSION, {"Authorization": f"Bearer {mine['token']}"})
    ask("GET", account, {"Authorization": f"Bearer {mine['token']}"})


def _robots_do_what_robots_do(watched: Watched, key: str, flow_id: str) -> None:
    ask, shown = watched.ask, {"X-API-Key": key}
    report = {"flow_id": flow_id, "robot_id": "robot-7", "started_at": "2026-03-10T21:43:51Z"}
    ask("POST", REPORT, shown | {"Idempotency-Key": "job-1"}, json=report)
    ask("POST", REPORT, shown | {"Idempotency-Key": "job-1"}, json=report)
    ask("POST", REPORT, shown | {"Idempotency-Key": key}, json=report)
    ask("POST", REPORT, shown | {"X-Request-Id": key}, json=report)
    ask("POST", REPORT, shown, json={"flow_id": key, "started_at": key})
    ask("POST", REPORT, shown | {"Content-Type": "application/json"}, body=f'{{"key": "{key}" oops'.encode())
    ask("POST", REPORT, shown | {"Content-Type": key}, body=b"{}")
    ask("POST", REPORT, shown | {"Content-Length": "99999999"}, body=b"{}")
    ask("GET", OWN_KEY, shown)
    ask("GET", OWN_KEY, {"X-API-Key": f"{key}x"})
    ask("GET", OWN_KEY, {"Authorization": f"Bearer {key}", "Cookie": f"{_cookie_name(watched)}={key}"})
    ask("GET", ACCOUNTS, shown | {"X-CSRF-Token": key})
    # In the log of a proxy on the way, a key in a URL is lost; in ours it is not.
    for target in (f"{OWN_KEY}?key={key}", f"/{key}", f"/%72pakey_{key[7:]}", f"/nothing?x=%2572pakey_{key[7:]}"):
        ask("GET", target, shown)
        ask("BREW", target)


def test_a_secret_is_nowhere_but_in_the_one_answer_that_creates_it(after_a_day: Watched) -> None:
    traces = after_a_day.traces()
    assert leaks(after_a_day.secrets, traces) == []
    assert len(after_a_day.secrets) >= 10
    assert {"log", "metrics", "events", "table rpawatch.events", "table rpawatch.users"} <= traces.by_place.keys()
    assert '"request"' in traces.by_place["log"]
    assert "Nightly" in traces.by_place["events"]


def test_the_digest_alone_is_at_rest_and_no_dump_of_the_database_can_sign_a_request(after_a_day: Watched) -> None:
    traces = after_a_day.traces()
    stored = "".join(text for place, text in traces.by_place.items() if place.startswith("table "))
    # Words that a header can hold: the tree of the log is bytes.
    candidates = {word for found in stored.split() if (word := found.strip("'\",{}")).isascii() and word.isprintable()}
    digests = [word for word in candidates if word.startswith("rpakey_") or len(word) in {43, 44, 64}]
    assert digests, "at least those of sessions"
    for word in digests[:100]:
        assert after_a_day.service.ask("GET", OWN_KEY, headers={"X-API-Key": word}).status in {401, 429}
        assert after_a_day.service.ask("GET", SESSION, headers={"Authorization": f"Bearer {word}"}).status == 401


def _store(watched: Watched, secret: str) -> None:
    session = watched.service.ask("POST", SESSION, json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
    bearer = {"Authorization": f"Bearer {session.json['token']}"}
    assert watched.service.ask("POST", ACCOUNTS, headers=bearer, json={"name": f"about {secret}"}).status == 201


LEAKS: dict[str, Callable[[Watched, str], object]] = {
    "log": lambda watched, secret: watched.service.ask("GET", f"/nothing/{secret}"),
    "table rpawatch.events": _store,
    "events": _store,
    "answer": lambda watched, secret: watched.ask("GET", "/nothing", {"X-Request-Id": secret}),
    "metrics": lambda watched, secret: watched.answers.by_place.update(metrics_of_another_service=secret),
}


@pytest.mark.parametrize("place", LEAKS)
def test_a_deliberate_leak_is_caught_by_the_same_check(watched: Watched, place: str) -> None:
    secret = f"canary-{uuid4().hex}"
    LEAKS[place](watched, secret)
    found = leaks({"planted": secret}, watched.traces())
    assert any(leak.startswith(f"planted in {place}") for leak in found), found


def test_a_leak_in_disguise_is_caught_too() -> None:
    secret = "four words of a password"
    for disguise in (secret.encode().hex(), "four%20words%20of%20a%20password", "four+words+of+a+password"):
        assert leaks({"planted": secret}, Traces({"log": f"x{disguise}y"})) == ["planted in log"]
    key = generate()
    assert leaks({"key": key.text}, Traces({"log": f"rpakey_{key.prefix}…"})) == [], "the prefix is public"
    assert leaks({"key": key.text}, Traces({"log": key.text[15:]})) == ["key in log"]
