"""A request for a proof that can't be what it says is refused, and what is wrong is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("proof/inclusion", "position is required"),
        ("proof/inclusion?position=0", "position must be from 1"),
        ("proof/inclusion?position=x", "position must be from 1"),
        ("proof/inclusion?position=1000000000000000001", "position must be from 1"),
        ("proof/inclusion?position=1&size=0", "size must be from 1"),
        ("proof/inclusion?position=1&leaf=2", "leaf is not a known parameter"),
        ("proof/consistency?from=1", "to is required"),
        ("proof/consistency?to=1", "from is required"),
        ("proof/consistency?from=2&to=1", "to must not be before from"),
        ("proof/consistency?from=0&to=1", "from must be from 1"),
        ("checkpoint?size=1", "size is not a known parameter"),
        ("keys?x=1", "x is not a known parameter"),
        ("tile/0/000.p/1?x=1", "x is not a known parameter"),
    ],
)
def test_it_is_refused(world: World, path: str, named: str) -> None:
    world.wait_for_head()
    answer = world.ask("GET", f"/api/v1/audit/{path}", headers=world.signed_in("aud"))
    assert (answer.status, answer.problem) == (422, "invalid-request")
    assert named in answer.json["errors"][0]["message"]
