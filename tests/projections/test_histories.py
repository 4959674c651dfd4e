"""The made-up histories have whatever can happen to a key, so that lists, replays and snapshots are tried with it."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from domain.api_key import ApiKey
from domain.errors import DomainError
from domain.model import Cause
from domain.model import events_of as kinds_of
from tests.projections.histories import a_key_of, events_of, happen_to
from tests.support.clock import NOON


def test_whatever_can_happen_to_a_key_does() -> None:
    chance = random.Random(1)
    drawn = set[str]()
    for _ in range(50):
        key = a_key_of(uuid4(), "Nightly run", Cause(NOON, "system", "request-1", uuid4()), limit=2)
        for second in range(20):
            with suppress(DomainError):
                happen_to(key, Cause(NOON + timedelta(seconds=second), "system", "request-1", uuid4()), chance)
        drawn |= {event.TOPIC for event in events_of(key)}
    assert drawn == kinds_of(ApiKey).keys()
