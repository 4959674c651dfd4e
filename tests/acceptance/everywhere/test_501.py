"""A method that nobody here knows is answered 501: no address takes it. 405 says that this one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interfaces.http.methods import METHODS
from tests.support.api import OWN_KEY, REPORT

if TYPE_CHECKING:
    from tests.support.world import World

UNKNOWN = ["BREW", "PROPFIND", "LOCK", "WEBSOCKET", "GETT", "G", "GE-T", "X" * 500]


@pytest.mark.parametrize("method", UNKNOWN)
@pytest.mark.parametrize("path", [REPORT, "/", "/nothing"])
def test_a_method_that_is_not_known_is_not_implemented(over_socket: World, method: str, path: str) -> None:
    answer = over_socket.ask(method, path, headers=over_socket.robot().headers, json={})
    assert (answer.status, answer.problem) == (501, "not-implemented")
    assert "OPTIONS" in answer.json["detail"]
    assert "allow" not in answer.headers


@pytest.mark.parametrize("method", sorted(METHODS - {"GET", "HEAD", "OPTIONS"}))
def test_one_that_is_known_is_not_allowed_where_it_is_not_taken(over_socket: World, method: str) -> None:
    answer = over_socket.ask(method, OWN_KEY)
    assert (answer.status, answer.problem) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
