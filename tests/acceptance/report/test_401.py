"""A caller without a valid key learns nothing: not which part is wrong, and nothing else about the request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.key_secret import generate
from domain.limits import BAD_KEYS_PER_MINUTE_MAX
from interfaces.bootstrap import Services
from interfaces.http.app import create_app
from tests.support.api import OWN_KEY, REPORT, WWW_AUTHENTICATE, Answer, InProcess
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

ENDS_IN = timedelta(minutes=5)


def no_key(world: World) -> dict[str, str]:
    del world
    return {}


def empty(world: World) -> dict[str, str]:
    del world
    return {"X-API-Key": ""}


def wrong_form(world: World) -> dict[str, str]:
    del world
    return {"X-API-Key": "let me in"}


def cut_short(world: World) -> dict[str, str]:
    return {"X-API-Key": world.robot().secret.text[:-1]}


def one_character_changed(world: World) -> dict[str, str]:
    text = world.robot().secret.text
    return {"X-API-Key": text[:20] + ("a" if text[20] != "a" else "b") + text[21:]}


def outside_ascii(world: World) -> dict[str, str]:
    return {"X-API-Key": world.robot().secret.text[:-1] + "é"}


def twice(world: World) -> dict[str, str]:
    text = world.robot().secret.text
    return {"X-API-Key": f"{text},{text}"}


def unknown(world: World) -> dict[str, str]:
    del world
    return {"X-API-Key": generate().text}


def as_bearer_token(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.robot().secret.text}"}


def a_session(world: World) -> dict[str, str]:
    return world.signed_in("tess")


def deactivated(world: World) -> dict[str, str]:
    robot = world.robot()
    assert robot.report().status == 201
    world.application.execute(world.cast.deactivate_key_command(robot.key_id))
    return robot.headers


def expired(world: World) -> dict[str, str]:
    robot = world.robot(expires_at=world.clock.now + ENDS_IN)
    assert robot.report().status == 201
    world.clock.advance(ENDS_IN)
    return robot.headers


WITHOUT_A_VALID_KEY = (
    no_key,
    empty,
    wrong_form,
    cut_short,
    one_character_changed,
    outside_ascii,
    twice,
    unknown,
    as_bearer_token,
    a_session,
    deactivated,
    expired,
)


@pytest.fixture
def refusal(world: World) -> Answer:
    return world.ask("POST", REPORT, json={})


@pytest.mark.parametrize("shown", WITHOUT_A_VALID_KEY)
def test_every_request_without_a_valid_key_is_refused_in_the_same_words(
    world: World, refusal: Answer, shown: Callable[[World], dict[str, str]]
) -> None:
    headers = shown(world)
    before = world.application.position()
    answer = world.ask("POST", REPORT, headers=headers, json={})
    assert (answer.status, answer.problem) == (401, "invalid-api-key")
    assert answer.headers["www-authenticate"] == WWW_AUTHENTICATE
    assert answer.without_request_id == refusal.without_request_id
    assert "ratelimit" not in answer.headers
    # That a key is still presented after its end is noted with it, and the answer does not wait for that.
    noted = ["api_key.refused"] if shown in {deactivated, expired} else []
    wait_until(lambda: len(world.application.log_after(before)) >= len(noted), "it is noted")
    assert [entry.topic for entry in world.application.log_after(before)] == noted


@pytest.mark.parametrize("shown", [no_key, unknown, deactivated, expired])
def test_it_is_refused_in_the_same_words_where_one_looks_at_a_key(
    world: World, shown: Callable[[World], dict[str, str]]
) -> None:
    answer = world.ask("GET", OWN_KEY, headers=shown(world))
    assert (answer.status, answer.problem) == (401, "invalid-api-key")
    assert answer.without_request_id == world.ask("GET", OWN_KEY).without_request_id


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b"{"),
        ({"Content-Type": "text/plain"}, b"hello"),
        ({"Content-Type": "application/json", "Content-Encoding": "br"}, b"x"),
        ({"Content-Type": "application/json", "Idempotency-Key": "x" * 1000}, b"{}"),
        ({}, b""),
    ],
)
def test_nothing_is_said_of_the_rest_of_the_request(
    world: World, refusal: Answer, headers: dict[str, str], body: bytes
) -> None:
    answer = world.ask("POST", REPORT, headers=headers, body=body)
    assert answer.without_request_id == refusal.without_request_id


def test_a_key_is_good_up_to_the_very_instant_of_its_end(world: World) -> None:
    robot = world.robot(expires_at=world.clock.now + ENDS_IN)
    world.clock.advance(ENDS_IN - timedelta(microseconds=1))
    assert robot.report().status == 201
    world.clock.advance(timedelta(microseconds=1))
    assert robot.report().status == 401


def test_a_deactivated_key_is_refused_on_the_next_request_in_every_process(world: World, database_url: str) -> None:
    robot = world.robot()
    with Services(database_url, clock=world.clock) as other:
        ask_other = InProcess(create_app(other.begin()))
        assert ask_other("GET", OWN_KEY, headers=robot.headers).status == 200
        path = world.account(f"/keys/{robot.key_id}/deactivate")
        assert world.ask("POST", path, headers=world.signed_in("alice"), json={}).status == 200
        assert ask_other("GET", OWN_KEY, headers=robot.headers).status == 401
        assert world.ask("GET", OWN_KEY, headers=robot.headers).status == 401


@pytest.mark.parametrize("before", ["never seen", "used", "used up", "used up elsewhere"])
@pytest.mark.parametrize("end", ["deactivated", "rotated", "expired"])
def test_however_often_a_key_is_presented_that_another_process_has_ended_it_is_refused_as_ended(
    world: World, database_url: str, before: str, end: str
) -> None:
    robot = world.robot(limit=3, expires_at=world.clock.now + ENDS_IN)
    with Services(database_url, clock=world.clock) as other:
        ask_other = InProcess(create_app(other.begin()))
        uses = {"never seen": 0, "used": 1, "used up": 5, "used up elsewhere": 1}[before]
        for _ in range(uses):
            ask_other("GET", OWN_KEY, headers=robot.headers)
        if before == "used up elsewhere":
            assert [robot.look().status for _ in range(3)] == [200, 200, 429]
        if end == "expired":
            world.clock.advance(ENDS_IN)
        else:
            step, body = ("deactivate", {}) if end == "deactivated" else ("rotate", {"overlap_seconds": 0})
            path = world.account(f"/keys/{robot.key_id}/{step}")
            assert world.ask("POST", path, headers=world.signed_in("alice"), json=body).status in {200, 201}
        answers = [
            ask(method, path, headers=robot.headers, json={}, address="192.0.2.99")
            for _ in range(BAD_KEYS_PER_MINUTE_MAX // 2 + 1)
            for ask in (ask_other, world.ask)
            for method, path in (("GET", OWN_KEY), ("POST", REPORT))
        ]
        assert {(answer.status, answer.problem) for answer in answers} == {(401, "invalid-api-key")}
        assert not any({"retry-after", "ratelimit"} & answer.headers.keys() for answer in answers)
        junk = ask_other("GET", OWN_KEY, headers={"X-API-Key": generate().text}, address="192.0.2.99")
        assert junk.status == 401, "a robot that was forgotten guesses nothing"


def test_a_key_that_another_process_has_just_made_works_at_once(world: World, database_url: str) -> None:
    with Services(database_url, clock=world.clock) as other:
        ask_other = InProcess(create_app(other.begin()))
        robot = world.robot()
        assert ask_other("GET", OWN_KEY, headers=robot.headers).status == 200
