"""Numbers in `data` come back with the digits that were sent, or are refused with their place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from domain.limits import NUMBER_DIGITS_MAX
from interfaces.http.large_bodies import LARGE_BYTES_MIN
from projections.read_models import READ_MODELS
from projections.verify import verify
from tests.support.pages import Browser
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import Robot, World

KEPT = [
    "0", "-0", "0.0", "-0.0", "1.0", "1.10", "100", "1e2", "1E2", "1E+02", "1e-2", "0e0", "-0e-5", "5e-324", "1e-324",
    "1e-400", "-1e-400", "1e-99999999999999999999", "2.2250738585072014e-308", "1.7976931348623157e308", "0.1",
    "0.30000000000000004", "3.141592653589793238462643383279502884197", "9007199254740993", "9007199254740993.0",
    "18446744073709551616", "-9223372036854775809", "123456789012345678", "1234567890123456789",
    "12345678901234567890123.45", "1" + "0" * 400, "9" * NUMBER_DIGITS_MAX,
    "-" + "9" * NUMBER_DIGITS_MAX, "0." + "1234567890" * 1_000,
]  # fmt: skip
REFUSED = {
    "1e309": "too large",
    "-1e309": "too large",
    "1.8e308": "too large",
    "1e99999999999999999999": "too large",
    "9" * (NUMBER_DIGITS_MAX + 1): "digits",
    "-" + "9" * (NUMBER_DIGITS_MAX + 1): "digits",
    "NaN": "no number of JSON",
    "Infinity": "no number of JSON",
    "-Infinity": "no number of JSON",
}


def body_with(robot: Robot, data: str, *, padding: int = 0) -> bytes:
    """Return a report with this data, spelled like this."""
    body = json.dumps(robot.report_body())[:-1]
    if padding:
        details = [{"sequence_no": n, "status": "success", "result": "x" * 9_000} for n in range(padding // 9_000)]
        body += f', "details": {json.dumps(details)}'
    return f'{body}, "data": {data}}}'.encode()


def whole_job(world: World, reported: Answer) -> str:
    assert reported.status == 201, reported.body[:500]
    found = world.ask("GET", reported.headers["location"], headers=world.signed_in("alice"))
    assert found.status == 200
    return found.body.decode()


def data_in(job: str) -> str:
    """Return how data is spelled in a job, which has it last."""
    found = re.search(r'"data":(\{.*\})\}$', job)
    assert found
    return found[1]


@pytest.mark.parametrize("padding", [0, 2 * LARGE_BYTES_MIN], ids=["small", "large"])
def test_a_number_comes_back_as_it_was_written_wherever_it_stands(world: World, padding: int) -> None:
    robot = world.robot()
    lists = ",".join(f'"{place}":[{number},{{"x":{number}}}]' for place, number in enumerate(KEPT))
    data = f'{{{lists},"text":"1.10 \\u00e9"}}'
    reported = robot.send(body_with(robot, data, padding=padding))
    shown = data_in(whole_job(world, reported))
    assert shown == data.replace("\\u00e9", "é")


def test_spaces_are_left_out_and_what_looks_like_a_number_in_a_text_is_none(world: World) -> None:
    robot = world.robot()
    reported = robot.send(body_with(robot, '{ "a" : [ 1.10 ,\n 2 ] , "1e5": " 1.10 , 1e999 NaN " }'))
    assert data_in(whole_job(world, reported)) == '{"a":[1.10,2],"1e5":" 1.10 , 1e999 NaN "}'


def test_the_page_of_a_job_shows_the_digits_too(world: World) -> None:
    robot = world.robot()
    reported = robot.send(body_with(robot, '{"small": 1e-400, "exact": 1.10}'))
    whole_job(world, reported)
    page = Browser(world, world.session("alice")["token"]).get(
        f"/accounts/{robot.account_id}/jobs/{reported.json['job_id']}"
    )
    assert "1e-400" in page.text
    assert "1.10" in page.text


@pytest.mark.parametrize("padding", [0, 2 * LARGE_BYTES_MIN], ids=["small", "large"])
@pytest.mark.parametrize("number", REFUSED, ids=lambda number: number[:25])
def test_what_no_reader_could_have_is_refused_with_its_place(world: World, number: str, padding: int) -> None:
    robot = world.robot()
    answer = robot.send(body_with(robot, f'{{"list": [1, {{"a/b": {number}}}]}}', padding=padding))
    assert (answer.status, answer.problem) == (400, "malformed-json")
    [(pointer, message)] = answer.errors.items()
    assert pointer == "/data/list/1/a~1b"
    assert REFUSED[number] in message
    assert "errors" in answer.json["detail"]


def test_the_list_made_anew_has_the_same_digits(world: World) -> None:
    robot = world.robot()
    robot.send(body_with(robot, '{"a": 1e-400, "b": 1.10, "c": -0}'))
    world.wait_for_lists()
    compared: list[Any] = []

    def is_equal() -> bool:
        decode = world.application.event_sourcing.mapper.to_domain_event
        found = verify(world.services.connect_projector, READ_MODELS, decode, lambda *_: None, lambda _: None)
        compared.append(found.rows)
        return not found.differences

    wait_until(is_equal, "the lists made anew")
    assert compared[-1] > 0
