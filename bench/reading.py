"""What people read: how fast the lists follow the log, and how fast they are read."""

from __future__ import annotations

import os
import statistics
import threading
import time
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from bench.figures import Figure, Target
from bench.fill import fill_jobs, fill_keys
from bench.history import write_history
from bench.load import run
from bench.scenarios import CONNECTIONS, DETAILS
from bench.services import WATCH_1, report_body
from domain.clock import system_clock
from domain.ids import random_id
from interfaces.bootstrap import Services, migrate
from interfaces.serving.projector_process import ProjectorProcess
from interfaces.settings import Settings
from projections.jobs.listing import BY_TIME, JOB_LIST, JobFilter
from projections.keys.listing import KEY_LIST
from projections.keys.queries import KEY_SORTS, KeyFilter
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from bench.figures import Results
    from bench.services import Contenders
    from projections.paging import Page

EVENTS = int(os.environ.get("RPAWATCH_BENCH_EVENTS", "1000000"))
LIST_KEYS = 100_000
LIST_JOBS = min(1_000_000, EVENTS)
PAGE_NUMBER = 100
TIMES = 15
LAG_SECONDS = 15.0
_PROJECTOR = "the projector"
_CATCH_UP_SECONDS_MAX = 1_800.0
_SAMPLE_SECONDS = 0.02

_POSITION = "SELECT min(position) FROM rpawatch_lists.positions"
_END = "SELECT max(notification_id) FROM rpawatch.events"


def catch_up(contenders: Contenders, seconds: float, results: Results) -> None:
    """Let a projector make all read models of a long log; then read lists of what came of it."""
    del seconds
    database = contenders.testbed.create_database("history")
    migrate(database)
    history = write_history(database, random_id(), EVENTS)
    memory: list[float] = []
    settings = Settings(_env_file=None, log_level="error")
    with psycopg.connect(database, autocommit=True) as connection, ProjectorProcess(settings, database):
        while not _number(connection, _POSITION):
            time.sleep(_SAMPLE_SECONDS)
        began, first = time.perf_counter(), _number(connection, _POSITION)
        projector = _projector()
        while (position := _number(connection, _POSITION)) < history.events:
            memory.append(projector.memory_info().rss / 1e6)
            if time.perf_counter() - began > _CATCH_UP_SECONDS_MAX:
                raise RuntimeError(f"the lists are at event {position} of {history.events}")
            time.sleep(0.2)
        took = time.perf_counter() - began
    results.other["events caught up with"] = history.events - first
    half = len(memory) // 2
    results.figures += [
        Figure("events/s, catching up", [(history.events - first) / took], Target("at least", 20_000), of=_PROJECTOR),
        Figure("memory, catching up", [max(memory)], unit="MB", of=_PROJECTOR),
        Figure("memory, second half to first", [max(memory[half:]) / max(memory[:half] or memory)], of=_PROJECTOR),
    ]
    _read_jobs(database, history.account_ids[0], results)


def _projector() -> psutil.Process:
    """Return the projector that is a child of this process."""
    return next(
        child for child in psutil.Process().children() if "interfaces.serving.projector_process" in child.cmdline()
    )


def _number(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0] or 0) if row else 0


def lag(contenders: Contenders, seconds: float, results: Results) -> None:
    """Watch how far behind the lists are, in seconds, while reports come in as fast as they can."""
    del seconds
    with contenders.running(WATCH_1) as running, _watching(contenders.watch_database(WATCH_1)) as seen:
        run(
            running.address,
            contenders.requests(WATCH_1, report_body(DETAILS)),
            connections=CONNECTIONS,
            seconds=LAG_SECONDS,
        )
        time.sleep(2)
    lags = seen.lags()
    results.figures.append(
        Figure(
            "lag of the lists under load, p99",
            [statistics.quantiles(lags, n=100)[98]],
            Target("under", 1),
            "s",
            WATCH_1,
        )
    )


@dataclass
class _Seen:
    """When the log, and the lists, were seen to have come to which position."""

    log: list[tuple[float, int]] = field(default_factory=list)
    lists: list[tuple[float, int]] = field(default_factory=list)

    def lags(self) -> list[float]:
        """Return how long it took each position of the log, as it was seen, to be shown."""
        shown = [position for _, position in self.lists]
        found = [(at, bisect_left(shown, position)) for at, position in self.log]
        return [max(0.0, self.lists[place][0] - at) for at, place in found if place < len(shown)]


@contextmanager
def _watching(database: str) -> Iterator[_Seen]:
    seen, end = _Seen(), threading.Event()

    def watch() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not end.wait(_SAMPLE_SECONDS):
                seen.log.append((time.perf_counter(), _number(connection, _END)))
                seen.lists.append((time.perf_counter(), _number(connection, _POSITION)))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


def key_lists(contenders: Contenders, seconds: float, results: Results) -> None:
    """Read the list of 100,000 keys of an account, in every order, with and without filters."""
    del seconds
    database = contenders.testbed.create_database("keys")
    migrate(database)
    account = random_id()
    with psycopg.connect(database, autocommit=True) as connection:
        fill_keys(connection, account, LIST_KEYS)
        connection.execute("VACUUM ANALYZE")
        row = connection.execute(
            f"SELECT flow_id FROM rpawatch_lists.{KEY_LIST.name} WHERE flow_id IS NOT NULL".encode()
        ).fetchone()
    now = system_clock()
    filters = {
        "all": KeyFilter(),
        "active": KeyFilter(active=True),
        "inactive": KeyFilter(active=False),
        "of a process": KeyFilter(flow_ids=frozenset([row[0]]) if row else None),
        "unused for 300 days": KeyFilter(unused_since=now - timedelta(days=300)),
        "search, one of five": KeyFilter(search="invoice"),
        "search, rare": KeyFilter(search="bot 7777"),
        "search, none": KeyFilter(search="nothing"),
    }
    with Services(database, threads=2) as services:

        def page(sort: str, only: KeyFilter) -> Callable[[str | None], Page[Any]]:
            return lambda cursor: services.keys.page(account, PageRequest(50, cursor, sort), now, only)

        asked = {f"keys, {name}, by {sort}": page(sort, only) for name, only in filters.items() for sort in KEY_SORTS}
        _note("list of 100,000 keys", _time_pages(asked), results)


def _read_jobs(database: str, account: UUID, results: Results) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        jobs = fill_jobs(connection, account, LIST_JOBS)
        connection.execute("VACUUM ANALYZE")
        some_job = f"SELECT key_id, process_id, external_id FROM rpawatch_lists.{JOB_LIST.name} WHERE account_id = %s"
        row = connection.execute(f"{some_job} LIMIT 1".encode(), (account,)).fetchone()
    assert row, "there are jobs"
    filters: dict[str, tuple[JobFilter, str | None]] = {
        "all": (JobFilter(), None),
        "failed": (JobFilter(statuses=frozenset(["failed"])), None),
        "of a key": (JobFilter(key_ids=frozenset([row[0]])), None),
        "search, each": (JobFilter(), "of"),
        "search, some": (JobFilter(), "orders"),
        "search, an id": (JobFilter(), row[2]),
        "search, none": (JobFilter(), "nothing"),
    }
    with Services(database, threads=2) as services:

        def page(sort: str, only: JobFilter, query: str | None) -> Callable[[str | None], Page[Any]]:
            return lambda cursor: services.jobs.page(account, only, PageRequest(50, cursor, sort), query)

        asked = {
            f"jobs, {name}, by {sort}": page(sort, *wanted)
            for name, wanted in filters.items()
            for sort in BY_TIME.orders
        }
        results.other["jobs of the account"] = jobs
        _note(f"list of {LIST_JOBS:,} jobs", _time_pages(asked), results)


def _time_pages(asked: dict[str, Callable[[str | None], Page[Any]]]) -> dict[str, list[float]]:
    """Return how many milliseconds the first page took and the hundredth, or the last one that there is, each time."""
    took: dict[str, list[float]] = {}
    for name, page in asked.items():
        cursor: str | None = None
        for _ in range(PAGE_NUMBER - 1):
            following = page(cursor)[1]
            if following is None:
                break
            cursor = following
        for which, at in (("first page", None), ("hundredth page", cursor)):
            times = took.setdefault(f"{name}, {which}", [])
            for _ in range(TIMES):
                began = time.perf_counter()
                page(at)
                times.append((time.perf_counter() - began) * 1000)
    return took


def _note(what: str, took: dict[str, list[float]], results: Results) -> None:
    every = [one for times in took.values() for one in times]
    slowest = max(took, key=lambda name: statistics.median(took[name]))
    results.other[f"{what}: median ms of each"] = {
        name: round(statistics.median(times), 2) for name, times in took.items()
    }
    results.figures += [
        Figure(
            f"{what}, p99",
            [statistics.quantiles(every, n=100)[98]],
            Target("under", 30),
            "ms",
            "all filters and orders",
        ),
        Figure(f"{what}, slowest", took[slowest], Target("under", 30), "ms", slowest),
    ]
