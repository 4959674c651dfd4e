"""Running `rpawatch`: in this process, which is quick, or as a process of its own, as an operator does."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 60
_MAIN = (
    # Started by a shell in the background, a test run ignores SIGINT, and so would its children.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from interfaces.cli.main import main; main()"
)


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line on standard error."""
        [line] = self.err.splitlines()
        return line

    @property
    def usage_error(self) -> str:
        """What typer found wrong, which comes with a hint."""
        message, hint = self.err.splitlines()
        assert hint.startswith("Try `rpawatch")
        return message


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without settings of ours and of terminals, and with these variables."""
    ours = ("RPAWATCH_", "POSTGRES_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT)} | variables


def command_line(*arguments: str) -> list[str]:
    """Return how a process of `rpawatch` is started."""
    return [sys.executable, "-c", _MAIN, *arguments]


def run_process(*arguments: str, folder: Path, env: Mapping[str, str], stdin: bytes = b"") -> Ran:
    """Run a process of `rpawatch` in a folder, without a terminal."""
    done = subprocess.run(
        command_line(*arguments),
        cwd=folder,
        env=dict(env),
        input=stdin,
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_on_terminal(*arguments: str, folder: Path, env: Mapping[str, str]) -> Ran:
    """Run a process of `rpawatch` whose standard error is a terminal."""
    terminal, its_end = pty.openpty()
    done = subprocess.run(
        command_line(*arguments),
        cwd=folder,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=its_end,
        timeout=SECONDS_MAX,
        check=False,
    )
    os.close(its_end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    return Ran(done.returncode, done.stdout.decode(), shown)
