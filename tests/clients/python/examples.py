"""Reads each example of the document with the client that openapi-python-client makes, and writes it again.

Standard input has the examples: a JSON list of names of schemas, each with a value. Says what comes out as another.
"""

# ruff: noqa: T201 - it prints what it finds

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

from rpa_watch_client import models


def plain(value: Any) -> Any:
    """Return a value in which a time is a time, however it is written."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str) and len(value) > len("2026-03-10"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return value


for name, example in json.load(sys.stdin):
    written = getattr(models, name).from_dict(example).to_dict()
    if plain(written) != plain(example):
        print(f"{name}: {example} became {written}")
