"""Others' rules for documents of APIs: Redocly's recommended ones and Spectral's for OpenAPI find nothing."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from interfaces.http.openapi import document
from tests.support.npm_packages import installed, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS_MAX = 60


def run(folder: Path, script: str, *arguments: str) -> Any:
    """Run a linter in a folder; return what it printed, which is JSON."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(
        [node(), installed("linters") / "node_modules" / script, *arguments],
        cwd=folder,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.stdout.startswith(("{", "[")), f"{done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def redocly(file: Path) -> list[str]:
    script = "@redocly/cli/bin/cli.js"
    found = run(file.parent, script, "lint", "--extends=recommended", "--format=json", file.name)
    assert not found["totals"]["ignored"]
    return [f"{one['severity']} {one['ruleId']}: {one['message']} {one['location']}" for one in found["problems"]]


def spectral(file: Path) -> list[str]:
    rules = file.with_name("spectral.json")
    rules.write_text(json.dumps({"extends": ["spectral:oas"]}))
    script = "@stoplight/spectral-cli/dist/index.js"
    found = run(file.parent, script, "lint", "--format=json", "--quiet", f"--ruleset={rules}", file.name)
    return [f"{one['severity']} {one['code']}: {one['message']} {one['path']}" for one in found]


LINTERS = pytest.mark.parametrize("linter", [redocly, spectral])


@LINTERS
def test_it_finds_nothing_in_the_document(linter: Callable[[Path], list[str]], tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(document.as_text())
    assert linter(file) == []


@LINTERS
def test_it_would_find_what_is_wrong(linter: Callable[[Path], list[str]], tmp_path: Path) -> None:
    broken = document.build()
    del broken["info"]["license"], broken["info"]["contact"]
    broken["paths"]["/api/v1/session"]["get"]["operationId"] = "signIn"
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(broken))
    found = linter(file)
    assert any("operation" in one and "unique" in one for one in found)
    assert any("info-" in one for one in found)
