"""A database whose clock can be set, and machines whose own clocks can be wrong."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from application.store.clock import StoreClock
from application.store.database import Database, connect
from tests.support.running import Application, application_on

if TYPE_CHECKING:
    from collections.abc import Iterator

_SET = "CREATE OR REPLACE FUNCTION rpawatch.clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS '{}'"
_RIGHT = "SELECT clock_timestamp()"


@dataclass
class DatabaseClock:
    """The clock that decides, as it is when another server has taken over whose clock is another one."""

    owner_url: str
    ahead: timedelta = timedelta(0)

    def advance(self, by: timedelta) -> None:
        """Move it, also back. Time goes on as well."""
        self.ahead += by
        microseconds = self.ahead // timedelta(microseconds=1)
        self._set(f"SELECT clock_timestamp() + {microseconds} * interval ''1 microsecond''")

    def put_right(self) -> None:
        """Let it be the server's again."""
        self.ahead = timedelta(0)
        self._set(_RIGHT)

    def now(self) -> datetime:
        """What it says."""
        with closing(connect(self.owner_url)) as connection:
            row = connection.execute("SELECT rpawatch.clock() AS now").fetchone()
        assert row is not None
        now: datetime = row["now"]
        return now

    def _set(self, body: str) -> None:
        with closing(connect(self.owner_url)) as connection:
            connection.execute(_SET.format(body).encode())


@dataclass
class Machine:
    """A process on a machine of its own. wall_off: its clock, in seconds; counter_off: what it goes by, in seconds."""

    application: Application
    clock: StoreClock
    wall_off: float = 0.0
    counter_off: float = 0.0


@contextmanager
def machine_on(database_url: str) -> Iterator[Machine]:
    """Give a machine, which knows nothing yet of the database's clock."""
    database = Database(database_url, connections_max=4)
    database.open()
    clock = StoreClock(
        database,
        counter=lambda: time.monotonic_ns() // 1_000 + int(machine.counter_off * 1_000_000),
        wall=lambda: time.time() + machine.wall_off,
    )
    machine = Machine(application_on(database, clock), clock)
    try:
        yield machine
    finally:
        database.close()
