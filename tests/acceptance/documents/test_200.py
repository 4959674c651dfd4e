from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interfaces.http.documents import COOKIE_IN_DOCUMENT
from interfaces.http.problems import PROBLEMS

if TYPE_CHECKING:
    from tests.support.world import World

FILE = Path(__file__).parents[3] / "interfaces/http/openapi/openapi.json"


def test_the_document_that_is_served_is_the_one_that_is_committed_with_the_name_of_this_installations_cookie(
    world: World,
) -> None:
    answer = world.ask("GET", "/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["components"]["securitySchemes"]["cookie"]["name"] == world.cookie_name()
    assert answer.body.decode().replace(world.cookie_name(), COOKIE_IN_DOCUMENT) == FILE.read_text(encoding="utf-8")


def test_the_page_of_the_document_needs_nothing_from_elsewhere(world: World) -> None:
    answer = world.ask("GET", "/docs")
    assert answer.headers["content-type"].startswith("text/html")
    loaded = re.findall(rb'(?:src|href)="([^"]*)"', answer.body)
    assert loaded
    for path in loaded:
        assert path.startswith(b"/")
        found = world.ask("GET", path.decode())
        assert found.status == 200
        assert found.body
    assert (
        "'unsafe-inline'" not in answer.headers["content-security-policy"].partition("script-src")[2].partition(";")[0]
    )


@pytest.mark.parametrize("slug", PROBLEMS)
def test_the_type_of_every_problem_leads_to_an_explanation(world: World, slug: str) -> None:
    answer = world.ask("GET", f"/problems/{slug}")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert PROBLEMS[slug].title in answer.body.decode().replace("&#x27;", "'")
