"""Tests of proofs do not wait a minute for the next signed head."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """Proofs are asked for."""
    return True
