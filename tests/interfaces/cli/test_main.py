"""The command line as a whole: what it offers, how it helps, and what it loads for that."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from interfaces.cli.main import COMMANDS, build_app
from tests.interfaces.cli.commands import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.interfaces.cli.conftest import Rpawatch


def documented() -> Iterator[str]:
    """Yield the commands in the table of docs/command-line.md. Within a row, `keys list`, `show` are of one group."""
    text = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")
    table = text.split("| command | what it does |\n")[1].split("\n\n")[0]
    for first, others in re.findall(r"^\| `([^`]+)`([^|]*) \|", table, re.MULTILINE):
        yield first
        yield from (f"{first.split()[0]} {name}" for name in re.findall(r"`([^`]+)`", others))


EXPECTED = sorted(documented())
GROUPS = sorted({path.split()[0] for path in EXPECTED if " " in path})


def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


def test_the_commands_are_those_of_their_document() -> None:
    assert sorted(path for path, _ in commands(typer.main.get_command(build_app()))) == EXPECTED


@pytest.mark.parametrize("path", EXPECTED)
def test_every_command_has_help_with_examples_of_itself(rpawatch: Rpawatch, path: str) -> None:
    shown = rpawatch(*path.split(), "--help")
    assert (shown.code, shown.err) == (0, "")
    description, examples = shown.out.split("Examples:")
    assert f"Usage: rpawatch {path} " in description
    assert f"rpawatch {path}" in examples
    assert "\b" not in shown.out
    assert ("--json" in shown.out) == (path != "serve"), "every command but serve prints JSON on request"


def test_the_help_of_the_root_has_a_line_for_each_command_and_the_exit_codes(rpawatch: Rpawatch) -> None:
    shown = rpawatch("--help")
    assert (shown.code, shown.err) == (0, "")
    assert all(f"\n  {name} " in shown.out for name in COMMANDS)
    assert "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 store or service" in shown.out


@pytest.mark.parametrize("arguments", [(), *((group,) for group in GROUPS)])
def test_without_a_command_the_help_is_shown_as_wrong_usage(rpawatch: Rpawatch, arguments: tuple[str, ...]) -> None:
    shown = rpawatch(*arguments)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith(" ".join(["Usage: rpawatch", *arguments]))


@pytest.mark.parametrize(
    "arguments",
    [("acounts",), ("keys", "shw"), ("keys", "create"), ("accounts", "list", "--nosuch"), ("accounts", "list", "x")],
)
def test_wrong_usage_is_one_line_and_a_hint(rpawatch: Rpawatch, arguments: tuple[str, ...]) -> None:
    refused = rpawatch(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.usage_error


def test_the_version_is_shown(rpawatch: Rpawatch) -> None:
    shown = rpawatch("--version")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("rpawatch ")


def test_help_version_and_report_do_not_load_the_store(tmp_path: Path) -> None:
    script = """
import sys
from interfaces.cli.main import run
for arguments in (["--help"], ["--version"], ["report", "--help"], ["report", "x.json"]):
    run(arguments)
heavy = {"psycopg", "pydantic_settings", "eventsourcing", "falcon", "structlog", "rich"} & set(sys.modules)
sys.exit(f"loaded: {heavy}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
