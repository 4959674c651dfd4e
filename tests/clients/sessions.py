"""What every generated client does in its session, and how one is run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STEPS = (
    "signs in",
    "registers",
    "creates a key",
    "reports",
    "is told what is wrong with a report",
    "is told to wait",
    "lists jobs",
    "rotates the key",
    "deactivates it",
    "reads its history",
    "lists the audit log",
    "exports it",
    "reads bytes and text",
    "reads what a later version answers",
    "signs out",
)
"""What a session says when it has done it: all of it, in this order."""
SECONDS_MAX = 240
"""For any program, on a busy machine; each takes a few seconds."""


def ran(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program in a folder; return all that it said. It must succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def steps_of(said: str) -> tuple[str, ...]:
    """Return which steps a session has done."""
    return tuple(said.splitlines())
