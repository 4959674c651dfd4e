"""The database is away, silent or slow: every answer comes in time and says so; then all is as before."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import pytest

from tests.support.api import ACCOUNTS
from tests.support.effort import effort, in_time
from tests.support.history import History, Outcome, broken_rules, read_log
from tests.support.proxy import Proxy
from tests.support.service import Desk, Installation, Service, tell
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from tests.support.api import Answer
    from tests.support.postgres import Server
    from tests.support.world import Robot

ANSWER_SECONDS_MAX = in_time(5.0)
NORMAL_AGAIN_SECONDS_MAX = in_time(15.0)
REQUESTS_PER_SECOND = 20
SLOW_SECONDS = 2.0
UNLIMITED = 10_000


@dataclass
class Deployment:
    """A service whose PostgreSQL is behind a proxy, and the way past it."""

    installation: Installation
    service: Service
    proxy: Proxy
    direct_url: str
    desk: Desk


@pytest.fixture(scope="module")
def deployed(postgres: Server) -> Iterator[Deployment]:
    """A service on a database of its own, with the network in our hands."""
    url = postgres.create_database(empty=True)
    with Proxy(url) as proxy, Installation(DATABASE_URL=proxy.url) as installation:
        (service,) = installation.running()
        yield Deployment(installation, service, proxy, url, installation.desk())


@pytest.fixture
def deployment(deployed: Deployment) -> Iterator[Deployment]:
    """The service, with a network that is as it should be, before and after."""
    deployed.installation.running()
    account = f"/{deployed.desk.account_id}/processes"
    wait_until(lambda: deployed.desk.post(account, {"name": "First"}).status == 201, "commands are carried out")
    yield deployed
    deployed.proxy.pass_on()


def test_while_the_database_is_away_every_answer_comes_in_time(deployment: Deployment) -> None:
    with Load(deployment.service, deployment.desk) as load:
        load.run_for(1)
        with load.fault(effort(3, 60)):
            deployment.proxy.be_away()
        deployment.proxy.pass_on()
        load.wait_until_normal()
    load.check(refused=True)
    assert broken_rules(load.history.attempts, read_log(deployment.direct_url)) == []


def test_while_the_database_is_silent_every_answer_comes_in_time(deployment: Deployment) -> None:
    with Load(deployment.service, deployment.desk) as load:
        load.run_for(1)
        with load.fault(effort(5, 40)):
            deployment.proxy.be_silent()
        deployment.proxy.pass_on()
        load.wait_until_normal()
    load.check(refused=True)
    assert broken_rules(load.history.attempts, read_log(deployment.direct_url)) == []


def test_connections_that_stay_silent_for_ever_hold_up_nothing_once_new_ones_are_answered(
    deployment: Deployment,
) -> None:
    with Load(deployment.service, deployment.desk) as load:
        load.run_for(1)
        with load.fault(effort(3, 40)):
            deployment.proxy.be_silent()
        deployment.proxy.abandon()
        load.wait_until_normal()
    load.check(refused=True)
    assert broken_rules(load.history.attempts, read_log(deployment.direct_url)) == []


def test_while_the_database_is_slow_every_answer_comes_in_time(deployment: Deployment) -> None:
    with Load(deployment.service, deployment.desk) as load:
        load.run_for(1)
        with load.fault(effort(4, 40), known=False):
            deployment.proxy.be_slow(SLOW_SECONDS)
        deployment.proxy.pass_on()
        load.wait_until_normal()
    load.check(refused=False)
    assert broken_rules(load.history.attempts, read_log(deployment.direct_url)) == []


def test_while_the_embedded_server_hangs_every_answer_comes_in_time(
    installation: Installation, service: Service
) -> None:
    postmaster = installation.note_postmaster()
    assert postmaster is not None
    server = psutil.Process(postmaster)
    with Load(service, installation.desk()) as load:
        load.run_for(1)
        hanging = [server, *server.children(recursive=True)]
        try:
            with load.fault(effort(5, 40)):
                for process in hanging:
                    process.suspend()
        finally:
            for process in hanging:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
        load.wait_until_normal()
    load.check(refused=True)
    assert broken_rules(load.history.attempts, read_log(installation.conninfo())) == []


@dataclass(frozen=True)
class Asked:
    """A request that is no report: which, when, how long it took, and what was answered; 0 for no answer."""

    what: str
    at: float
    seconds: float
    status: int
    retry_after: str | None


@dataclass
class Load:
    """Requests at a steady rate, whatever becomes of them, within the block; and a probe of the health, four a second.

    Of ten requests seven report a job, two read a list, one registers a process.
    """

    service: Service
    desk: Desk
    history: History = field(default_factory=History)
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._robots = [self.desk.robot(limit=UNLIMITED) for _ in range(4)]
        # More than the service has threads: it is not the client who waits for its turn.
        self._pool = ThreadPoolExecutor(100)
        self._running = [self._pool.submit(self._send), *(self._pool.submit(self._probe, what) for what in PROBES)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        # Those who send first: they hand requests to the pool.
        wait(self._running)
        self._pool.shutdown()
        for future in self._running:
            future.result()

    def run_for(self, seconds: float) -> None:
        """Let the load go on."""
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= until, "time passes", seconds_max=seconds + 5)

    def fault(self, seconds: float, *, known: bool = True) -> Fault:
        """Return a block at whose end the fault has lasted so long; with `known`, readiness has to have noticed."""
        return Fault(self, seconds, known=known)

    def wait_until_normal(self) -> None:
        """Wait until reports are taken, the service is ready, and lists show what was just registered."""
        ended = time.monotonic()

        def is_normal() -> bool:
            if not self.service.is_ready():
                return False
            registered = self._register()
            return registered.status == 201 and "x-lists-behind" not in registered.headers

        wait_until(is_normal, "all is as before", seconds_max=NORMAL_AGAIN_SECONDS_MAX)
        tell(f"normal {time.monotonic() - ended:.1f} s after the fault")
        asked = time.monotonic()
        left = NORMAL_AGAIN_SECONDS_MAX - (asked - ended)
        wait_until(
            lambda: any(one.outcome is Outcome.OK for one in self.history.since(asked)),
            "jobs",
            seconds_max=max(1, left),
        )

    def check(self, *, refused: bool) -> None:
        """Check all answers; refused: some of them had to be refusals."""
        others = [one for one in self.asked if one.what not in PROBES]
        slowest = {what: max(one.seconds for one in self.asked if one.what == what) for what in PROBES}
        tell(
            f"reports: {self.history.summary()}; others: slowest {max(one.seconds for one in others):.2f} s; {slowest}"
        )
        answers = [(one.status, one.retry_after) for one in self.history.attempts]
        answers += [(one.status, one.retry_after) for one in others]
        assert {status for status, _ in answers} <= {200, 201, 503}
        assert all(retry_after for status, retry_after in answers if status == 503)
        if refused:
            assert 503 in {status for status, _ in answers}
        late = [one for one in self.history.attempts if one.seconds > ANSWER_SECONDS_MAX]
        late_others = [one for one in self.asked if one.seconds > ANSWER_SECONDS_MAX]
        assert (late, late_others) == ([], [])
        assert {one.status for one in self.asked if one.what == LIVE} == {200}

    def _send(self) -> None:
        number = 0
        began = time.monotonic()
        while not self._stop.wait(max(0.0, began + number / REQUESTS_PER_SECOND - time.monotonic())):
            number += 1
            if number % 10 in {3, 7}:
                self._pool.submit(self._ask, "list", self._list)
            elif number % 10 == 5:
                self._pool.submit(self._ask, "register", self._register)
            else:
                robot: Robot = self._robots[number % len(self._robots)]
                self._pool.submit(self.history.report, robot, str(uuid4()))

    def _probe(self, what: str) -> None:
        while not self._stop.wait(0.25):
            self._ask(what, lambda: self.service.ask("GET", what))

    def _ask(self, what: str, ask: object) -> None:
        asked = time.monotonic()
        status, retry_after = 0, None
        with suppress(OSError):
            answer: Answer = ask()  # type: ignore[operator] # one of those above
            status, retry_after = answer.status, answer.headers.get("retry-after")
        self.asked.append(Asked(what, asked, time.monotonic() - asked, status, retry_after))

    def _list(self) -> Answer:
        path = f"{ACCOUNTS}/{self.desk.account_id}/processes?limit=5"
        return self.service.ask("GET", path, headers=self.desk.headers)

    def _register(self) -> Answer:
        return self.desk.post(f"/{self.desk.account_id}/processes", {"name": "Registered meanwhile"})


LIVE, READY = "/health/live", "/health/ready"
PROBES = (LIVE, READY)


@dataclass
class Fault:
    """A fault that lasts for a while: made in the block, and ended by whoever made it, after the block."""

    load: Load
    seconds: float
    known: bool

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        made = time.monotonic()
        self.load.run_for(self.seconds)
        if self.known:

            def answers() -> set[int]:
                asked = list(self.load.asked)
                return {one.status for one in asked if one.what == READY and one.at > made}

            # Who asks one after the other may have asked just before the fault, and waited for that answer.
            wait_until(answers, "readiness is answered", seconds_max=2 * ANSWER_SECONDS_MAX)
            assert answers() == {503}
