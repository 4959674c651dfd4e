"""The version that each read model has in this release, by which its table is named.

versions.json holds them, each with a digest of what the read model is made of and of what it makes of a log. Where that
has changed, `make derived` raises the version; tests/projections/test_versions.py says where it is due.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Final, TypedDict


class Version(TypedDict):
    """number: counted from 1. digest: of what the read model is and makes in this version."""

    number: int
    digest: str


VERSIONS: Final[dict[str, Version]] = json.loads(files("projections").joinpath("versions.json").read_bytes())


def versioned(name: str) -> str:
    """Return the name of a read model's table, with its version: `key_list` is `key_list_v1` at first."""
    number = VERSIONS[name]["number"] if name in VERSIONS else 1
    return f"{name}_v{number}"
