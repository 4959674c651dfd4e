"""Which files a report and a deactivation go through, in the order in which they get there.

    python -m tests.support.followed

carries both out on a service with everything that `rpawatch serve` has in a web process and in the projector, and
prints the files of the source with the functions of each that were called: what somebody opens who follows it by hand.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.key_secret import generate
from interfaces.http.app import create_server
from interfaces.queries.waiting import wait_for_lists
from interfaces.settings import Settings
from projections.paging import PageRequest
from tests.support.api import OverSocket
from tests.support.postgres import running_server
from tests.support.serving import running_in_a_thread
from tests.support.world import Robot, ServiceCast, services_at_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from uuid import UUID

    from interfaces.bootstrap import Services

ROOT = Path(__file__).parents[2]
SOURCE = tuple(f"{ROOT}{os.sep}{name}{os.sep}" for name in ("domain", "application", "projections", "interfaces"))


class Followed:
    """The functions that are called meanwhile, by file. besides: the names of threads that do something else."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, None]] = {}
        self._besides: frozenset[str] | None = None

    def record(self, frame: FrameType, event: str, _: Any) -> None:
        """Take in a call, in whichever thread."""
        code = frame.f_code
        if event != "call" or self._besides is None or not code.co_filename.startswith(SOURCE):
            return
        if threading.current_thread().name not in self._besides and not code.co_name.startswith("<"):
            path = str(Path(code.co_filename).relative_to(ROOT))
            self.files.setdefault(path, {})[code.co_qualname] = None

    @contextmanager
    def meanwhile(self, *besides: str) -> Iterator[None]:
        """Record what is called within the block."""
        self.files.clear()
        self._besides = frozenset(besides)
        yield
        self._besides = None

    def print(self, title: str) -> None:
        sys.stdout.write(f"\n{title}: {len(self.files)} files\n")
        for number, (path, functions) in enumerate(self.files.items(), start=1):
            sys.stdout.write(f"{number:3}. {path}: {', '.join(functions)}\n")


def main() -> None:
    """Follow a report and a deactivation."""
    followed = Followed()
    threading.setprofile(followed.record)
    with (
        running_server() as postgres,
        tempfile.TemporaryDirectory() as folder,
        services_at_work(postgres.create_database(), None, Path(folder), signs_at_once=False) as services,
    ):
        server = create_server(services, Settings(listen="127.0.0.1:0"))
        with running_in_a_thread(server, stop_seconds_max=15.0):
            _follow(followed, services, OverSocket(server.address))


def _follow(followed: Followed, services: Services, ask: OverSocket) -> None:
    cast = ServiceCast(services)
    robots = [_robot(services, cast, ask) for _ in range(2)]
    for robot in robots:
        assert robot.report().status == 201
    _deactivate(services, cast, robots[0].key_id)
    # Of those who follow the log, none is on the way of a report to its answer.
    with followed.meanwhile("projector", "log-tree", "log-checks"):
        assert robots[1].report().status == 201
    followed.print("A report, from the socket to the answer")
    cast.wait_for_lists()
    sys.setprofile(followed.record)
    with followed.meanwhile("log-tree", "log-checks"):
        _deactivate(services, cast, robots[1].key_id)
    sys.setprofile(None)
    followed.print("A deactivation, from the command to the list of keys")


def _robot(services: Services, cast: ServiceCast, ask: OverSocket) -> Robot:
    secret = generate()
    services.command_queue.execute(cast.create_key_command(secret=secret))
    return Robot(ask, secret, cast.account_a, cast.flow_a)


def _deactivate(services: Services, cast: ServiceCast, key_id: UUID) -> None:
    done = services.command_queue.execute(cast.deactivate_key_command(key_id))
    wait_for_lists(services.database, done.position)
    page = services.keys.page(cast.account_a, PageRequest(), services.clock())
    assert [row.deactivated_at is not None for row in page.items if row.key_id == key_id] == [True]


if __name__ == "__main__":
    main()
