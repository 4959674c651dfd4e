"""How memory is managed in a process that serves for long."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from interfaces.http.server import tune_memory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_circles_are_looked_for_less_often_and_not_among_what_was_made_at_the_start() -> None:
    tune_memory()
    assert gc.get_threshold()[0] > 1_000
    assert gc.get_freeze_count() > 1_000
    assert gc.isenabled()


def test_where_the_allocator_is_another_one_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoGlibc:
        def __init__(self, _: None) -> None:
            pass

    monkeypatch.setattr("ctypes.CDLL", NoGlibc)
    tune_memory()
