"""What every generated client does in its session, and how one is run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from interfaces.http.openapi.document import answers, as_json, bodies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STEPS = (
    "signs in",
    "registers",
    "creates a key",
    "reports",
    "is told what is wrong with a report",
    "is told to wait, and why",
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
EXAMPLES = [
    *((body.model.__name__, value) for body in bodies() for value in body.examples.values()),
    *((answer.model.__name__, as_json(answer.example)) for answer in answers()),
]
"""Of every body and every answer, with the name of its schema."""
SECONDS_MAX = 240
"""For any program, on a busy machine; each takes a few seconds."""


def ran(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None, *, told: str = ""
) -> str:
    """Run a program in a folder; return all that it said. It must succeed. told: its standard input."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        input=told,
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
