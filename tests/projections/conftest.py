"""What the tests of projections share: databases, applications on them, and projectors that end with their test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.projections.support import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Server


@pytest.fixture
def world(postgres: Server) -> Iterator[World]:
    """A database for one test alone, an application on it, and no projector yet."""
    url = postgres.create_database()
    with World(url) as world:
        yield world
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def shared(database_url: str) -> Iterator[World]:
    """The module's database, with a projector: for tests that look at a tenant or an account of their own."""
    with World(database_url) as world:
        world.follow()
        yield world
