"""Header fields that stand on every answer, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import ACCOUNTS, OWN_KEY, REPORT, SESSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.api import Answer
    from tests.support.world import World

ONE_CAST = True

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


def crash(world: World) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.services.accounts, "of_user", lambda *_: 1 / 0)
        return world.ask("GET", ACCOUNTS, headers=world.signed_in("alice"))


def throttled(world: World) -> Answer:
    robot = world.robot(limit=1)
    robot.look()
    return robot.look()


ANSWERS: dict[str, tuple[int, Callable[[World], Answer]]] = {
    "a report": (201, lambda world: world.robot().report()),
    "a key": (200, lambda world: world.robot().look()),
    "a session": (200, lambda world: world.people.sign_in("alice")),
    "a list": (200, lambda world: world.ask("GET", ACCOUNTS, headers=world.signed_in("alice"))),
    "a new key": (
        201,
        lambda world: world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json={"name": "x"}),
    ),
    "no content": (
        204,
        lambda world: world.ask(
            "DELETE", world.account(f"/members/{world.cast.bob}"), headers=world.signed_in("alice")
        ),
    ),
    "the document": (200, lambda world: world.ask("GET", "/openapi.json")),
    "the page of the document": (200, lambda world: world.ask("GET", "/docs")),
    "a page on a problem": (200, lambda world: world.ask("GET", "/problems/not-found")),
    "a sign of life": (200, lambda world: world.ask("GET", "/health/live")),
    "metrics": (200, lambda world: world.ask("GET", "/metrics")),
    "options": (200, lambda world: world.ask("OPTIONS", REPORT)),
    "400": (400, lambda world: world.robot().send(b"{")),
    "a key in the URL": (400, lambda world: world.ask("GET", f"/{world.robot().secret.text}")),
    "401": (401, lambda world: world.ask("GET", OWN_KEY)),
    "not signed in": (401, lambda world: world.ask("GET", SESSION)),
    "403": (
        403,
        lambda world: world.ask("GET", world.account("/members"), headers=world.signed_in("con")),
    ),
    "404": (404, lambda world: world.ask("GET", "/nothing")),
    "405": (405, lambda world: world.ask("PUT", REPORT)),
    "413": (413, lambda world: world.ask("POST", REPORT, headers={"Content-Length": "99999999"}, body=b"x")),
    "415": (415, lambda world: world.robot().send(b"x", {"Content-Type": "text/plain"})),
    "422": (422, lambda world: world.robot().report(robot_id="")),
    "429": (429, throttled),
    "500": (500, crash),
}


DOCUMENTS = {"the document", "the page of the document", "a page on a problem"}
"""What is the same for everybody, and may be kept: tests/acceptance/everywhere/test_conditional.py has it all."""


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_the_header_fields_that_keep_browsers_out_of_trouble(world: World, name: str) -> None:
    status, ask = ANSWERS[name]
    answer = ask(world)
    assert answer.status == status, answer.body
    assert SECURITY.items() <= answer.headers.items()
    policy = answer.headers["content-security-policy"]
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert answer.headers["cache-control"] == ("no-cache" if name in DOCUMENTS else "no-store")
    assert "x-request-id" in answer.headers
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    assert not any(header.startswith("access-control-") for header in answer.headers)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/health/live", {}, 200),
        ("GET", "/nothing", {}, 404),
        ("PUT", REPORT, {}, 405),
        ("BREW", REPORT, {}, 501),
        ("GET", "/health/live", {"X-Big": "x" * 40_000}, 431),
        ("POST", REPORT, {"Content-Length": "99999999"}, 413),
    ],
)
def test_it_is_the_same_over_a_socket_also_where_the_server_answers_by_itself(
    over_socket: World, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = over_socket.ask(method, path, headers=headers)
    assert answer.status == status
    assert SECURITY.items() <= answer.headers.items()
    assert {"x-request-id", "content-security-policy", "cache-control"} <= answer.headers.keys()
    assert "server" not in answer.headers
    if status >= 400:
        assert answer.problem


@pytest.mark.parametrize("name", ["a report", "400", "403", "422", "429", "a key"])
def test_every_answer_to_a_valid_key_says_what_is_left_of_its_limit(world: World, name: str) -> None:
    answers: dict[str, Callable[[World], Answer]] = {
        **{name: ask for name, (_, ask) in ANSWERS.items()},
        "403": lambda w: w.robot(flow_id=w.cast.flow_a).report(flow_id=str(w.cast.other_flow_a)),
    }
    answer = answers[name](world)
    assert answer.headers["ratelimit"].startswith('"per-key";r=')
    assert answer.headers["ratelimit-policy"].startswith('"per-key";q=')
    assert answer.headers["ratelimit-policy"].endswith(";w=60")
