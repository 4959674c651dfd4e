"""A key in a URL is in histories and logs on the way: it is refused whatever else is sent, and kept out of our log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.api import OWN_KEY, REPORT, SESSION

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


def encoded(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


PLACES = [
    f"{REPORT}?key={{plain}}",
    f"{OWN_KEY}?api_key={{plain}}",
    f"{OWN_KEY}?{{plain}}",
    f"{OWN_KEY}?{{plain}}=1",
    f"{OWN_KEY}?x=prefix{{plain}}suffix",
    "/{plain}",
    "/api/v1/{plain}/ingest/report",
    f"{OWN_KEY}/{{plain}}",
    f"{OWN_KEY};{{plain}}",
    "/nothing?x={encoded}",
    "/{encoded}",
    "/{encoded_twice}",
    f"{OWN_KEY}?x={{encoded_twice}}",
    f"{OWN_KEY}?x={{first_encoded}}",
    "/health/live?x={plain}",
    "/?{plain}",
    "/api/v1/accounts/{plain}/keys",
]


def filled(place: str, secret: str) -> str:
    return place.format(
        plain=secret,
        encoded=encoded(secret),
        encoded_twice=encoded(encoded(secret)),
        first_encoded=encoded(secret[0]) + secret[1:],
    )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shown", ["nothing", "a valid key", "a valid session"])
def test_a_key_in_the_url_is_refused_whatever_else_is_sent_and_logged_nowhere(
    world: World, place: str, shown: str
) -> None:
    robot = world.robot()
    headers = {"a valid key": robot.headers, "a valid session": world.signed_in("alice")}.get(shown, {})
    secret = robot.secret.text
    with capture_logs() as lines:
        answers = [world.ask(method, filled(place, secret), headers=headers) for method in ("GET", "POST")]
    for answer in answers:
        assert (answer.status, answer.problem) == (400, "key-in-url")
        assert answer.json["instance"] == "/"
        assert "X-API-Key" in answer.json["detail"]
    random_part = secret.removeprefix("rpakey_")[8:]
    for text in (secret, random_part, encoded(secret), encoded(encoded(secret)), encoded(random_part)):
        assert text not in str(lines)
        assert all(text.encode() not in answer.body and text not in str(answer.headers) for answer in answers)
    assert [line["problem"] for line in lines] == ["key-in-url"] * 2
    assert world.application.kinds(robot.key_id) == ["Created"], "it is no use of the key"


@pytest.mark.parametrize("place", PLACES)
def test_it_is_the_same_over_a_socket(over_socket: World, place: str) -> None:
    secret = over_socket.robot().secret.text
    with capture_logs() as lines:
        answer = over_socket.ask("GET", filled(place, secret))
    assert (answer.status, answer.problem) == (400, "key-in-url")
    assert secret.removeprefix("rpakey_")[8:] not in str(lines) + str(answer)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_it_is_the_same_with_any_method(world: World, method: str) -> None:
    assert world.ask(method, f"{SESSION}?{world.robot().secret.text}").status == 400


def test_the_public_prefix_of_a_key_is_no_key(world: World) -> None:
    prefix = f"rpakey_{world.robot().secret.prefix}"
    assert world.ask("GET", f"/nothing/{prefix}").status == 404
    assert world.ask("GET", f"/nothing/{prefix}x").status == 400
