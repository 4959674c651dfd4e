"""What a process knows of the database's clock: measured, kept, never running back unless that was set back."""

from __future__ import annotations

import ast
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from application.store.clock import (
    AHEAD_SECONDS_MAX,
    BEHIND_SECONDS_MAX,
    MEASURED_EVERY_SECONDS,
    OFF_SECONDS,
    STEP_SECONDS,
    StoreClock,
    between,
)
from application.store.errors import StoreUnavailableError
from domain.limits import CLOCKS_APART_MAX
from interfaces.bootstrap import Services
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.store.database import Database

NOON = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
ROOT = Path(__file__).parents[3]


class Bench:
    """A clock on a counter and a machine's clock that the test moves; the database's clock runs with the counter."""

    def __init__(self) -> None:
        self.counter = 5_000_000
        self.database = NOON
        self.wall_ahead = 0.0
        nobody: Any = None
        self.clock = StoreClock(nobody, counter=lambda: self.counter, wall=self._wall)

    def _wall(self) -> float:
        return self.database.timestamp() + self.wall_ahead

    def go_on(self, seconds: float) -> None:
        self.counter += round(seconds * 1_000_000)
        self.database += timedelta(microseconds=round(seconds * 1_000_000))

    def measure(self, there: float = 0.0, back: float = 0.0) -> None:
        """A round trip: so many seconds to the database, and so many back."""
        asked = self.clock.asking()
        self.go_on(there)
        told = self.database
        self.go_on(back)
        self.clock.learn(asked, told)

    @property
    def error(self) -> float:
        return (self.clock() - self.database).total_seconds()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_before_the_first_measurement_there_is_no_time(bench: Bench) -> None:
    with pytest.raises(StoreUnavailableError):
        bench.clock()
    assert (bench.clock.machine_ahead_seconds, bench.clock.what_is_off()) == (None, None)
    bench.measure()
    assert bench.error == 0


TRIPS = st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 30))


@given(trips=st.lists(TRIPS, min_size=1, max_size=20))
def test_a_reading_is_wrong_by_half_the_shortest_round_trip_at_most(trips: list[tuple[float, float, float]]) -> None:
    bench = Bench()
    error_max, last = float("inf"), None
    for there, back, passed in trips:
        bench.measure(there, back)
        error_max = min(error_max, (there + back) / 2)
        reading = bench.clock()
        # Where it is corrected backwards, it stands still until the time is reached again.
        stands_still = last is not None and reading == last
        assert stands_still or abs(bench.error) <= error_max + 0.000_01 + passed_in(trips) / 1_000
        assert last is None or reading >= last
        last = reading
        bench.go_on(passed)
        error_max += passed / 1_000


def passed_in(trips: list[tuple[float, float, float]]) -> float:
    return sum(sum(trip) for trip in trips)


@pytest.mark.parametrize("by", [1.0, 65.0, 86_400.0, -1.0, -65.0, -86_400.0])
def test_a_step_of_the_database_s_clock_is_followed_at_once_and_said(bench: Bench, by: float) -> None:
    bench.measure(0.001, 0.001)
    bench.clock()
    bench.go_on(1)
    bench.database += by * SECOND
    with capture_logs() as logs:
        bench.measure(0.001, 0.001)
    assert abs(bench.error) < 0.01
    [line] = [line for line in logs if line["event"] == "database_clock_stepped"]
    assert abs(line["by_seconds"] - by) < 0.01
    with capture_logs() as logs:
        bench.measure(0.001, 0.001)
    assert logs == []


def test_set_back_by_less_than_a_step_the_time_stands_still_and_never_runs_back(bench: Bench) -> None:
    bench.measure()
    before = bench.clock()
    bench.database -= (STEP_SECONDS - 0.1) * SECOND
    with capture_logs() as logs:
        bench.measure()
    assert logs == []
    assert bench.clock() == before
    bench.go_on(STEP_SECONDS - 0.2)
    assert bench.clock() == before
    bench.go_on(0.2)
    assert bench.error == 0
    assert STEP_SECONDS < AHEAD_SECONDS_MAX, "or appends would be refused meanwhile"


def test_an_answer_of_before_a_step_does_not_undo_it(bench: Bench) -> None:
    bench.measure()
    asked, told = bench.clock.asking(), bench.database
    bench.database += 65 * SECOND
    bench.measure()
    bench.clock.learn(asked, told)
    assert bench.error == 0


def test_one_slow_answer_makes_nothing_worse(bench: Bench) -> None:
    bench.measure(0.001, 0.001)
    bench.measure(0.0, 3.0)
    assert abs(bench.error) < 0.01


@pytest.mark.parametrize(("ahead", "said"), [(OFF_SECONDS, "ahead of"), (-OFF_SECONDS, "behind"), (-86_400, "behind")])
def test_it_is_said_once_that_the_machine_s_clock_is_off_and_once_that_it_is_right_again(
    bench: Bench, ahead: float, said: str
) -> None:
    bench.measure()
    with capture_logs() as logs:
        for off in (0.9 * OFF_SECONDS, ahead, ahead, 0.0, 0.0):
            bench.wall_ahead = off
            bench.go_on(1)
            bench.measure()
    assert [line["event"] for line in logs] == ["clock_off", "clock_right_again"]
    assert f"{abs(ahead):,.1f} s {said} the database's" in logs[0]["reason"]
    assert bench.error == 0


def test_the_database_s_clock_may_be_a_second_behind_a_reading_and_three_ahead_of_it() -> None:
    readings = [NOON + SECOND, NOON, NOON + 2 * SECOND]
    assert between(readings) == (NOON + (2 - AHEAD_SECONDS_MAX) * SECOND, NOON + BEHIND_SECONDS_MAX * SECOND)
    assert CLOCKS_APART_MAX > (AHEAD_SECONDS_MAX + BEHIND_SECONDS_MAX) * SECOND, (
        "or right clocks would set streams back"
    )


def test_it_is_measured_when_that_was_not_done_for_some_seconds(database: Database) -> None:
    counter = 0
    clock = StoreClock(database, counter=lambda: counter)
    clock.refresh()
    assert clock.measured_seconds_ago == 0
    counter += round(MEASURED_EVERY_SECONDS * 1_000_000) - 1
    clock.refresh()
    assert clock.measured_seconds_ago > 0
    counter += 1
    clock.refresh()
    assert clock.measured_seconds_ago == 0


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    with Services(database_url, threads=2) as services:
        yield services


def test_an_idle_process_measures_too_and_goes_on_when_the_store_was_away(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.store.clock.MEASURED_EVERY_SECONDS", 0.01)
    looks = threading.Semaphore(0)
    measure = StoreClock.measure

    def away_at_first(clock: StoreClock) -> None:
        looks.release()
        if looks._value < 3:  # noqa: SLF001 - how often it was released
            raise StoreUnavailableError("away")
        measure(clock)

    monkeypatch.setattr(StoreClock, "measure", away_at_first)
    services.keep_time()
    wait_until(lambda: services.store_clock.machine_ahead_seconds is not None, "it is measured")


def test_services_tell_the_database_s_time_unless_they_are_given_another_clock(services: Services) -> None:
    assert services.clock is services.store_clock
    with pytest.raises(StoreUnavailableError):
        services.clock()
    services.begin()
    assert abs(services.clock() - datetime.now(UTC)) < 5 * SECOND


_MACHINE_CLOCK = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")} | {
    ("time", name) for name in ("time", "time_ns", "gmtime", "localtime", "strftime")
}
_ALLOWED = {
    "application/store/clock.py": "compares it with the database's",
    "domain/clock.py": "for what is made up",
    "interfaces/cli/report/sender.py": "a client, which reads the time of a proxy's Retry-After",
}
_MADE_UP = {"interfaces/cli/demo/commands.py"}


def test_nothing_that_decides_asks_the_machine_s_clock() -> None:
    """Walks all code of the service. SQL has no clock of a machine but the database's."""
    found = {}
    users = set()
    for folder in ("domain", "application", "interfaces", "projections"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and (node.value.id, node.attr) in _MACHINE_CLOCK
                ):
                    found[name] = node.lineno
                if isinstance(node, ast.ImportFrom) and any(alias.name == "system_clock" for alias in node.names):
                    users.add(name)
                if isinstance(node, ast.ImportFrom) and node.module == "time":
                    found.update((name, node.lineno) for alias in node.names if ("time", alias.name) in _MACHINE_CLOCK)
    assert found.keys() == _ALLOWED.keys(), found
    assert users == _MADE_UP


def test_no_process_of_the_service_is_given_another_clock() -> None:
    """Each place that builds the service: `serve`, its web processes, its projector, and the commands."""
    given: dict[str, str] = {}
    built = set()
    for path in sorted((ROOT / "interfaces").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == "Services":
                    built.add(name)
                    given.update((name, ast.unparse(word.value)) for word in node.keywords if word.arg == "clock")
                if node.func.id == "open_context":
                    # The data directory and the database URL come before it.
                    given.update((name, ast.unparse(argument)) for argument in node.args[2:3])
                    given.update((name, ast.unparse(word.value)) for word in node.keywords if word.arg == "clock")
    assert built == {
        "interfaces/serving/projector_process.py",
        "interfaces/serving/serve.py",
        "interfaces/cli/store.py",
        "interfaces/serving/web_process.py",
    }
    # The commands hand on what they are given, and only the demo gives one.
    assert given == {
        "interfaces/cli/store.py": "clock",
        "interfaces/cli/demo/commands.py": "clock",
    }
