"""The environment of the Django peer: made when it is first needed, and again when its requirements change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1]
DRF = _ROOT / "bench" / "peers" / "drf"
_ENVIRONMENT = _ROOT / "build" / "bench-drf"
_STAMP = _ENVIRONMENT / "installed"
"""Written last: what was installed, and where, since an environment does not work elsewhere."""


@cache
def installed() -> Path:
    """Return the folder of the programs. Installs what is not there yet; raises CalledProcessError."""
    requirements = DRF / "requirements.lock"
    stamp = f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {sys.version} {_ENVIRONMENT}"
    programs = _ENVIRONMENT / "bin"
    if not _STAMP.exists() or _STAMP.read_text(encoding="utf-8") != stamp:
        print(f"Installing Django for the comparison into {_ENVIRONMENT.relative_to(_ROOT)} (half a minute)")
        shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", _ENVIRONMENT], check=True)
        pip: list[str | Path] = [programs / "python", "-m", "pip", "--no-input", "--disable-pip-version-check", "-qq"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", requirements], check=True)
        _STAMP.write_text(stamp, encoding="utf-8")
    return programs
