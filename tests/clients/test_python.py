"""The client that openapi-python-client makes of the document runs a whole session against the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interfaces.http.openapi import document
from tests.clients.sessions import EXAMPLES, STEPS, ran, steps_of
from tests.support.environments import programs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def programs() -> Path:
    return programs_of(HERE / "generators" / "requirements.lock", "clients")


@pytest.fixture(scope="module")
def client(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the client, with what the generator said."""
    folder = tmp_path_factory.mktemp("python")
    generator = programs / "openapi-python-client"
    options = ("generate", "--path", document.FILE, "--output-path", "client", "--fail-on-warning")
    said = ran([generator, *options], folder, {"PATH": f"{programs}:/usr/bin:/bin"})
    (folder / "said").write_text(said)
    return folder


def test_the_generator_has_nothing_to_complain_about(client: Path) -> None:
    assert (client / "said").read_text().splitlines() == ["Generating client"]


def test_every_example_is_understood(programs: Path, client: Path) -> None:
    command = (programs / "python", HERE / "python" / "examples.py")
    assert ran(command, client, {"PYTHONPATH": str(client / "client")}, told=json.dumps(EXAMPLES)) == ""


def test_a_session_from_signing_in_to_signing_out(
    programs: Path, client: Path, surroundings: Mapping[str, str]
) -> None:
    environment = {**surroundings, "PYTHONPATH": str(client / "client")}
    said = ran([programs / "python", HERE / "python" / "session.py"], client, environment)
    assert steps_of(said) == STEPS
