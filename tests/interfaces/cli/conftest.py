"""Commands of the command line on the database of a test module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

import pytest

from application.identity import passwords
from domain import key_secret
from interfaces.bootstrap import Services
from interfaces.cli import operator_context, service
from interfaces.cli.main import run
from tests.interfaces.cli.commands import Ran, environment
from tests.support.world import CHEAP_HASHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
def served_url(database_url: str) -> Iterator[str]:
    """The URL of this module's database while a service runs on it, as it does where an operator works."""
    with Services(database_url, threads=2) as services:
        services.begin().follow()
        yield database_url


@pytest.fixture
def store(rpawatch: Rpawatch, served_url: str, monkeypatch: pytest.MonkeyPatch) -> Rpawatch:
    """The command line on that database."""
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", served_url)
    return rpawatch


@pytest.fixture
def account(store: Rpawatch) -> str:
    """A new account, by its name, which no other has."""
    name = f"Account {uuid4().hex[:8]}"
    assert store("accounts", "create", name).code == 0
    return name


@pytest.fixture
def flow(store: Rpawatch, account: str) -> str:
    """The flow id of a process of that account."""
    made = store("processes", "register", "Invoice entry", "--account", account, "--json")
    flow_id: str = made.json["flow_id"]
    return flow_id


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a bot, which its environment has."""
    secret = key_secret.generate().text
    monkeypatch.setenv("RPAWATCH_API_KEY", secret)
    return secret
