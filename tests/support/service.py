"""The service as it is run: processes of `rpawatch serve` on a data directory, started, killed and ended by pid."""

from __future__ import annotations

import http.client
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psutil

from application.store.embedded import EmbeddedPostgres
from domain import key_secret
from domain.limits import RATE_LIMIT_DEFAULT
from tests.support.api import ACCOUNTS, SESSION, Answer, OverSocket
from tests.support.effort import in_time
from tests.support.waiting import wait_until
from tests.support.world import Robot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

RPAWATCH = Path(sys.executable).parent / "rpawatch"
ADMIN_EMAIL = "ada@example.com"
ADMIN_PASSWORD = f"a long walk in the rain {secrets.token_hex(8)}"
"""Of this run only, so that it can be looked for everywhere."""
START_SECONDS_MAX = in_time(30.0)
STOP_SECONDS_MAX = in_time(10.0)
"""What a container is given before it is killed."""
NO_ANSWER = (OSError, http.client.HTTPException)
"""What a client sees when the connection is refused, or ends before the answer does."""
END_WITH_US = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
"""So that a run of the tests that is killed leaves no service behind. Where it is missing, one stays until ended."""
_PORTS = range(10_000, 32_000)
"""Below those that the kernel gives to clients: one that finds nobody on its own port would connect to itself."""


def tell(figure: str) -> None:
    """Say what was measured, for whoever reads the output of a test."""
    sys.stdout.write(f"{figure}\n")


def free_port() -> int:
    """Return a port that nobody listens on, and that no client will be given meanwhile."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


class Service:
    """One process of the service, and what takes its place after it was killed: on the same port, with the same log."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self.log = folder / f"serve-{self.port}.log"
        self.pids: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("RPAWATCH_")} | {
            "RPAWATCH_LISTEN": f"127.0.0.1:{self.port}",
            "RPAWATCH_ADMIN_EMAIL": ADMIN_EMAIL,
            "RPAWATCH_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "RPAWATCH_LOG_FORMAT": "json",
            # Each client says who it is, so that one with bad keys does not use up what another may present.
            "RPAWATCH_TRUSTED_PROXY": "127.0.0.1",
            **settings,
        }
        self.ask = OverSocket(("127.0.0.1", self.port))

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs, or ran last."""
        assert self._process is not None, "start it first"
        return self._process

    def begin(self) -> Self:
        """Start the process, and don't wait for it."""
        assert self._process is None or self._process.poll() is not None, "it runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*END_WITH_US, RPAWATCH, "serve"],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pids.append(self._process.pid)
        return self

    def start(self) -> float:
        """Start the process, and return how many seconds later it answered."""
        began = time.monotonic()
        self.begin().wait_until_it_answers()
        return time.monotonic() - began

    def wait_until_it_answers(self) -> None:
        """Wait for the first answer."""

        def answers() -> bool:
            assert self.process.poll() is None, f"the service ended:\n{self.said()}"
            with suppress(*NO_ANSWER):
                return self.ask("GET", "/health/live").status == 200
            return False

        wait_until(answers, "the service answers", seconds_max=START_SECONDS_MAX)

    def is_ready(self) -> bool:
        """Return whether readiness says so, to a client that waits for no answer."""
        with suppress(*NO_ANSWER):
            return self.ask("GET", "/health/ready").status == 200
        return False

    def runs(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End the process as a crash does."""
        self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)

    def stop(self) -> tuple[int, float]:
        """Ask the process to end; return its exit code, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX), time.monotonic() - began

    def said(self) -> str:
        """Return what its processes wrote to their outputs."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


class Installation:
    """A data directory and the processes that serve it. As a context manager it ends them, and sees that none is left.

    settings: further variables of the environment, without RPAWATCH_ in front. The folder is not one of pytest's: each
    run of pytest takes from its folders the right to pass through that the embedded server's user was given.
    """

    def __init__(self, **settings: str) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="rpawatch-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.data_dir = self.folder / "data"
        self.services: list[Service] = []
        self.postmasters: set[int] = set()
        self._settings = {"RPAWATCH_DATA_DIR": str(self.data_dir)}
        self._settings |= {f"RPAWATCH_{name}": value for name, value in settings.items()}
        self._desk: Desk | None = None

    def service(self, **environment: str) -> Service:
        """Return a further process of the service, which is not started yet. environment: further variables of it."""
        self.services.append(Service(self.folder, self._settings | environment))
        return self.services[-1]

    def running(self, count: int = 1) -> list[Service]:
        """Return so many processes of the service, started where they don't run; further ones are ended."""
        while len(self.services) < count:
            self.service()
        chosen = self.services[:count]
        for service in self.services[count:]:
            if service.runs():
                service.stop()
        begun = [service.begin() for service in chosen if not service.runs()]
        for service in begun:
            service.wait_until_it_answers()
        for service in chosen:
            wait_until(service.is_ready, "the service is ready")
        self.note_postmaster()
        return chosen

    def desk(self) -> Desk:
        """Return the administrator's desk, at the first process. It runs."""
        if self._desk is None:
            self._desk = Desk(self.services[0].ask)
        return self._desk

    def conninfo(self) -> str:
        """Return how to connect to the embedded server of a service that runs, past the service."""
        with EmbeddedPostgres(self.data_dir) as embedded:
            self.note_postmaster()
            return embedded.conninfo

    def note_postmaster(self) -> int | None:
        """Return the process id of the embedded server if it lives; it has to be gone at the end."""
        with suppress(OSError, ValueError):
            pid = int((self.data_dir / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
            if psutil.pid_exists(pid):
                self.postmasters.add(pid)
                return pid
        return None

    def left_over(self) -> list[str]:
        """Return the processes of this installation that live: of the service, and all that work in its folder."""
        mine = {pid for service in self.services for pid in service.pids} | self.postmasters
        return [
            _name_of(process) for process in psutil.process_iter() if process.pid in mine or self._works_here(process)
        ]

    def _works_here(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error, OSError):
            return Path(process.cwd()).is_relative_to(self.data_dir)
        return False

    def stop(self) -> None:
        """End all processes in order. Each has to exit with 0 in the time that a container is given."""
        self.note_postmaster()
        for service in self.services:
            if service.runs():
                code, _ = service.stop()
                assert code == 0, service.said()[-3000:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.stop()
            if kind is None:
                wait_until(lambda: not self.left_over(), "no process is left", seconds_max=STOP_SECONDS_MAX)
        finally:
            self._end_by_force()
            self._temporary.cleanup()

    def _end_by_force(self) -> None:
        for service in self.services:
            if service.runs():
                service.kill()
        for process in psutil.process_iter():
            if self._works_here(process):
                with suppress(psutil.Error):
                    process.kill()


def _name_of(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    return str(process.pid)


@dataclass
class Desk:
    """The administrator's desk, over HTTP: makes accounts, processes and keys. One session for as long as it lasts.

    secrets: all that it was shown: the token of its session, and the keys that it made.
    """

    ask: OverSocket
    headers: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    account_id: UUID = field(init=False)
    flow_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        signed_in = self.ask("POST", SESSION, json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
        assert signed_in.status == 200, signed_in.body
        self.secrets.append(signed_in.json["token"])
        self.headers["Authorization"] = f"Bearer {self.secrets[0]}"
        accounts = self.ask("GET", ACCOUNTS, headers=self.headers).json["items"]
        self.account_id = UUID(next(account["id"] for account in accounts if account["name"] == "Default"))
        self.flow_id = self.process(self.account_id)

    def post(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None, ask: OverSocket | None = None
    ) -> Answer:
        """Send a command, through another process when `ask` says so."""
        return (ask or self.ask)("POST", f"{ACCOUNTS}{path}", headers={**self.headers, **(headers or {})}, json=body)

    def account(self) -> UUID:
        """Open another account."""
        return UUID(self._made("", {"name": f"Account {uuid4()}"})["id"])

    def process(self, account_id: UUID) -> UUID:
        """Register a process."""
        return UUID(self._made(f"/{account_id}/processes", {"name": "Invoices"})["flow_id"])

    def robot(
        self, *, limit: int = RATE_LIMIT_DEFAULT, account_id: UUID | None = None, flow_id: UUID | None = None
    ) -> Robot:
        """Return a robot with a new key, of the account `Default` or another."""
        account = account_id or self.account_id
        made = self._made(f"/{account}/keys", {"name": "Nightly run", "limit": limit})
        secret = key_secret.parse(made["key"])
        assert secret is not None
        self.secrets.append(secret.text)
        return Robot(self.ask, secret, account, flow_id or self.flow_id)

    def deactivate(self, robot: Robot, ask: OverSocket | None = None, **headers: str) -> Answer:
        """End the key of a robot."""
        return self.post(f"/{robot.account_id}/keys/{robot.key_id}/deactivate", {}, headers, ask)

    def rotate(self, robot: Robot, *, overlap_seconds: int) -> Answer:
        """Let a new key take the place of a robot's."""
        path = f"/{robot.account_id}/keys/{robot.key_id}/rotate"
        answer = self.post(path, {"overlap_seconds": overlap_seconds})
        self.secrets += [answer.json["key"]] if answer.status == 201 else []
        return answer

    def _made(self, path: str, body: Any) -> Any:
        made = self.post(path, body)
        assert made.status == 201, made.body
        return made.json
