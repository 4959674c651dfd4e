from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from domain.limits import REQUEST_ID_CHARS_MAX

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.mark.parametrize("sent", ["a", "job-417.retry_2", "0", "-", "." * REQUEST_ID_CHARS_MAX])
def test_a_sane_request_id_is_taken_over_into_the_answer_and_the_log(world: World, sent: str) -> None:
    for path in ("/health/live", "/nothing"):
        with capture_logs() as lines:
            answer = world.ask("GET", path, headers={"X-Request-Id": sent})
        assert answer.headers["x-request-id"] == sent
        assert [line["request_id"] for line in lines] == [sent]


@pytest.mark.parametrize(
    "sent",
    ["", " ", "a b", "a;b", "a\tb", "é", "<script>", "{}", "a" * (REQUEST_ID_CHARS_MAX + 1), '"quoted"', "a,b"],
)
def test_any_other_is_replaced_by_a_new_one(world: World, sent: str) -> None:
    with capture_logs() as lines:
        answer = world.ask("GET", "/nothing", headers={"X-Request-Id": sent})
    made = answer.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert answer.json["request_id"] == made
    assert [line["request_id"] for line in lines] == [made]


def test_without_one_each_request_gets_its_own(world: World) -> None:
    assert len({world.ask("GET", "/health/live").headers["x-request-id"] for _ in range(10)}) == 10


def test_a_key_is_no_request_id(world: World) -> None:
    secret = world.robot().secret.text
    with capture_logs() as lines:
        answer = world.ask("GET", "/health/live", headers={"X-Request-Id": secret})
    assert secret not in str(answer.headers)
    assert secret not in str(lines)


def test_it_stands_in_the_events_that_the_request_brought_about(world: World) -> None:
    robot = world.robot()
    robot.report({"X-Request-Id": "job-417"})
    assert world.application.events(robot.key_id)[-1].request_id == "job-417"


def test_it_is_the_same_over_a_socket_also_where_the_server_answers_by_itself(over_socket: World) -> None:
    too_large = {"Content-Length": "99999999"}
    for method, path, headers in (("GET", "/health/live", {}), ("GET", "/nothing", {}), ("POST", "/", too_large)):
        for sent, same in (("mine-1", True), ("not mine", False)):
            answer = over_socket.ask(method, path, headers={**headers, "X-Request-Id": sent})
            assert (answer.headers["x-request-id"] == sent) is same
