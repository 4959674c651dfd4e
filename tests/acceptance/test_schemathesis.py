"""The document and the service agree, as far as schemathesis can tell: every operation, every check, every phase."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.effort import effort, seeded_random
from tests.support.fuzzing import DRAWN_PHASES, PHASES, run_checks, target_of

if TYPE_CHECKING:
    import falcon

    from tests.support.fuzzing import Target
    from tests.support.world import World


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """Proofs are asked for."""
    return True


EXAMPLES = effort(short=20, long=1_000)
EXAMPLES_OF_CHANCE = effort(short=5, long=1_000)
"""Fewer in the short run: it is the runs of every day together that go on to new ground."""
DOCUMENT = json.loads((Path(__file__).parents[2] / "interfaces/http/openapi/openapi.json").read_text(encoding="utf-8"))
# It leaves out the operation that the document itself is read with.
OPERATIONS = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods} - {
    "GET /openapi.json"
}


@pytest.fixture
def target(world: World, app: falcon.App[Any, Any]) -> Target:
    return target_of(world, app)


def test_schemathesis_finds_nothing_with_a_fixed_seed_and_reaches_every_operation(target: Target) -> None:
    run = run_checks(target, seed=20260310, examples=EXAMPLES)
    assert not run.failures, "\n\n".join(run.failures)
    assert run.phases >= PHASES
    assert run.statuses.keys() == OPERATIONS
    never_accepted = {name for name, statuses in run.statuses.items() if min(statuses) >= 400}
    assert never_accepted == set()


def test_schemathesis_finds_nothing_with_a_seed_of_chance(target: Target) -> None:
    run = run_checks(target, seed=seeded_random().getrandbits(64), examples=EXAMPLES_OF_CHANCE, phases=DRAWN_PHASES)
    assert not run.failures, "\n\n".join(run.failures)
    assert run.phases >= DRAWN_PHASES
