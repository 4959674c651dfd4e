"""The environment of the Django peer: made when it is first needed, and again when its requirements change."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.support.environments import programs_of

DRF = Path(__file__).parent / "peers" / "drf"


@cache
def installed() -> Path:
    """Return the folder of the programs. Installs what is not there yet; raises CalledProcessError."""
    return programs_of(DRF / "requirements.lock", "bench-drf")
