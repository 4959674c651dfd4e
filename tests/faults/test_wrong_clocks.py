"""Guarantee 40: processes of the service on machines whose clocks are wrong, as Debian's faketime makes them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.effort import LONG
from tests.support.service import RPAWATCH
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    import random

    from tests.support.service import Installation, Service
    from tests.support.world import Robot

OFFSETS = ["+65s", "-65s", "+1d", "-1d"]
MINUTE_SECONDS = 60
LIMIT = 20


def library() -> str:
    """Where Debian has the library that makes up the time; tests/support/system_packages.sh sees to it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "install faketime: tests/support/system_packages.sh faketime"
    return str(found[0])


@pytest.mark.parametrize("number", range(len(OFFSETS) if LONG else 1))
def test_a_machine_whose_clock_is_wrong_says_so_and_harms_nobody(
    installation: Installation, service: Service, chance: random.Random, number: int
) -> None:
    offset = OFFSETS[number] if LONG else chance.choice(OFFSETS)
    wrong = installation.service(
        LD_PRELOAD=library(), FAKETIME=offset, FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1"
    )
    wrong.start()
    try:
        check(installation, service, wrong, offset)
    finally:
        wrong.stop()
        installation.services.remove(wrong)


def check(installation: Installation, right: Service, wrong: Service, offset: str) -> None:
    desk = installation.desk()
    robot = desk.robot(limit=LIMIT)

    def through(service: Service) -> Robot:
        return replace(robot, ask=service.ask)

    answers = [through(service).look() for service in (wrong, right) * LIMIT]
    assert [answer.status for answer in answers] == [200] * LIMIT + [429] * LIMIT
    waits = [int(answer.headers["retry-after"]) for answer in answers if answer.status == 429]
    assert all(1 <= wait <= MINUTE_SECONDS for wait in waits)
    assert waits == sorted(waits, reverse=True), "both count from the same time"

    where = "ahead of" if offset.startswith("+") else "behind"
    wait_until(wrong.is_ready, "the service is ready")
    assert f"{where} the database's" in wrong.ask("GET", "/health/ready").json["clock"]
    assert "clock" not in right.ask("GET", "/health/ready").json
    said = [json.loads(line) for line in wrong.said().splitlines() if line.startswith("{")]
    assert [line["event"] for line in said if line["event"].startswith("clock_")] == ["clock_off"]
    assert "database_clock_stepped" not in {line["event"] for line in said}

    # What was signed in at the one is signed in at the other.
    assert desk.deactivate(robot, wrong.ask).status == 200
    assert [through(service).look().status for service in (right, wrong)] == [401, 401]
    audit = subprocess.run(
        [RPAWATCH, "audit", "limits", "--data-dir", str(installation.data_dir), "--json"],
        capture_output=True,
        check=False,
        cwd=installation.folder,
        timeout=60,
    )
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert json.loads(audit.stdout)["clock_steps"]["count"] == 0
