from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

FILE = Path(__file__).parents[3] / "interfaces/http/openapi/openapi.json"
PATHS = json.loads(FILE.read_text(encoding="utf-8"))["paths"]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
VALUES = {"name": "swagger-ui.css", "slug": "not-found"}
ID = "4de713a3-1a07-4282-8885-dfbaa7869a31"


def filled(path: str) -> str:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return path.format(**{name: VALUES.get(name, ID) for name in names})


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_an_address_does_not_take_is_refused_with_those_that_it_takes(world: World, path: str) -> None:
    taken = {method.upper() for method in PATHS[path]}
    for method in set(METHODS) - taken:
        answer = world.ask(method, filled(path))
        assert (answer.status, answer.problem) == (405, "method-not-allowed"), method
        allowed = {name.strip() for name in answer.headers["allow"].split(",")}
        assert allowed - {"OPTIONS", "HEAD"} == taken


@pytest.mark.parametrize("path", PATHS)
def test_the_methods_of_an_address_can_be_asked_for(world: World, path: str) -> None:
    answer = world.ask("OPTIONS", filled(path))
    allowed = {name.strip() for name in answer.headers["allow"].split(",")}
    assert answer.status == 200
    assert allowed - {"OPTIONS", "HEAD"} == {method.upper() for method in PATHS[path]}
    assert "access-control-allow-origin" not in answer.headers, "other sites may not read answers"


@pytest.mark.parametrize("path", PATHS)
def test_an_address_that_takes_get_takes_head(world: World, path: str) -> None:
    for answer in (world.ask("OPTIONS", filled(path)), world.ask("PUT", filled(path))):
        allowed = [name.strip() for name in answer.headers["allow"].split(",")]
        assert ("HEAD" in allowed) == ("GET" in allowed)
        assert len(set(allowed)) == len(allowed)
