"""Size, key, limit, content type, JSON, rules, process: the first that fails is what one is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from domain.key_secret import generate
from domain.limits import BODY_BYTES_MAX_DEFAULT
from tests.support.api import REPORT

if TYPE_CHECKING:
    from tests.support.world import World

ORDER = ("size", "key", "limit", "content type", "JSON", "rules", "process")
ANSWERS = {
    "size": "413 too-large",
    "key": "401 invalid-api-key",
    "limit": "429 rate-limited",
    "content type": "415 unsupported-media-type",
    "JSON": "400 malformed-json",
    "rules": "422 invalid-report",
    "process": "404 process-not-found",
}


@pytest.mark.parametrize("first", ORDER)
def test_of_several_faults_the_first_in_the_documented_order_is_told(world: World, first: str) -> None:
    faults = set(ORDER[ORDER.index(first) :])
    robot = world.robot(limit=1)
    if "limit" in faults:
        assert robot.look().status == 200
    key = generate().text if "key" in faults else robot.secret.text
    fields = {"flow_id": str(uuid4())} | ({"robot_id": ""} if "rules" in faults else {})
    body = json.dumps(robot.report_body(**fields)).encode()
    body = body[:-1] if "JSON" in faults else body
    body = body.ljust(BODY_BYTES_MAX_DEFAULT + 1) if "size" in faults else body
    content_type = "text/plain" if "content type" in faults else "application/json"
    answer = world.ask("POST", REPORT, headers={"X-API-Key": key, "Content-Type": content_type}, body=body)
    assert f"{answer.status} {answer.problem}" == ANSWERS[first]
