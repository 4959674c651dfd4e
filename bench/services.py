"""What is compared: the services, each with a database of its own in the same PostgreSQL, and the same keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid5

from psycopg.conninfo import conninfo_to_dict

from application.accounts import RegisterProcess
from application.caller import AccountCaller
from application.keys import CreateKey
from bench import plain
from bench.load import post
from bench.peer_environment import DRF, installed
from bench.testbed import free_port
from domain import key_secret
from domain.limits import RATE_LIMIT_MAX
from interfaces.bootstrap import Services, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.testbed import Running, Testbed
    from domain.key_secret import KeySecret

KEYS = 300
FLOW = UUID("4de713a3-1a07-4282-8885-dfbaa7869a31")
PATH = "/api/v1/ingest/report"
WATCH_1, WATCH_2 = "RPA Watch, 1 process", "RPA Watch, 2 processes"
BARE, PLAIN, DJANGO = "bare Falcon on waitress", "eventsourcing, plain save()", "Django REST Framework"
GUNICORN_WORKERS, GUNICORN_THREADS = 2, 8
THROTTLE_CACHE = "memory"


class Contenders:
    """The services, prepared when they are first asked for."""

    def __init__(self, testbed: Testbed) -> None:
        self.testbed = testbed
        self.secrets = [key_secret.generate() for _ in range(KEYS)]
        self.over_limit = [key_secret.generate() for _ in range(KEYS)]
        """Keys of RPA Watch with a limit of one use."""
        self._databases: dict[str, str] = {}

    def requests(self, name: str, body: bytes) -> list[bytes]:
        """Return the body as each of the keys would send it to the service."""
        keys = self._django_keys if name == DJANGO else [secret.text for secret in self.secrets]
        return [post(PATH, body, {"X-API-Key": key}) for key in keys]

    @contextmanager
    def running(self, name: str, **settings: str) -> Iterator[Running]:
        """Run the service for as long as the block. settings: of RPA Watch, without RPAWATCH_."""
        port = free_port()
        command, environment = {
            WATCH_1: self._watch,
            WATCH_2: self._watch,
            BARE: self._bare,
            PLAIN: self._plain,
            DJANGO: self._django,
        }[name](name, port)
        if name in {WATCH_1, WATCH_2}:
            environment |= {f"RPAWATCH_{setting.upper()}": value for setting, value in settings.items()}
        path = "/health/live" if name in {WATCH_1, WATCH_2} else PATH
        with self.testbed.run(command, port, environment, path) as running:
            yield running

    def watch_database(self, name: str) -> str:
        """Return where the database of RPA Watch is; with 2 processes it is a copy of the one with 1, made at first."""
        if WATCH_1 not in self._databases:
            self._databases[WATCH_1] = self.testbed.create_database("watch_1")
            _prepare_watch(self._databases[WATCH_1], self.secrets, self.over_limit)
            self._databases[WATCH_2] = self.testbed.create_database("watch_2", template="watch_1")
        return self._databases[name]

    def _watch(self, name: str, port: int) -> tuple[list[str], dict[str, str]]:
        return [rpawatch(), "serve"], {
            "RPAWATCH_DATABASE_URL": url(self.watch_database(name)),
            "RPAWATCH_LISTEN": f"127.0.0.1:{port}",
            "RPAWATCH_LOG_LEVEL": "warning",
            "RPAWATCH_WORKERS": "1" if name == WATCH_1 else "2",
        }

    def _bare(self, name: str, port: int) -> tuple[list[str], dict[str, str]]:
        del name
        return [sys.executable, "-m", "bench.bare", str(port)], {}

    def _plain(self, name: str, port: int) -> tuple[list[str], dict[str, str]]:
        created = name in self._databases
        if not created:
            self._databases[name] = self.testbed.create_database("plain")
        parts = conninfo_to_dict(self._databases[name])
        environment = {
            "POSTGRES_DBNAME": str(parts["dbname"]),
            "POSTGRES_HOST": str(parts["host"]),
            "POSTGRES_PORT": str(parts["port"]),
            "POSTGRES_USER": str(parts["user"]),
        }
        if not created:
            with plain.make(environment, create_tables=True) as application:
                application.prepare(self.secrets, FLOW)
        return [sys.executable, "-m", "bench.plain", str(port)], environment

    def _django(self, name: str, port: int) -> tuple[list[str], dict[str, str]]:
        del name
        assert self._django_keys, "made before the service starts"
        command = [
            str(installed() / "gunicorn"),
            "peer.wsgi",
            f"--chdir={DRF}",
            f"--bind=127.0.0.1:{port}",
            f"--workers={GUNICORN_WORKERS}",
            "--worker-class=gthread",
            f"--threads={GUNICORN_THREADS}",
            "--keep-alive=60",
            "--log-level=warning",
            "--no-control-socket",
        ]
        return command, self._django_environment

    @cached_property
    def _django_environment(self) -> dict[str, str]:
        parts = conninfo_to_dict(self.testbed.create_database("drf"))
        return {
            "PEER_DATABASE_HOST": str(parts["host"]),
            "PEER_DATABASE_NAME": str(parts["dbname"]),
            "PEER_DATABASE_USER": str(parts["user"]),
            "PEER_CACHE": THROTTLE_CACHE,
            "PEER_CACHE_FOLDER": str(self.testbed.folder / "throttle"),
        }

    @cached_property
    def _django_keys(self) -> list[str]:
        """The tables are made with them. The package draws the keys itself."""
        self._manage_django("migrate", "--verbosity=0")
        if THROTTLE_CACHE == "database":
            self._manage_django("createcachetable")
        keys: list[str] = json.loads(self._manage_django("createkeys", str(KEYS), str(FLOW)))
        return keys

    def _manage_django(self, *arguments: str) -> str:
        return subprocess.run(
            [installed() / "python", "manage.py", *arguments],
            cwd=DRF,
            env=os.environ | self._django_environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout


def report_body(details: int) -> bytes:
    """Return a report with as many details."""
    report: dict[str, Any] = {
        "flow_id": str(FLOW),
        "robot_id": "robot-7",
        "started_at": "2026-03-10T21:43:51.863Z",
        "finished_at": "2026-03-10T21:48:51.863Z",
        "target": "SAP",
        "source": "Excel Import",
        "result_summary": "Records processed",
        "details": [
            {
                "sequence_no": number,
                "record_id": f"REC-{number:05}",
                "record_name": f"Record {number}",
                "status": "failed" if number % 3 else "success",
                "result": "Created successfully",
            }
            for number in range(1, details + 1)
        ],
    }
    return json.dumps(report).encode()


def rpawatch() -> str:
    """Return the path of the command."""
    return str(Path(sys.executable).with_name("rpawatch"))


def url(conninfo: str) -> str:
    """Return a connection string as a URL, which is what the setting takes."""
    parameters = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    return f"postgresql:///{quote(parameters.pop('dbname'))}?{urlencode(parameters, quote_via=quote)}"


def _prepare_watch(conninfo: str, secrets: list[KeySecret], over_limit: list[KeySecret]) -> None:
    migrate(conninfo)
    with Services(conninfo, threads=2) as services:
        tenant = services.begin().tenant_id
        account = uuid5(tenant, "account:default")
        services.command_queue.execute(
            RegisterProcess(by=AccountCaller(tenant_id=tenant, account_id=account), flow_id=FLOW, name="Bench")
        )
        for limit, many in ((RATE_LIMIT_MAX, secrets), (1, over_limit)):
            for number, secret in enumerate(many):
                services.command_queue.execute(
                    CreateKey(
                        by=AccountCaller(tenant_id=tenant, account_id=account),
                        secret=secret,
                        name=f"Key {number}",
                        limit=limit,
                    )
                )
