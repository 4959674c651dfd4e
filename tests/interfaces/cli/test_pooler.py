"""A pooler in front of the database: with sessions everything works, and nothing does without."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import typer

from application.store.database import BoundedConnection
from domain.key_secret import generate
from interfaces.cli.main import build_app
from tests.interfaces.cli.test_main import EXPECTED, commands
from tests.support.effort import in_time
from tests.support.pgbouncer import PgBouncer
from tests.support.service import Desk, Service
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.interfaces.cli.conftest import Rpawatch
    from tests.support.pgbouncer import PoolMode
    from tests.support.postgres import Server

REFUSAL = "set pool_mode = session"
WITHOUT_STORE = {"report", "audit check"}
ARGUMENTS = {
    "name": ["Finance"],
    "flow_id": [str(uuid4())],
    "key_id": [str(uuid4())],
    "job_id": [str(uuid4())],
    "email": ["ada@example.com"],
    "role": ["--role", "auditor"],
    "written_as": ["--format", "csv"],
    "since": ["--from", "2026-01-01T00:00:00Z"],
    "until": ["--to", "2026-01-02T00:00:00Z"],
    "paths": ["found.txt"],
}
"""What a command can't do without, by the names of its parameters."""
FURTHER = {"keys deactivate": [str(uuid4())], "audit prove": [str(uuid4()), "--version", "1"]}
CODES = {"audit verify": 2, "audit limits": 2}
"""Of those that say in their own way that they can't do it."""


@pytest.fixture(scope="module")
def migrated_url(postgres: Server) -> Iterator[str]:
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


def test_every_command_that_opens_the_store_refuses_a_pooler_that_shares_connections(
    rpawatch: Rpawatch, migrated_url: str, tmp_path: Path
) -> None:
    (tmp_path / "found.txt").write_text(generate().text)
    walked = set()
    with PgBouncer(migrated_url, "transaction", ignore_startup_parameters="options") as pooler:
        for path, command in commands(typer.main.get_command(build_app())):
            if "database_url" not in {parameter.name for parameter in command.params} or path == "serve":
                continue
            needed = [word for parameter in command.params if parameter.required for word in ARGUMENTS[parameter.name]]
            refused = rpawatch(*path.split(), *needed, *FURTHER.get(path, ()), "--database-url", pooler.url())
            assert refused.code == CODES.get(path, 3), (path, refused)
            assert REFUSAL in refused.line, path
            walked.add(path)
    assert walked == set(EXPECTED) - WITHOUT_STORE - {"serve"}


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_the_service_does_not_start_behind_it(
    rpawatch: Rpawatch, migrated_url: str, monkeypatch: pytest.MonkeyPatch, mode: PoolMode
) -> None:
    monkeypatch.setattr("interfaces.serving.serve.configure_logs", lambda *_, **__: None)
    with PgBouncer(migrated_url, mode) as pooler:
        for workers in ("1", "2"):
            refused = rpawatch("serve", "--listen", "127.0.0.1:0", "--workers", workers, "--database-url", pooler.url())
            assert (refused.code, refused.out) == (3, "")
            assert REFUSAL in refused.line


def test_a_pool_that_is_too_small_is_told_in_time_and_with_what_to_set(
    rpawatch: Rpawatch, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "reply_seconds_max", 0.5)
    with PgBouncer(migrated_url, "session", default_pool_size=1) as pooler:
        began = time.monotonic()
        refused = rpawatch("migrate", "--database-url", pooler.url())
        assert time.monotonic() - began < in_time(5)
    assert (refused.code, refused.out) == (3, "")
    assert "default_pool_size" in refused.line


def test_behind_a_pooler_of_sessions_the_service_and_the_commands_work_and_a_change_of_it_is_noticed(
    rpawatch: Rpawatch, migrated_url: str, tmp_path: Path
) -> None:
    with PgBouncer(migrated_url, "session", ignore_startup_parameters="options", default_pool_size=40) as pooler:
        service = Service(tmp_path, {"RPAWATCH_DATABASE_URL": pooler.url(), "RPAWATCH_WORKERS": "2"})
        service.start()
        try:
            wait_until(service.is_ready, "readiness", seconds_max=in_time(15))
            desk = Desk(service.ask)
            robot = desk.robot()
            assert robot.report().status == 201
            for command in ("keys list", "audit verify", "projections rebuild process_list_v1"):
                done = rpawatch(*command.split(), "--database-url", pooler.url())
                assert done.code == 0, (command, done)
            pooler.reload("transaction")

            def readiness() -> str:
                robot.look()
                answer = service.ask("GET", "/health/ready")
                return "" if answer.status == 200 else str(answer.json)

            wait_until(lambda: REFUSAL in readiness(), "503 that names it", seconds_max=in_time(20))
            wait_until(lambda: robot.report().status == 503, "no report is taken", seconds_max=in_time(20))
            pooler.reload("session")
            # Not "once it is ready": that is said by one of the two processes, and the report may go to the other.
            wait_until(lambda: robot.report().status == 201, "reports are taken again", seconds_max=in_time(20))
            wait_until(service.is_ready, "readiness", seconds_max=in_time(20))
            pooler.stop()
            pooler.start()
            wait_until(lambda: robot.report().status == 201, "reports are taken again", seconds_max=in_time(20))
        finally:
            assert service.stop()[0] == 0
