"""Commands of the command line on the database of a test module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest

from application.identity import passwords
from domain import key_secret
from interfaces.bootstrap import Services
from interfaces.cli import operator_context, service
from interfaces.cli.main import run
from tests.interfaces.cli.commands import Ran, environment
from tests.interfaces.cli.set_up import name_of, open_account, register_process
from tests.support.world import CHEAP_HASHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID


class Rpawatch(Protocol):
    """Runs a command in this process."""

    def __call__(self, *arguments: str) -> Ran: ...


@pytest.fixture
def rpawatch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Rpawatch:
    """The command line in an empty folder, with no setting but those that a test makes."""
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for module in (operator_context, service):
        # The logs of a process can be set up once; whoever comes later would write to this test's output.
        monkeypatch.setattr(module, "configure_logs", lambda *_: None)

    # What a hash costs stands in it, and is tested where passwords are: here each would take a fifth of a second.
    monkeypatch.setattr(passwords, "_hasher", CHEAP_HASHER)

    def rpawatch(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return rpawatch


@pytest.fixture(scope="module")
def served(database_url: str) -> Iterator[Services]:
    """The service that runs on this module's database, as it does where an operator works."""
    with Services(database_url, threads=2) as services:
        yield services.begin().follow()


@pytest.fixture(scope="module")
def served_url(served: Services, database_url: str) -> str:
    """The URL of that database."""
    del served
    return database_url


@pytest.fixture
def store(rpawatch: Rpawatch, served_url: str, monkeypatch: pytest.MonkeyPatch) -> Rpawatch:
    """The command line on that database."""
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", served_url)
    return rpawatch


@pytest.fixture
def account_id(served: Services) -> UUID:
    """A new account."""
    return open_account(served)


@pytest.fixture
def account(account_id: UUID) -> str:
    """Its name, which no other has."""
    return name_of(account_id)


@pytest.fixture
def flow(served: Services, account_id: UUID) -> str:
    """The flow id of a process of that account."""
    return str(register_process(served, account_id))


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a bot, which its environment has."""
    secret = key_secret.generate().text
    monkeypatch.setenv("RPAWATCH_API_KEY", secret)
    return secret
