"""Many large reports at once, as one key sends them: others are served meanwhile, and the memory is given back."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil
import psycopg

from tests.support.effort import effort
from tests.support.service import tell
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.service import Installation, Service
    from tests.support.world import Robot

AT_ONCE = 8
DETAILS = 50_000
MEMORY_KEPT_BYTES_MAX = 20_000_000
MEMORY_SECONDS_MAX = 60.0


def large_body(robot: Robot, details: int = DETAILS) -> bytes:
    rows = [
        {
            "sequence_no": number,
            "status": "failed" if number % 3 else "success",
            "record_id": f"REC-{number:05}",
            "record_name": f"Record {number}",
            "result": f"The record was looked up, compared and then booked as number {number}.",
        }
        for number in range(details)
    ]
    return json.dumps(robot.report_body(details=rows)).encode()


def memory_bytes(service: Service) -> int:
    """Return the resident memory of the web process."""
    return int(psutil.Process(service.process.pid).memory_info().rss)


def jobs_of(installation: Installation, robot: Robot) -> int:
    """Return how many jobs the log has of a robot's key."""
    with psycopg.connect(installation.conninfo()) as connection:
        [count] = (
            connection.execute(
                "SELECT count(*) FROM rpawatch.events WHERE topic = 'job.reported'"
                " AND convert_from(state, 'UTF8')::jsonb ->> 'actor' = %s",
                (str(robot.key_id),),
            ).fetchone()
            or ()
        )
    return int(count)


class Others:
    """Robots of another account, which report one small job after the other until the block ends."""

    def __init__(self, robots: list[Robot]) -> None:
        self._robots = robots
        self.statuses: list[int] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._report, args=(robot,)) for robot in robots]

    def _report(self, robot: Robot) -> None:
        while not self._stop.is_set():
            self.statuses.append(robot.report().status)

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self.statuses) >= len(self._robots), "they report")

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_many_large_reports_of_one_key_at_once_keep_nobody_out_and_no_memory(
    installation: Installation, service: Service
) -> None:
    desk = installation.desk()
    flooder = desk.robot(limit=10_000)
    other_account = desk.account()
    flow_id = desk.process(other_account)
    others = Others([desk.robot(account_id=other_account, flow_id=flow_id, limit=10_000) for _ in range(4)])
    late = desk.robot(account_id=other_account, flow_id=flow_id)
    body = large_body(flooder)
    assert len(body) > 9_000_000
    assert flooder.send(body).status == 201, "one, so that all that is loaded once is loaded"
    at_rest = memory_bytes(service)
    peak = at_rest
    answers: list[Answer] = []
    with others, ThreadPoolExecutor(AT_ONCE + 1) as threads:
        for _ in range(effort(1, 10)):
            waiting = [threads.submit(flooder.send, body) for _ in range(AT_ONCE)]
            waiting_late = threads.submit(late.send, large_body(late))
            while not all(future.done() for future in [*waiting, waiting_late]):
                peak = max(peak, memory_bytes(service))
                threading.Event().wait(0.01)
            answers += [future.result() for future in waiting]
            assert waiting_late.result().status == 201, "a large one of another account has its turn"
    accepted = [answer for answer in answers if answer.status == 201]
    refused = [answer for answer in answers if answer.status != 201]
    assert accepted
    assert {(answer.status, answer.problem) for answer in refused} <= {(503, "unavailable")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert set(others.statuses) == {201}
    assert len({answer.json["job_id"] for answer in accepted}) == len(accepted)
    assert jobs_of(installation, flooder) == len(accepted) + 1, "what was answered with 201 is there, and nothing else"
    wait_until(
        lambda: memory_bytes(service) <= at_rest + MEMORY_KEPT_BYTES_MAX,
        "the memory is given back",
        seconds_max=MEMORY_SECONDS_MAX,
    )
    tell(
        f"{len(accepted)} of {len(answers)} large reports were taken in, {len(others.statuses)} small ones meanwhile;"
        f" memory {at_rest / 1e6:.0f} MB at rest, {peak / 1e6:.0f} at most, {memory_bytes(service) / 1e6:.0f} after"
    )
    assert peak <= at_rest + 100_000_000


def test_a_killed_service_leaves_nothing_of_a_large_report_behind(installation: Installation, service: Service) -> None:
    robot = installation.desk().robot()
    body = large_body(robot, 5_000)
    assert robot.send(body).status == 201
    [helper] = [
        child
        for child in psutil.Process(service.process.pid).children()
        if "interfaces.http.report_process" in child.cmdline()
    ]
    service.kill()
    wait_until(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE, "it ends too")
    service.start()
    assert robot.send(body).status == 201
    assert jobs_of(installation, robot) == 2
