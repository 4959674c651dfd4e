"""Environments of Python beside the project's own, for programs whose requirements are no business of it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"


def programs_of(requirements: Path, name: str) -> Path:
    """Return the folder of the programs of an environment: build/NAME, which has what a lock file says, by its digests.

    It is made when it is first needed, and again when the lock file changes. Raises CalledProcessError.
    """
    environment = BUILD / name
    # Written last: what was installed, and where, since an environment does not work elsewhere.
    stamp = environment / "installed"
    wanted = f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {sys.version} {environment}"
    programs = environment / "bin"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        sys.stdout.write(f"Installing {requirements.parent.name} into build/{name} (half a minute)\n")
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip: list[str | Path] = [programs / "python", "-m", "pip", "--no-input", "--disable-pip-version-check", "-qq"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", requirements], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return programs
