"""What the tests of faults share: one installation with its own PostgreSQL, and a source of chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.effort import seeded_random
from tests.support.service import Installation, Service

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

Pair = tuple[Service, Service]


@pytest.fixture
def chance() -> random.Random:
    """What a test draws from; the seed is in its output."""
    return seeded_random()


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    """A data directory that is served, killed and ended; at the end, nothing that worked in it may be left."""
    with Installation(LOG_LEVEL="debug") as installation:
        yield installation


@pytest.fixture
def service(installation: Installation) -> Service:
    """The one process that runs."""
    return installation.running(1)[0]


@pytest.fixture
def pair(installation: Installation) -> Pair:
    """Two processes on one data directory."""
    one, other = installation.running(2)
    return one, other
