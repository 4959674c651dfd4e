from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.api import ACCOUNTS, InProcess

if TYPE_CHECKING:
    from typing import Any

    import falcon

    from tests.support.world import World


@pytest.fixture
def broken(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("SELECT password FROM users -- private words")

    monkeypatch.setattr(world.services.accounts, "of_user", fail)
    return world


def test_a_bug_is_answered_with_a_problem_that_says_nothing_of_the_inside(broken: World) -> None:
    with capture_logs() as lines:
        answer = broken.ask("GET", ACCOUNTS, headers=broken.signed_in("alice"))
    assert (answer.status, answer.problem) == (500, "internal-error")
    for private in (b"SELECT", b"private", b"Traceback", b"RuntimeError", b".py"):
        assert private not in answer.body
    [error] = [line for line in lines if line["log_level"] == "error"]
    assert error["request_id"] == answer.headers["x-request-id"], "with the id the operator finds the reason"
    assert "private words" in str(error["exc_info"])


def test_the_service_goes_on_after_it(broken: World, app: falcon.App[Any, Any]) -> None:
    assert broken.ask("GET", ACCOUNTS, headers=broken.signed_in("alice")).status == 500
    assert broken.robot().report().status == 201
    assert InProcess(app)("GET", "/health/live").status == 200
