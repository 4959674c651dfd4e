"""A service with two web processes: together they are one service, whichever of them is killed, or what keeps them."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from domain.limits import BAD_KEYS_PER_MINUTE_MAX
from tests.support.api import OWN_KEY
from tests.support.in_flight import Request, append_lock, refuses
from tests.support.service import STOP_SECONDS_MAX, Installation, Service, tell
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = {1, 2}
IN_FLIGHT = 20
IN_FLIGHT_MAX = 200
UNLIMITED = 10_000
BACK_SECONDS_MAX = 30.0


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """A data directory of its own, served by two web processes."""
    with Installation(WORKERS="2") as installation:
        yield installation


@pytest.fixture
def service(installation: Installation) -> Service:
    """The service, with all its web processes at work."""
    [service] = installation.running(1)
    wait_until(lambda: ask_for_workers(service) == WORKERS, "both web processes answer", seconds_max=BACK_SECONDS_MAX)
    return service


def lines(service: Service) -> list[dict[str, Any]]:
    """The lines of the log, of all processes."""
    return [json.loads(line) for line in service.said().splitlines() if line.startswith("{")]


def ask_for_workers(service: Service, times: int = 16) -> set[int]:
    """Ask so often, and return which web processes answered."""
    known = len(lines(service))
    assert [service.ask("GET", "/health/live").status for _ in range(times)] == [200] * times
    return {line["worker"] for line in lines(service)[known:] if line.get("route") == "/health/live"}


def is_alive(process: psutil.Process) -> bool:
    """Whether the process lives; one that nobody asks for its exit code does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def web_processes(service: Service) -> list[psutil.Process]:
    """The web processes that live."""
    return [process for process in psutil.Process(service.process.pid).children() if is_alive(process)]


def shared_folder(process: psutil.Process) -> Path:
    """The folder that a web process has in common with the others."""
    return Path(process.cmdline()[-1])


def metric(service: Service, name: str) -> float:
    """The value of a metric."""
    text = service.ask("GET", "/metrics").body.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def answered_live(service: Service) -> float:
    """How many requests were answered, by all web processes, at the address that `ask_for_workers` uses."""
    return metric(service, 'rpawatch_requests_total{method="GET",route="/health/live",status="200"}')


def test_the_counts_of_both_are_added_up_whichever_is_asked(service: Service) -> None:
    def are_added_up() -> bool:
        before = answered_live(service)
        workers = ask_for_workers(service)
        assert {answered_live(service) for _ in range(10)} == {before + 16}
        return workers == WORKERS

    wait_until(are_added_up, "both have answered some of them")


def test_an_address_may_present_thirty_bad_keys_a_minute_to_both_together(service: Service) -> None:
    addresses = count(1)

    def may_present_thirty() -> bool:
        headers = {"X-API-Key": "x", "X-Forwarded-For": f"198.18.0.{next(addresses)}"}
        known = len(lines(service))
        statuses = [service.ask("GET", OWN_KEY, headers=headers).status for _ in range(BAD_KEYS_PER_MINUTE_MAX + 10)]
        assert statuses == [401] * BAD_KEYS_PER_MINUTE_MAX + [429] * 10
        return {line["worker"] for line in lines(service)[known:] if line.get("route") == OWN_KEY} == WORKERS

    wait_until(may_present_thirty, "both were presented some of them")


def test_readiness_and_the_lag_are_those_of_the_one_projector(installation: Installation, service: Service) -> None:
    lag = "rpawatch_projector_lag_events"
    robot = installation.desk().robot()
    wait_until(lambda: metric(service, lag) == 0, "the lists show all")
    keeper = psutil.Process(service.process.pid)
    keeper.suspend()
    try:
        # Its threads go on until one of them has taken notice.
        wait_until(lambda: keeper.status() == psutil.STATUS_STOPPED, "the projector stands still")
        assert robot.look().status == 200
        assert {metric(service, lag) for _ in range(10)} == {1}
        assert all(service.is_ready() for _ in range(10))
    finally:
        keeper.resume()
    wait_until(lambda: metric(service, lag) == 0, "the lists show all")


def test_a_web_process_that_is_killed_is_started_again_while_the_other_goes_on(service: Service) -> None:
    killed, other = web_processes(service)
    before = answered_live(service)
    killed.kill()
    wait_until(lambda: not is_alive(killed), "it is dead")
    ask_for_workers(service, 20)
    wait_until(lambda: len(web_processes(service)) == 2, "there are two again", seconds_max=BACK_SECONDS_MAX)
    assert other in web_processes(service)
    assert killed not in web_processes(service)
    wait_until(lambda: ask_for_workers(service) == WORKERS, "both answer again", seconds_max=BACK_SECONDS_MAX)
    assert answered_live(service) >= before + 20 + 16
    [told] = [line for line in lines(service) if line["event"] == "web_process_died"]
    assert told["reason"] == "exit code -9"


def test_when_the_service_is_killed_its_web_processes_answer_what_they_have_and_end(
    installation: Installation, service: Service
) -> None:
    robot = installation.desk().robot()
    web = web_processes(service)
    folder = shared_folder(web[0])
    assert folder.is_dir()
    with append_lock(installation) as lock, ExitStack() as stack:
        request = Request(robot, service, stack)
        lock.wait_for_a_waiter()
        service.kill()
        wait_until(lambda: refuses(service), "nobody listens")
        # A command that comes and goes must not stop the server as the last one out.
        installation.conninfo()
        lock.release()
        assert request.answered().status == 201
    wait_until(lambda: not any(map(is_alive, web)), "the web processes have ended")
    assert not folder.exists()


def test_sigterm_with_20_requests_in_flight_answers_all_refuses_new_ones_and_exits_with_0(
    installation: Installation, service: Service
) -> None:
    robot = installation.desk().robot(limit=UNLIMITED)
    folder = shared_folder(web_processes(service)[0])
    with append_lock(installation) as lock, ExitStack() as stack:
        in_flight: list[Request] = []
        # An append of each process waits: both have some of the requests.
        while len(in_flight) < IN_FLIGHT or (lock.waiters() < len(WORKERS) and len(in_flight) < IN_FLIGHT_MAX):
            in_flight.append(Request(robot, service, stack))
        wait_until(lambda: lock.waiters() == len(WORKERS), "both web processes have requests")
        service.process.send_signal(signal.SIGTERM)
        asked_to_end = time.monotonic()
        wait_until(lambda: refuses(service), "new connections are refused")
        assert service.runs()
        lock.release()
        statuses = [request.answered().status for request in in_flight]
        assert service.process.wait(STOP_SECONDS_MAX) == 0, service.said()[-3000:]
    tell(f"{len(in_flight)} in flight; ended {time.monotonic() - asked_to_end:.1f} s after SIGTERM")
    assert statuses == [201] * len(in_flight)
    assert not folder.exists()


def test_ctrl_c_as_all_processes_of_a_terminal_get_it_and_more_than_once_ends_in_order(service: Service) -> None:
    pids = [*(process.pid for process in web_processes(service)), service.process.pid]
    for pid in pids * 2:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    assert service.process.wait(STOP_SECONDS_MAX) == 0, service.said()[-3000:]
    assert "Traceback" not in service.said()
