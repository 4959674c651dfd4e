from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest

from domain.limits import BODY_BYTES_MAX_DEFAULT, DETAILS_MAX
from tests.support.api import REPORT

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import Robot, World

MIB = 1024 * 1024
BOMB_BYTES = 1024 * MIB
MEMORY_BYTES_MAX = 20_000_000


def padded(robot: Robot, size: int) -> bytes:
    return json.dumps(robot.report_body()).encode().ljust(size)


def bomb() -> bytes:
    """Return a gzip stream of some 1 MiB that inflates to 1 GiB of spaces, without ever having them all."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    begin = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
    # After a full flush nothing refers to what was before, so the piece can be repeated.
    piece = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + piece * (BOMB_BYTES // MIB) + packer.flush()


def is_too_large(answer: Answer) -> bool:
    return (answer.status, answer.problem) == (413, "too-large")


def test_a_body_of_the_largest_size_is_taken_in(over_socket: World) -> None:
    robot = over_socket.robot()
    assert robot.send(padded(robot, BODY_BYTES_MAX_DEFAULT)).status == 201


def test_a_body_of_a_byte_more_is_too_large(over_socket: World) -> None:
    robot = over_socket.robot()
    assert is_too_large(robot.send(padded(robot, BODY_BYTES_MAX_DEFAULT + 1)))


def test_the_application_holds_the_same_limit_without_the_server(world: World) -> None:
    robot = world.robot()
    assert robot.send(padded(robot, BODY_BYTES_MAX_DEFAULT)).status == 201
    answer, appended = world.appended_by(lambda: robot.send(padded(robot, BODY_BYTES_MAX_DEFAULT + 1)))
    assert is_too_large(answer)
    assert appended == [], "the size comes before the key"


def test_the_size_is_refused_before_the_key_is_looked_at(world: World) -> None:
    answer = world.ask("POST", REPORT, body=b" " * (BODY_BYTES_MAX_DEFAULT + 1))
    assert is_too_large(answer)


@pytest.mark.parametrize(("over", "status"), [(0, 201), (1, 413)])
def test_the_same_size_is_the_limit_after_inflating(world: World, over: int, status: int) -> None:
    robot = world.robot()
    answer = robot.send(gzip.compress(padded(robot, BODY_BYTES_MAX_DEFAULT + over), 1), {"Content-Encoding": "gzip"})
    assert answer.status == status
    assert answer.headers["ratelimit"] == '"per-key";r=59;t=60'


def test_a_gzip_bomb_of_one_gigabyte_is_refused_without_being_blown_up(world: World) -> None:
    robot, body = world.robot(), bomb()
    assert len(body) < 2 * MIB
    robot.look()
    tracemalloc.start()
    try:
        answer = robot.send(body, {"Content-Encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert is_too_large(answer)
    assert peak < MEMORY_BYTES_MAX
    assert world.application.kinds(robot.key_id) == ["Created", "Used", "Used"]


@pytest.mark.parametrize(("count", "status"), [(DETAILS_MAX, 201), (DETAILS_MAX + 1, 413)])
def test_a_report_takes_so_many_details_and_not_one_more(world: World, count: int, status: int) -> None:
    robot = world.robot()
    answer = robot.report(details=[{"sequence_no": number, "status": "success"} for number in range(count)])
    assert answer.status == status, answer.body[:300]
    if status == 201:
        assert answer.json["counts"] == {"total": count, "success": count, "failed": 0, "skipped": 0}
    else:
        assert answer.problem == "too-large"
        assert str(DETAILS_MAX) in answer.json["detail"]
        assert answer.headers["ratelimit"] == '"per-key";r=59;t=60'
