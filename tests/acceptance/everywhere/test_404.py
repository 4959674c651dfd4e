from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

NOWHERE = [
    "/nothing",
    "/api",
    "/api/v1",
    "/api/v2/ingest/report",
    "/api/v1/ingest/report/",
    "/api/v1/ingest/reports",
    "/api/v1//ingest/report",
    "/docs/../openapi.json",
    "/docs/swagger-ui.js.map",
    "/docs/%2e%2e%2fapp.py",
    "/problems/nothing",
    "/problems/%00",
    "/%FF%FE",
    "/%F0%9F%A4%96",
]


@pytest.mark.parametrize("path", NOWHERE)
def test_an_address_where_nothing_is_gets_a_problem_document(world: World, path: str) -> None:
    answer = world.ask("GET", path)
    assert (answer.status, answer.problem) == (404, "not-found")
    assert answer.json["instance"].startswith("/")


@pytest.mark.parametrize("path", NOWHERE)
def test_it_is_the_same_over_a_socket(over_socket: World, path: str) -> None:
    answer = over_socket.ask("GET", path)
    assert (answer.status, answer.problem) == (404, "not-found")


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "OPTIONS", "HEAD"])
def test_with_any_method_nothing_is_there(world: World, method: str) -> None:
    assert world.ask(method, "/nothing").status == 404
