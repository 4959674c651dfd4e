"""`rpawatch keys find` over much: all keys, no other, and no more memory than over little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.interfaces.cli.commands import environment
from tests.support.effort import effort, seeded_random
from tests.support.keys_to_find import plant

MIB = 1024 * 1024
SIZE = effort(64, 1024) * MIB
PEAK_MAX = 150 * MIB
GROWTH_MAX = 30 * MIB
_STATUS = Path("/proc/self/status")
_SCRIPT = f"""
import sys
from interfaces.cli.main import run
code = run(sys.argv[1:])
[line] = [line for line in open({str(_STATUS)!r}) if line.startswith("VmHWM:")]
sys.stderr.write(line)
sys.exit(code)
"""
"""A process says itself how much memory it had at most: what its parent is told of it counts the parent's as well."""


def search(folder: Path) -> tuple[dict[str, Any], int]:
    """Return what was found, and how many bytes of memory that took at most."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, "keys", "find", "--offline", "--json", str(folder)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=effort(60, 600),
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout), int(done.stderr.split()[1]) * 1024


@pytest.mark.skipif(not _STATUS.exists(), reason="asks Linux for the peak of memory")
def test_memory_stays_the_same_however_much_is_searched(tmp_path: Path) -> None:
    chance = seeded_random()
    peaks = {}
    for size in (MIB, SIZE):
        folder = tmp_path / str(size)
        folder.mkdir()
        planted = plant(folder, size, chance)
        found, peaks[size] = search(folder)
        assert {(item["path"], item["line"], item["column"], item["prefix"]) for item in found["items"]} == planted
        assert len(found["items"]) == len(planted)
        assert found["bytes"] >= size * 0.9
    assert peaks[SIZE] < PEAK_MAX
    assert peaks[SIZE] - peaks[MIB] < GROWTH_MAX
