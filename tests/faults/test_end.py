"""The end of a service that has work: what it was given is answered, nothing more is taken, and it ends in time."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

from tests.support.effort import in_time
from tests.support.history import History, broken_rules, read_log
from tests.support.in_flight import Request, append_lock, refuses
from tests.support.service import STOP_SECONDS_MAX, Installation, Service, tell
from tests.support.waiting import wait_until

IN_FLIGHT = 20
HELD_SECONDS = 1.0
ANSWER_SECONDS_MAX = in_time(5.0)
REFUSED_SECONDS_MAX = in_time(1.0)


def test_sigterm_with_20_requests_in_flight_answers_all_refuses_new_ones_and_exits_with_0(
    installation: Installation, service: Service
) -> None:
    robot = installation.desk().robot()
    history = History()
    with append_lock(installation) as lock, ExitStack() as stack:
        in_flight = [Request(robot, service, stack) for _ in range(IN_FLIGHT)]
        lock.wait_for_a_waiter()
        service.process.send_signal(signal.SIGTERM)
        asked_to_end = time.monotonic()
        wait_until(lambda: refuses(service), "new connections are refused", seconds_max=REFUSED_SECONDS_MAX)
        wait_until(lambda: time.monotonic() > asked_to_end + HELD_SECONDS, "the database was busy for a while")
        assert service.runs()
        lock.release()
        history.attempts += [request.answered() for request in in_flight]
        assert service.process.wait(STOP_SECONDS_MAX) == 0, service.said()[-3000:]
    tell(f"{history.summary()}; ended {time.monotonic() - asked_to_end:.1f} s after SIGTERM")
    assert [attempt.status for attempt in history.attempts] == [201] * IN_FLIGHT
    installation.running()
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []


def test_sigterm_while_the_database_is_stuck_answers_all_in_time_and_exits_with_0(
    installation: Installation, service: Service
) -> None:
    robot = installation.desk().robot()
    history = History()
    with append_lock(installation) as lock, ExitStack() as stack:
        in_flight = [Request(robot, service, stack) for _ in range(IN_FLIGHT)]
        lock.wait_for_a_waiter()
        service.process.send_signal(signal.SIGTERM)
        asked_to_end = time.monotonic()
        history.attempts += [request.answered() for request in in_flight]
        assert service.process.wait(max(0.1, STOP_SECONDS_MAX - (time.monotonic() - asked_to_end))) == 0
    tell(f"{history.summary()}; ended {time.monotonic() - asked_to_end:.1f} s after SIGTERM")
    assert [attempt.status for attempt in history.attempts] == [503] * IN_FLIGHT
    assert all(attempt.retry_after for attempt in history.attempts)
    assert max(attempt.seconds for attempt in history.attempts) < ANSWER_SECONDS_MAX
    installation.running()
    assert broken_rules(history.attempts, read_log(installation.conninfo())) == []
