"""What the tests need from npm, in sets: each is a folder here in npm/, whose lock file has every version and digest.

Asked for when the tests run, with npm as it is set up on this machine; kept in build/npm, one folder for each state of
a lock file. No package runs anything when it is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

SETS = Path(__file__).with_name("npm")
FOLDER = Path(__file__).parents[2] / "build" / "npm"
NPM = "npm"
SECONDS_MAX = 180
PAUSES = (2.0, 10.0, 0.0)
"""Seconds after each of three tries: a registry may be away for a moment."""


class NpmError(Exception):
    """Packages can't be had, or are not those that were pinned; says what to do."""


def installed(name: str) -> Path:
    """Return the folder of a set, in which its packages are in node_modules. Raises NpmError."""
    source = SETS / name
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()
    folder = FOLDER / f"{name}-{digest[:16]}"
    if not folder.exists():
        _install(source, folder)
    return folder


def node() -> str:
    """Return the Node to run them with: of playwright, since Debian's may be older than they need."""
    return str(compute_driver_executable()[0])


def _install(source: Path, folder: Path) -> None:
    npm = shutil.which(NPM)
    if npm is None:
        raise NpmError(f"npm, which gets {source.name} for the tests, is not installed; on Debian: apt-get install npm")
    FOLDER.mkdir(parents=True, exist_ok=True)
    said: str | None = None
    for pause in PAUSES:
        with tempfile.TemporaryDirectory(dir=FOLDER, ignore_cleanup_errors=True) as scratch:
            made = Path(shutil.copytree(source, Path(scratch, source.name)))
            said = _ci(npm, made)
            if said is None:
                # Whole or not at all, also when two runs ask at the same time.
                if not folder.exists():
                    made.rename(folder)
                return
        time.sleep(pause)
    raise NpmError(f"npm could not install {source.name} in three tries; what it said last:\n{said}")


def _ci(npm: str, folder: Path) -> str | None:
    """Let npm install what the lock file in a folder says; return what went wrong."""
    try:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            env=os.environ | {"npm_config_update_notifier": "false"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing for {SECONDS_MAX} s"
    return done.stdout if done.returncode else None
