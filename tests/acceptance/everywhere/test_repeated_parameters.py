"""A parameter that is given twice asks for any of its values, or is refused: no value is left out without a word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from domain.limits import FILTER_VALUES_MAX
from interfaces.http.openapi.document import FILE
from tests.support.pages import browser_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

ONE_CAST = True

DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
SECOND = "2026-03-10T21:43:51Z"
VALUES: dict[str, tuple[str, str]] = {
    "boolean": ("true", "false"),
    "integer": ("1", "2"),
    "date-time": (SECOND, "2026-03-11T21:43:51Z"),
    "uuid": (str(uuid4()), str(uuid4())),
    "string": ("a", "b"),
}
PAGES = {
    "/jobs": ("q", "status", "flow_id", "key_id", "from", "to", "cursor"),
    "/keys": ("q", "show", "sort", "note", "scope", "cursor"),
    "/keys/new": ("scope",),
    "/audit": ("actor", "action", "resource", "from", "to", "cursor"),
    "/members": ("cursor",),
    "/processes": ("cursor",),
    "/processes/new": ("next",),
}


def resolved(shown: Any) -> Any:
    while "$ref" in shown:
        *_, kind, name = shown["$ref"].split("/")
        shown = DOCUMENT["components"][kind][name]
    return shown


def query_parameters() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the path, with what it requires in its query, the name and the schema of each."""
    for path, operations in DOCUMENT["paths"].items():
        found = [resolved(shown) for shown in operations.get("get", {}).get("parameters", [])]
        in_query = [shown for shown in found if shown["in"] == "query"]
        for shown in in_query:
            others = [other["name"] for other in in_query if other.get("required") and other is not shown]
            yield f"{path}?{''.join(f'{other}=1&' for other in others)}", shown["name"], resolved(shown["schema"])


def two_values(schema: dict[str, Any]) -> tuple[str, str]:
    schema = resolved(schema.get("items", schema))
    schema = resolved(schema.get("anyOf", [schema])[0])
    if "enum" in schema:
        return (schema["enum"] * 2)[0], (schema["enum"] * 2)[1]
    if "system" in schema.get("pattern", ""):
        return VALUES["uuid"]
    kind: str = schema.get("format", schema["type"])
    return VALUES.get(kind) or VALUES[schema["type"]]


@pytest.mark.parametrize(("path", "name", "schema"), list(query_parameters()))
def test_the_document_says_which_may_be_repeated(world: World, path: str, name: str, schema: dict[str, Any]) -> None:
    robot = world.robot()
    job_id = robot.report().json["job_id"]
    path = path.format(account_id=world.cast.account_a, key_id=robot.key_id, job_id=job_id)
    headers = world.signed_in("tess")
    first, second = two_values(schema)
    answer = world.ask("GET", f"{path}{name}={first}&{name}={second}", headers=headers)
    if schema["type"] != "array":
        assert (answer.status, answer.problem) == (422, "invalid-request")
        assert answer.errors == {"": f"{name} is given more than once: send it once"}
        return
    assert answer.status == 200, answer.body
    # The same twice is the same once, and too many are refused, whether they differ or not.
    assert world.ask("GET", f"{path}{name}={first}&{name}={first}", headers=headers).status == 200
    for value in (uuid4, lambda: first):
        many = "&".join(f"{name}={value()}" for _ in range(FILTER_VALUES_MAX + 1))
        refused = world.ask("GET", f"{path}{many}", headers=headers)
        assert refused.errors == {"": f"{name} can be given at most {FILTER_VALUES_MAX} times"}


def test_any_of_several_values_will_do(world: World) -> None:
    robots = [world.robot(limit=100) for _ in range(3)]
    jobs = {
        (number, status): robot.report(status=status).json["job_id"]
        for number, robot in enumerate(robots)
        for status in ("failed", "cancelled", "success")
    }
    world.wait_for_lists()
    keys = [f"key_id={robot.key_id}" for robot in robots]

    def found(*query: str) -> set[str]:
        answer = world.ask("GET", world.account(f"/jobs?{'&'.join(query)}"), headers=world.signed_in("alice"))
        return {item["id"] for item in answer.json["items"]}

    def having(numbers: set[int], statuses: set[str]) -> set[str]:
        return {job for (number, status), job in jobs.items() if number in numbers and status in statuses}

    assert found(*keys[:2]) == having({0, 1}, {"failed", "cancelled", "success"})
    assert found("status=failed", "status=cancelled", *keys) == having({0, 1, 2}, {"failed", "cancelled"})
    assert found("status=failed", "status=SUCCESS", keys[2]) == having({2}, {"failed", "success"})


def test_the_next_page_is_asked_for_with_all_of_them(world: World) -> None:
    robot = world.robot(limit=100)
    jobs = [
        robot.report(status=status).json["job_id"] for status in ("failed", "cancelled", "success") for _ in range(2)
    ]
    world.wait_for_lists()
    path = world.account(f"/jobs?status=failed&status=cancelled&key_id={robot.key_id}&limit=1")
    found = []
    while path:
        answer = world.ask("GET", path, headers=world.signed_in("alice"))
        found += [item["id"] for item in answer.json["items"]]
        path = answer.headers.get("link", "<>").partition("<")[2].partition(">")[0]
    assert sorted(found) == sorted(jobs[:4])


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in PAGES.items() for name in names])
def test_a_page_takes_each_once(world: World, path: str, name: str) -> None:
    page = browser_of(world, "alice").get(f"/accounts/{world.cast.account_a}{path}?{name}=x&{name}=y")
    assert page.status == 422
    assert "given more than once" in page.text


@pytest.mark.parametrize("path", ["/jobs", "/audit"])
@pytest.mark.parametrize("of", ["the API", "the page"])
def test_from_is_not_after_to_anywhere(world: World, path: str, of: str) -> None:
    if of == "the API":
        times = f"{path}?from=2026-03-11T00:00:00Z&to=2026-03-10T00:00:00Z"
        answer = world.ask("GET", world.account(times), headers=world.signed_in("alice"))
        assert (answer.status, answer.errors) == (422, {"": "to must not be before from"})
    else:
        page = browser_of(world, "alice").get(f"/accounts/{world.cast.account_a}{path}?from=2026-03-11&to=2026-03-10")
        assert page.status == 422
        assert "to must not be before from" in page.text.lower()


@pytest.mark.parametrize("path", ["/health/live", "/openapi.json", "/sign-in", "/api/v1/accounts"])
def test_a_query_that_is_not_utf_8_is_refused_by_name(world: World, path: str) -> None:
    answer = world.ask("GET", f"{path}?a=1&next=M%FCller", headers=world.signed_in("alice"))
    assert answer.status == 422
    assert b"next must be UTF-8" in answer.body
