"""The types that openapi-typescript makes of the document hold in a whole session, which tsc checks and Node runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interfaces.http.openapi import document
from tests.clients.sessions import STEPS, ran, steps_of
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


def test_a_session_from_signing_in_to_signing_out(client: Path, surroundings: Mapping[str, str]) -> None:
    assert ran([node(), "node_modules/typescript/bin/tsc"], client) == ""
    assert steps_of(ran([node(), "session.js"], client, surroundings)) == STEPS
