from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from application.command_queue import PAUSE_SECONDS
from application.store.errors import StoreUnavailableError
from tests.support.faults import Fault, FaultyRecorder
from tests.support.waiting import wait_until

ENDLESS = 10_000
"""Faults: more than there are attempts before the deadline."""

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World


@pytest.fixture
def store(world: World) -> Iterator[FaultyRecorder]:
    healthy = world.services.event_sourcing.recorder
    yield FaultyRecorder.under(world.application)
    world.services.event_sourcing.recorder = healthy


def gave_up(store: FaultyRecorder) -> bool:
    attempts = store.appends
    time.sleep(4 * PAUSE_SECONDS)
    return store.appends == attempts


def nothing_was_appended(world: World, position: int) -> bool:
    try:
        return world.application.log_after(position) == []
    except StoreUnavailableError:
        return False


def test_when_the_store_can_not_be_reached_a_robot_is_told_when_to_come_again_and_then_has_one_job(
    world: World, store: FaultyRecorder
) -> None:
    robot = world.robot()
    store.faults.extend([Fault.LOST_BEFORE_COMMIT] * ENDLESS)
    before = world.application.position()
    answer = robot.report({"Idempotency-Key": "job-1"})
    assert (answer.status, answer.problem) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "Idempotency-Key" in answer.json["detail"]
    assert b"commit" not in answer.body, "what went wrong inside is not told"
    wait_until(lambda: gave_up(store), "the writer has given up too, whose last attempt may end after the answer")
    store.faults.clear()
    wait_until(lambda: nothing_was_appended(world, before), "the store can be asked again")
    # As Retry-After said; until then others are refused at once.
    wait_until(lambda: robot.report().status == 201, "the store is used again")
    again = [robot.report({"Idempotency-Key": "job-1"}) for _ in range(2)]
    assert [answer.status for answer in again] == [201, 201]
    assert again[0].body == again[1].body


def test_a_lost_reply_is_no_error_to_the_robot(world: World, store: FaultyRecorder) -> None:
    robot = world.robot()
    store.faults.append(Fault.LOST_AFTER_COMMIT)
    answer, appended = world.appended_by(robot.report)
    assert answer.status == 201
    assert sorted(event.topic for event in appended) == ["api_key.used", "job.reported"]
