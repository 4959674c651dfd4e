"""The client that openapi-generator makes of the document, in Java, runs a whole session against the service.

It is compiled and runs against the libraries that the generator itself has with it, Jackson among them.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interfaces.http.openapi import document
from tests.clients.sessions import EXAMPLES, STEPS, ran, steps_of
from tests.support.environments import programs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
OPTIONS = {
    "apiPackage": "client.api",
    "modelPackage": "client.model",
    "invokerPackage": "client",
    "enumUnknownDefaultCase": "true",  # answers grow
    "openApiNullable": "false",
}
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Programs that run for seconds spend most of them on being compiled well, in threads of their own."""
OF_THE_GENERATOR_ITSELF = {
    "OpenAPI 3.1 support is still in beta": "whatever it is given",
    "Failed to get the schema name: null": "for any header field of an answer",
    "Ignoring complex example on request body": "for any body that is an object and has examples",
}
"""The beginnings of its warnings, with what it has them for. None of them is about what is in the client."""


@pytest.fixture(scope="module")
def jar() -> Path:
    programs = programs_of(HERE / "generators" / "requirements.lock", "clients")
    [found] = programs.parent.glob("lib/*/site-packages/openapi_generator_cli/openapi-generator.jar")
    return found


def java(name: str) -> str:
    program = shutil.which(name)
    assert program, f"{name} is not installed; on Debian: apt-get install default-jdk-headless"
    return program


@pytest.fixture(scope="module")
def client(jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the client, as classes, with what the generator said."""
    folder = tmp_path_factory.mktemp("java")
    options = ",".join(f"{name}={value}" for name, value in OPTIONS.items())
    what = "apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
    command = (java("java"), *QUICK, "-jar", jar, "generate", "-g", "java", "--library", "native", "-i", document.FILE)
    said = ran([*command, "-o", "made", "--additional-properties", options, "--global-property", what], folder)
    (folder / "said").write_text(said)
    sources = [*(folder / "made" / "src" / "main").rglob("*.java"), *(HERE / "java").rglob("*.java")]
    quick = [f"-J{option}" for option in QUICK]
    compiler = (java("javac"), "-proc:none", "-encoding", "UTF-8", "-cp", jar, "-d", "classes")
    ran([*compiler, *quick, *sources], folder)
    return folder


def test_the_generator_has_nothing_to_complain_about(client: Path) -> None:
    found = re.findall(r"^\[\w+\] +(?:WARN|ERROR) +\S+ - (.*)", (client / "said").read_text(), re.MULTILINE)
    assert [one for one in found if not one.startswith(tuple(OF_THE_GENERATOR_ITSELF))] == []


def test_no_schema_is_left_without_a_name_or_a_type(client: Path) -> None:
    assert "Inline schema created" not in (client / "said").read_text()
    models = (client / "made" / "src" / "main" / "java" / "client" / "model").glob("*.java")
    fields = {
        f"{model.stem}: {found}"
        for model in models
        for found in re.findall(r"^  private (Object \w+)", model.read_text(), re.MULTILINE)
    }
    assert fields == set()


def test_every_example_is_understood(jar: Path, client: Path) -> None:
    command = (java("java"), *QUICK, "-Dfile.encoding=UTF-8", "-cp", f"classes:{jar}", "Examples")
    assert ran(command, client, told=json.dumps(EXAMPLES)) == ""


def test_a_session_from_signing_in_to_signing_out(jar: Path, client: Path, surroundings: Mapping[str, str]) -> None:
    # Older Java writes and reads text by the settings of the machine.
    options = ("-Dfile.encoding=UTF-8", f"-Djava.io.tmpdir={client}", "-cp", f"classes:{jar}")
    command = (java("java"), *QUICK, *options, "Session")
    assert steps_of(ran(command, client, surroundings)) == STEPS
