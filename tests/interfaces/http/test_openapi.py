"""The committed document is the one that the code makes, it is valid, and it has every route and nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31  # a copy of the OpenAPI initiative's own schema

from interfaces.http.app import routes
from interfaces.http.openapi import document as openapi
from interfaces.http.openapi.examples import ANSWERS, REQUESTS
from interfaces.http.openapi.operations import OPERATIONS
from interfaces.http.openapi.requests import FIELDS
from interfaces.http.problems import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

NOT_OF_ONE_OPERATION = {
    "method-not-allowed": "of an address with another method than those that are described",
    "job-finished": "of jobs in steps, which this version does not have",
}
"""Problems that no operation lists, with the reason. May only shrink."""


class _Nothing:
    """Stands for the services: the resources are only looked at."""

    def __getattr__(self, name: str) -> None:
        return None


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi.FILE.read_text(encoding="utf-8"))
    return found


OPEN = {"POST /api/v1/session", "GET /api/v1/audit/keys"}
"""Of the API, without a session."""


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes(child)


def test_the_committed_document_is_the_one_that_the_code_makes() -> None:
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.text(), "run python -m interfaces.http.openapi"


def test_every_route_and_method_of_the_router_is_described_and_nothing_else(document: dict[str, Any]) -> None:
    served = {
        f"{name.removeprefix('on_').upper()} {path}"
        for path, resource in routes(_Nothing()).items()  # type: ignore[arg-type] # resources keep it for later
        for name in dir(resource)
        if re.fullmatch("on_[a-z]+", name)
    }
    assert {name for name, _ in operations_of(document)} == served


def test_the_document_is_valid_by_the_schema_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    jsonschema_rs.validator_for(OPENAPI_31).validate(document)


def test_an_invalid_document_would_be_noticed(document: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(document))
    del broken["paths"]["/api/v1/session"]["post"]["responses"]["200"]["description"]
    assert not jsonschema_rs.validator_for(OPENAPI_31).is_valid(broken)


def test_every_schema_in_it_is_valid_json_schema(document: dict[str, Any]) -> None:
    schemas = [node["schema"] for node in nodes(document) if isinstance(node.get("schema"), dict)]
    for schema in [*document["components"]["schemas"].values(), *schemas]:
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_reference_leads_to_something(document: dict[str, Any]) -> None:
    references = {node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)}
    assert references
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


@pytest.mark.parametrize(
    ("model", "value"),
    [
        *((model, value) for model, examples in REQUESTS.items() for value in examples.values()),
        *ANSWERS.items(),
    ],
)
def test_each_example_fits_its_schema(document: dict[str, Any], model: type[BaseModel], value: object) -> None:
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": document["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(value)


def test_every_time_in_an_answer_is_in_utc_with_six_digits(document: dict[str, Any]) -> None:
    """Schemathesis holds the answers against this pattern."""
    sent = {model.__name__ for model in REQUESTS}
    answered = {name: schema for name, schema in document["components"]["schemas"].items() if name not in sent}
    patterns = [str(node.get("pattern")) for node in nodes(answered) if node.get("format") == "date-time"]
    assert len(patterns) > 20
    for pattern in patterns:
        assert re.search(pattern, "2026-03-10T21:48:52.101000Z")
        for other in ("2026-03-10T21:48:52Z", "2026-03-10T21:48:52.101Z", "2026-03-10T21:48:52.101000+00:00"):
            assert not re.search(pattern, other)


@pytest.mark.parametrize("slug", PROBLEMS)
def test_the_example_of_each_problem_fits_the_one_schema_of_problems(document: dict[str, Any], slug: str) -> None:
    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    value = document["components"]["examples"][slug]["value"]
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(value)
    assert value["status"] == PROBLEMS[slug].status


@pytest.mark.parametrize("model", REQUESTS)
def test_every_field_of_every_request_is_explained(model: type[BaseModel]) -> None:
    assert FIELDS[model.__name__].keys() == model.model_fields.keys()


def test_every_operation_parameter_and_answer_is_explained_and_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations_of(document)]
    assert len(names) == len(set(names)) == len(OPERATIONS)
    for name, operation in operations_of(document):
        assert operation["summary"], name
        assert operation["description"], name
    for parameter in document["components"]["parameters"].values():
        assert parameter["description"]
    tags = {tag for _, operation in operations_of(document) for tag in operation["tags"]}
    assert tags == {tag["name"] for tag in document["tags"]}


def test_every_error_is_a_problem_document_with_the_one_schema(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document):
        for status, answer in operation["responses"].items():
            found = (
                document["components"]["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            )
            if int(status) >= 400:
                schema = found["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (name, status)
            assert "X-Request-Id" in found["headers"], (name, status)


def test_every_problem_is_listed_by_an_operation_or_has_a_reason_not_to_be() -> None:
    everywhere = {
        "key-in-url",
        "malformed-request",
        "request-timeout",
        "headers-too-large",
        "internal-error",
        "unavailable",
    }
    listed = everywhere.union(*(entry.problems for entry in OPERATIONS))
    assert listed <= PROBLEMS.keys()
    assert PROBLEMS.keys() - listed == NOT_OF_ONE_OPERATION.keys()


def test_a_key_is_shown_in_the_header_and_nowhere_else(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document):
        if "/ingest/" in name:
            assert operation["security"] == [{"apiKey": []}]
        elif name.split()[1].startswith("/api/") and name not in OPEN:
            assert {"bearer": []} in operation["security"]
    assert document["components"]["securitySchemes"]["apiKey"]["in"] == "header"


def test_a_change_with_the_cookie_needs_the_csrf_token_and_one_with_the_bearer_token_does_not(
    document: dict[str, Any],
) -> None:
    for name, operation in operations_of(document):
        with_cookie = [choice for choice in operation.get("security", ()) if "cookie" in choice]
        assert all(("csrfToken" in choice) == (not name.startswith("GET ")) for choice in with_cookie), name
