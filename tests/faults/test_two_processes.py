"""Two processes of the service on one data directory: what one of them was told, the other one knows at once."""

from __future__ import annotations

import json
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Self
from uuid import UUID, uuid4

import psycopg

from application.event_sourcing import SNAPSHOT_INTERVAL, EventSourcing
from application.replay.limits import breaches
from application.store.database import Database
from domain.key_secret import KeySecret
from tests.support.effort import LONG, effort
from tests.support.history import Attempt, History, broken_rules, read_log
from tests.support.service import tell
from tests.support.waiting import wait_until
from tests.support.writers import Writers

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from tests.support.service import Installation, Service
    from tests.support.world import Robot

    Pair = tuple[Service, Service]

MINUTE_SECONDS = 60
UNLIMITED = 10_000
SECONDS_MAX = 30.0
CLOCK_READ_SECONDS = 0.001
"""Between two looks at the clock that the test takes for one."""


def through(robot: Robot, service: Service) -> Robot:
    """The same robot, which sends to another process."""
    return replace(robot, ask=service.ask)


def limits_that_were_broken(conninfo: str) -> list[str]:
    """What `rpawatch audit limits` says of the log."""
    database = Database(conninfo)
    database.open()
    try:
        return [breach.text for breach in breaches(EventSourcing(database), None, lambda *_: None)]
    finally:
        database.close()


def from_address(number: int) -> dict[str, str]:
    """What a proxy says of who sends: an address of its own keeps the count of refused keys to itself."""
    return {"X-Forwarded-For": f"198.18.{number // 256}.{number % 256}"}


def test_four_writers_over_two_processes_keep_the_rule_and_a_reader_sees_each_position_once_in_order(
    installation: Installation, pair: Pair, chance: random.Random
) -> None:
    desk = installation.desk()
    robots = [through(desk.robot(limit=UNLIMITED), service) for service in pair * 2]
    shared = [through(robots[0], service) for service in pair]
    history = History()
    with Follower(installation.conninfo()) as follower:
        with (
            Writers(robots, chance, pause_seconds=0, history=history) as writers,
            # These two meet at one key, so that each appends to the stream that the other one has cached.
            Writers(shared, chance, pause_seconds=0, history=history),
        ):
            writers.wait_for_more(effort(200, 5_000), seconds_max=effort(15, 150))
        log = read_log(installation.conninfo())
        wait_until(lambda: follower.seen[-1] == log[-1].position, "the reader has seen all")
    assert broken_rules(history.attempts, log) == []
    assert follower.seen == [row.position for row in log if row.position >= follower.seen[0]]


def test_a_busy_key_works_in_a_process_that_has_only_a_snapshot_of_it_to_go_by(
    installation: Installation, pair: Pair
) -> None:
    """Longer than what is kept between two snapshots, and the first key that the other process reads this way."""
    here, there = pair
    robot = installation.desk().robot(limit=UNLIMITED)
    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(lambda _: through(robot, here).look().status, range(SNAPSHOT_INTERVAL + 20)))
    assert statuses == {200}
    there.stop()
    there.start()
    assert through(robot, there).look().status == 200
    assert through(robot, there).report().status == 201


def test_a_key_is_used_sixty_times_a_minute_however_many_processes_it_is_fired_at(
    installation: Installation, pair: Pair
) -> None:
    robot = installation.desk().robot(limit=60)
    history = History()

    def fire(number: int) -> list[Attempt]:
        return [history.report(through(robot, pair[(number + n) % 2]), str(uuid4())) for n in range(12)]

    with ThreadPoolExecutor(8) as pool:
        attempts = [attempt for several in pool.map(fire, range(8)) for attempt in several]
    log = read_log(installation.conninfo())
    assert broken_rules(history.attempts, log) == []
    assert limits_that_were_broken(installation.conninfo()) == []
    throttled = [attempt for attempt in attempts if attempt.status == 429]
    assert sum(attempt.status == 201 for attempt in attempts) == 60
    assert len(throttled) == 96 - 60
    oldest = min(row.at for row in log if row.topic == "api_key.used" and row.stream == robot.key_id).timestamp()
    wall_clock = time.time() - time.monotonic()
    for attempt in throttled:
        assert attempt.retry_after is not None
        assert 1 <= int(attempt.retry_after) <= MINUTE_SECONDS
        free_in = oldest + MINUTE_SECONDS - wall_clock
        earliest = math.ceil(free_in - attempt.answered - CLOCK_READ_SECONDS)
        latest = math.ceil(free_in - attempt.asked + CLOCK_READ_SECONDS)
        assert earliest <= int(attempt.retry_after) <= latest
    if LONG:
        last = throttled[-1]
        due = last.answered + int(last.retry_after or 0)
        wait_until(lambda: time.monotonic() >= due, "Retry-After has passed", seconds_max=2 * MINUTE_SECONDS)
        assert history.report(robot, str(uuid4())).status == 201
        assert broken_rules(history.attempts, read_log(installation.conninfo())) == []


def test_no_use_is_accepted_anywhere_after_a_deactivation_was_acknowledged(
    installation: Installation, pair: Pair, chance: random.Random
) -> None:
    history = History()
    threads = effort(8, 32)
    overlapping = 0
    with ThreadPoolExecutor(threads) as pool:
        for round_ in range(effort(5, 200)):
            robot = installation.desk().robot(limit=chance.choice([20, UNLIMITED]))
            acknowledged = threading.Event()
            began = len(history.attempts)

            def use_until_refused(number: int) -> Attempt:
                address = from_address(round_ * threads + number)  # noqa: B023 - of this round, as all below
                mine = through(robot, pair[number % 2])  # noqa: B023
                while history.look(mine, address).status != 401:
                    pass
                assert acknowledged.wait(SECONDS_MAX)  # noqa: B023
                return history.look(mine, address)

            users = [pool.submit(use_until_refused, number) for number in range(threads)]
            enough = chance.randrange(5, 60)
            wait_until(lambda: len(history.attempts) - began >= enough, "the key is used")  # noqa: B023
            asked = time.monotonic()
            ended = installation.desk().deactivate(robot, chance.choice(pair).ask)
            answered = time.monotonic()
            assert ended.status == 200, ended.body
            acknowledged.set()
            assert {user.result().status for user in users} == {401}
            of_round = history.attempts[began:]
            assert [one for one in of_round if one.asked >= answered and one.status != 401] == []
            overlapping += sum(one.asked < answered and one.answered > asked for one in of_round)
    tell(f"{history.summary()}; {overlapping} while a deactivation was under way")
    # The test is worth something when there were such.
    assert overlapping > 0
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []
    assert limits_that_were_broken(installation.conninfo()) == []


def test_a_key_that_one_process_deactivated_is_refused_on_the_very_next_request_to_the_other(
    installation: Installation, pair: Pair
) -> None:
    desk = installation.desk()
    for round_ in range(effort(50, 500)):
        here, there = pair if round_ % 2 else pair[::-1]
        robot = through(desk.robot(), there)
        address = from_address(50_000 + round_)
        assert robot.look(address).status == 200
        assert desk.deactivate(robot, here.ask).status == 200
        refused = robot.look(address)
        assert (refused.status, refused.problem) == (401, "invalid-api-key")


def test_bots_that_switch_inside_the_overlap_of_a_rotation_lose_no_report(
    installation: Installation, pair: Pair
) -> None:
    desk = installation.desk()
    old = desk.robot(limit=UNLIMITED)
    overlap_seconds = effort(2, 10)
    history, threads = History(), effort(4, 16)
    successor: list[Robot] = []
    ends: list[float] = []
    switched, stop = threading.Event(), threading.Event()

    def report(number: int) -> list[Attempt]:
        attempts = []
        while not stop.is_set():
            robot = successor[0] if switched.is_set() else old
            attempts.append(history.report(through(robot, pair[number % 2]), str(uuid4())))
        return attempts

    with ThreadPoolExecutor(threads) as pool:
        try:
            bots = [pool.submit(report, number) for number in range(threads)]
            wait_until(lambda: len(history.attempts) > 20, "they report")
            answer = desk.rotate(old, overlap_seconds=overlap_seconds)
            assert answer.status == 201, answer.body
            ends.append(time.monotonic() + overlap_seconds)
            successor.append(replace(old, secret=KeySecret(answer.json["key"])))
            # At half time: a report that is under way with the old key is answered before it ends.
            wait_until(lambda: time.monotonic() > ends[0] - overlap_seconds / 2, "half of the overlap is over")
            switched.set()
            wait_until(lambda: time.monotonic() >= ends[0], "the overlap is over")
            refused = [history.report(through(old, service), str(uuid4())).status for service in pair]
            count = len(history.attempts)
            wait_until(lambda: len(history.attempts) > count + 20, "they go on")
        finally:
            stop.set()
        statuses = {attempt.status for bot in bots for attempt in bot.result()}
    assert (refused, statuses) == ([401, 401], {201})
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []


def test_fifty_threads_with_one_idempotency_key_make_one_job_and_get_one_answer(
    installation: Installation, pair: Pair
) -> None:
    desk = installation.desk()
    robot = desk.robot()
    operation = f"same for all {uuid4()}"
    headers = {"Idempotency-Key": operation}
    body = {"external_id": operation, "result_summary": "50 threads, one job"}
    at_once = threading.Barrier(50, timeout=SECONDS_MAX)

    def send(number: int) -> tuple[int, bytes, bool]:
        at_once.wait()
        answer = through(robot, pair[number % 2]).report(headers, **body)
        return answer.status, answer.body, "idempotent-replayed" in answer.headers

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(send, range(50)))
    assert {status for status, _, _ in answers} == {201}
    assert len({content for _, content, _ in answers}) == 1
    assert [replayed for _, _, replayed in answers].count(False) == 1
    job_id = UUID(json.loads(answers[0][1])["job_id"])
    assert jobs_of(installation, operation) == [job_id]

    other_body = robot.report(headers, **body | {"result_summary": "another job"})
    assert (other_body.status, other_body.problem) == (422, "idempotency-key-reuse")
    account = desk.account()
    neighbour = desk.robot(account_id=account, flow_id=desk.process(account))
    elsewhere = neighbour.report(headers, **body)
    assert elsewhere.status == 201
    assert "idempotent-replayed" not in elsewhere.headers

    for service in pair:
        code, _ = service.stop()
        assert code == 0
    for service in installation.running(2):
        again = through(desk.robot(), service).report(headers, **body)
        assert (again.status, again.body) == (201, answers[0][1])
        assert again.headers["idempotent-replayed"] == "true"
        assert through(desk.robot(), service).report(headers, **body | {"target": "SAP"}).status == 422
    assert sorted(jobs_of(installation, operation)) == sorted([job_id, UUID(elsewhere.json["job_id"])])


def jobs_of(installation: Installation, operation: str) -> Sequence[UUID]:
    """The jobs in the log that were reported for an operation."""
    log = read_log(installation.conninfo())
    return [row.stream for row in log if row.topic == "job.reported" and row.state.get("external_id") == operation]


class Follower:
    """Reads the log while it grows, within the block, as a follower does: always only what stands behind the last."""

    def __init__(self, conninfo: str) -> None:
        self.seen: list[int] = []
        self._conninfo = conninfo
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._running = self._pool.submit(self._follow)
        wait_until(lambda: self.seen or self._running.done(), "the reader has begun")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        self._running.result()

    def _follow(self) -> None:
        read = "SELECT notification_id FROM rpawatch.events WHERE notification_id > %s ORDER BY 1 LIMIT 1000"
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            last = connection.execute("SELECT max(notification_id) FROM rpawatch.events").fetchone()
            self.seen.append(last[0] if last else 0)
            while not self._stop.is_set():
                self.seen += [position for (position,) in connection.execute(read, (self.seen[-1],), prepare=True)]
