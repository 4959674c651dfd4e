"""Waiting until the lists show what was just done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.store.database import seconds_left
from projections.tracking import WAIT_SECONDS_MAX, wait_for

if TYPE_CHECKING:
    from application.store.database import Database


def wait_for_lists(database: Database, position: int) -> bool:
    """Wait until lists show the log up to a position, for a bounded time, and return whether they do."""
    return wait_for(database, position, min(WAIT_SECONDS_MAX, seconds_left()))
