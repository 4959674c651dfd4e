"""Passwords that take no time to hash, and what is known of somebody who was invited here and there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from application.identity import passwords
from tests.support.world import CHEAP_HASHER

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", CHEAP_HASHER)
        yield
