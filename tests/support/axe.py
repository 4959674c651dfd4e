"""axe-core, which knows the rules of accessible pages: from its npm package, which is pinned by version and digest.

Asked for when the tests run, with npm as it is set up on this machine; kept in build/axe, and checked at each use.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""Of the package, as `npm view axe-core@VERSION dist.integrity` has it."""
FOLDER = Path(__file__).parents[2] / "build" / "axe"
NPM = "npm"
_SCRIPT = "package/axe.min.js"
SECONDS_MAX = 60
PAUSES = (2.0, 10.0, 0.0)
"""Seconds after each of three tries: a registry may be away for a moment."""


class AxeError(Exception):
    """The package can't be had, or is not the one that was pinned; says what to do."""


def axe_script() -> str:
    """Return the script that puts `axe` into a page. Raises AxeError."""
    package = FOLDER / f"axe-core-{VERSION}.tgz"
    if not package.exists():
        _fetch(package)
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != SHA512:
        package.unlink()
        raise AxeError(
            f"axe-core {VERSION} has the digest {found}, not the pinned one; it was thrown away: run it again"
        )
    with tarfile.open(package) as files:
        script = files.extractfile(_SCRIPT)
        if script is None:
            raise AxeError(f"axe-core {VERSION} has no {_SCRIPT}")
        return script.read().decode()


def _fetch(package: Path) -> None:
    npm = shutil.which(NPM)
    if npm is None:
        raise AxeError("npm, which axe-core comes from, is not installed; on Debian: apt-get install npm")
    FOLDER.mkdir(parents=True, exist_ok=True)
    said = ""
    for pause in PAUSES:
        with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
            said = _pack(npm, scratch)
            made = Path(scratch) / package.name
            if made.exists():
                made.replace(package)  # whole or not at all, also when two runs ask at the same time
                return
        time.sleep(pause)
    raise AxeError(f"npm could not get axe-core {VERSION} in three tries; what it said last:\n{said}")


def _pack(npm: str, folder: str) -> str:
    """Let npm put the package into a folder, and return what it said."""
    try:
        packed = subprocess.run(
            [npm, "pack", f"axe-core@{VERSION}", "--loglevel=error"],
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
    return packed.stdout
