"""The first administrator's first password: on a terminal, or in a file until it has been used; in no journal."""

from __future__ import annotations

import os
import pty
import re
import signal
import stat
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from application.accounts import AddMember, RemoveMember
from application.caller import Caller
from application.identity.first_run import FirstAdmin
from domain.limits import FIRST_PASSWORD_LIFETIME
from interfaces.bootstrap import Services
from interfaces.serving.first_password import remove_when_used, show_or_keep
from interfaces.settings import load_settings
from tests.interfaces.cli.commands import command_line, environment
from tests.support.api import SESSION, OverSocket
from tests.support.clock import FakeClock
from tests.support.service import NO_ANSWER, START_SECONDS_MAX, STOP_SECONDS_MAX, free_port
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from application.identity.users import FirstPassword
    from interfaces.settings import Settings
    from tests.support.postgres import Server

EMAIL = "admin@localhost"
KEPT = "first-password.txt"


@pytest.fixture
def fresh_url(postgres: Server) -> Iterator[str]:
    """A database in which nothing was ever done."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@dataclass
class Serving:
    """A service that was just started for the first time, and what it says where."""

    ask: OverSocket
    log: Path
    kept: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def sign_in(self, password: str) -> tuple[int, bool]:
        answer = self.ask("POST", SESSION, json={"email": EMAIL, "password": password})
        return answer.status, answer.json.get("password_change_required", False)


@contextmanager
def serving(folder: Path, url: str, *, terminal: int | None = None) -> Iterator[Serving]:
    """Run `rpawatch serve` on a new database. terminal: its standard output; else that goes with the log."""
    port = free_port()
    data, log = folder / "data", folder / "serve.log"
    env = environment(
        RPAWATCH_DATABASE_URL=url, RPAWATCH_LISTEN=f"127.0.0.1:{port}", RPAWATCH_DATA_DIR=str(data), TERM="dumb"
    )
    with log.open("wb") as file:
        process = subprocess.Popen(
            command_line("serve"),
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file if terminal is None else terminal,
            stderr=file,
        )
    service = Serving(OverSocket(("127.0.0.1", port)), log, data / KEPT)

    def answers() -> bool:
        assert process.poll() is None, service.said()
        with suppress(*NO_ANSWER):
            return service.ask("GET", "/health/live").status == 200
        return False

    try:
        wait_until(answers, "the service answers", seconds_max=START_SECONDS_MAX)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS_MAX)


def password_in(text: str) -> str:
    found = re.search(r"^First password[^:\n]*: (\S+)\r?$", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_without_a_terminal_it_is_in_a_file_of_its_owner_until_it_was_used(tmp_path: Path, fresh_url: str) -> None:
    with serving(tmp_path, fresh_url) as service:
        wait_until(lambda: "Stop with Ctrl+C" in service.said(), "the greeting")
        assert stat.S_IMODE(service.kept.stat().st_mode) == 0o600
        password = password_in(service.kept.read_text(encoding="utf-8"))
        assert str(service.kept) in service.said()
        assert service.sign_in(password) == (200, True)
        wait_until(lambda: not service.kept.exists(), "the file is removed")
        assert service.sign_in(password) == (401, False)
        assert password not in service.said()


def test_on_a_terminal_it_is_shown_and_kept_nowhere(tmp_path: Path, fresh_url: str) -> None:
    ours, its_end = pty.openpty()
    try:
        with serving(tmp_path, fresh_url, terminal=its_end) as service:
            shown = b""
            while b"Stop with" not in shown:
                shown += os.read(ours, 10_000)
            password = password_in(shown.decode())
            assert not service.kept.exists()
            assert password not in service.said()
            assert service.sign_in(password) == (200, True)
    finally:
        os.close(ours)
        os.close(its_end)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def services(fresh_url: str, clock: FakeClock) -> Iterator[Services]:
    """The service on a new installation."""
    with Services(fresh_url, clock=clock, threads=2) as services:
        yield services.begin()


def kept_password(services: Services, settings: Settings) -> FirstPassword:
    """Write the file, and return what is in it."""
    admin = services.first_admin
    assert admin is not None
    assert admin.password is not None
    show_or_keep(settings, admin, on_terminal=False)
    return admin.password


def is_removed(services: Services, settings: Settings) -> bool:
    """Look once."""
    stop = threading.Event()
    stop.set()
    remove_when_used(services, settings, stop)
    return not settings.first_password_path.exists()


def test_the_file_goes_when_the_password_has_ended(services: Services, settings: Settings, clock: FakeClock) -> None:
    kept_password(services, settings)
    clock.advance(FIRST_PASSWORD_LIFETIME - timedelta(seconds=1))
    assert not is_removed(services, settings)
    clock.advance(timedelta(seconds=1))
    assert is_removed(services, settings)


def test_the_file_goes_when_another_password_was_made(services: Services, settings: Settings, clock: FakeClock) -> None:
    kept_password(services, settings)
    clock.advance(timedelta(minutes=1))
    [admin] = services.users.by_email(EMAIL)
    assert services.users.make_first_password(admin, clock()) is not None
    assert is_removed(services, settings)


def test_a_file_that_can_not_be_written_loses_nothing_but_the_password(services: Services, settings: Settings) -> None:
    assert services.first_admin is not None
    settings.data_dir.write_text("in the way", encoding="utf-8")
    line = show_or_keep(settings, services.first_admin, on_terminal=False)
    assert f"rpawatch members reset-password {EMAIL}" in line


@pytest.mark.parametrize("missing", ["role", "password"])
def test_a_first_start_that_was_cut_short_is_gone_on_with_by_the_next(fresh_url: str, missing: str) -> None:
    with Services(fresh_url, threads=2) as first, pytest.MonkeyPatch.context() as patch:
        execute = first.command_queue.execute

        def cut(*arguments: Any) -> Any:
            if missing == "password" or isinstance(arguments[0], AddMember):
                raise KeyboardInterrupt
            return execute(*arguments)

        if missing == "role":
            patch.setattr(first.command_queue, "execute", cut)
        else:
            patch.setattr(first.users, "make_first_password", cut)
        with pytest.raises(KeyboardInterrupt):
            first.begin()
        assert first.users.count() == 1
    with Services(fresh_url, threads=2) as second:
        second.begin()
        assert isinstance(second.first_admin, FirstAdmin)
        assert second.first_admin.password is not None
    with Services(fresh_url, threads=2) as third:
        assert third.begin().first_admin is None


def test_a_first_administrator_who_was_removed_is_not_made_again(services: Services, fresh_url: str) -> None:
    [admin] = services.users.by_email(EMAIL)
    command = RemoveMember(by=Caller(tenant_id=services.tenant_id), user_id=admin.user_id)
    with services.invitations.removing(command):
        services.command_queue.execute(command)
    with Services(fresh_url, threads=2) as next_start:
        assert next_start.begin().first_admin is None
