"""The types that openapi-typescript makes of the document hold in a whole session, which tsc checks and Node runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interfaces.http.openapi import document
from tests.clients.sessions import EXAMPLES, STEPS, ran, steps_of
from tests.support.npm_packages import installed, node

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES = Path(__file__).parent / "typescript"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the session, with the types and what it runs on; and with what the generator said."""
    folder = tmp_path_factory.mktemp("typescript")
    for source in SOURCES.iterdir():
        shutil.copy(source, folder)
    (folder / "node_modules").symlink_to(installed("typescript") / "node_modules")
    (folder / "package.json").write_text(json.dumps({"type": "module"}))
    generator = "node_modules/openapi-typescript/bin/cli.js"
    said = ran([node(), generator, document.FILE, "--output", "schema.d.ts"], folder, {"NO_COLOR": "1"})
    (folder / "said").write_text(said)
    return folder


def test_the_generator_has_nothing_to_complain_about(client: Path) -> None:
    first, second = (client / "said").read_text().splitlines()
    assert "openapi-typescript" in first
    assert second.startswith(f"🚀 {document.FILE}")


@pytest.fixture(scope="module")
def compiled(client: Path) -> str:
    """What tsc says of the session, and of every example as a value of its type."""
    examples = [
        f"export const example{number}: Schemas[{json.dumps(name)}] = {json.dumps(value)};"
        for number, (name, value) in enumerate(EXAMPLES)
    ]
    types = 'import type { components } from "./schema.js"; type Schemas = components["schemas"];'
    (client / "examples.ts").write_text("\n".join([types, *examples]))
    return ran([node(), "node_modules/typescript/bin/tsc"], client)


def test_the_types_hold_in_the_session_and_for_every_example(compiled: str) -> None:
    assert compiled == ""


@pytest.mark.usefixtures("compiled")
def test_a_session_from_signing_in_to_signing_out(client: Path, surroundings: Mapping[str, str]) -> None:
    assert steps_of(ran([node(), "session.js"], client, surroundings)) == STEPS
