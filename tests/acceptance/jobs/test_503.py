from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.mark.parametrize("rest", ["", "/details"])
def test_a_job_that_can_not_be_shown_in_time_is_not_said_to_be_missing(
    world: World, monkeypatch: pytest.MonkeyPatch, rest: str
) -> None:
    headers = world.signed_in("alice")
    monkeypatch.setattr("interfaces.queries.jobs.find_job", lambda *_, **__: None)
    monkeypatch.setattr("interfaces.queries.jobs.wait_for_lists", lambda *_: False)
    location = world.robot().report().headers["location"]
    answer = world.ask("GET", f"{location}{rest}", headers=headers)
    assert (answer.status, answer.problem) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "The job is on disk" in answer.json["detail"]
