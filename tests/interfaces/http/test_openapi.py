"""The committed document is the one that the code makes, it is valid, and it has every route and nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31  # a copy of the OpenAPI initiative's own schema

from interfaces.http.openapi import document as openapi
from interfaces.http.operations import OPERATIONS, routes
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
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.as_text(), "run make derived"


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
        *((body.model, value) for body in openapi.bodies() for value in body.examples.values()),
        *((answer.model, openapi.as_json(answer.example)) for answer in openapi.answers()),
    ],
)
def test_each_example_fits_its_schema(document: dict[str, Any], model: type[BaseModel], value: object) -> None:
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": document["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(value)


def test_every_time_in_an_answer_is_in_utc_with_six_digits(document: dict[str, Any]) -> None:
    """Schemathesis holds the answers against this pattern."""
    sent = {body.model.__name__ for body in openapi.bodies()}
    answered = {name: schema for name, schema in document["components"]["schemas"].items() if name not in sent}
    patterns = [str(node.get("pattern")) for node in nodes(answered) if node.get("format") == "date-time"]
    assert len(patterns) > 20
    for pattern in patterns:
        assert re.search(pattern, "2026-03-10T21:48:52.101000Z")
        for other in ("2026-03-10T21:48:52Z", "2026-03-10T21:48:52.101Z", "2026-03-10T21:48:52.101000+00:00"):
            assert not re.search(pattern, other)


@pytest.mark.parametrize("slug", [slug for slug in PROBLEMS if slug not in NOT_OF_ONE_OPERATION])
def test_the_example_of_each_problem_fits_the_one_schema_of_problems(document: dict[str, Any], slug: str) -> None:
    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    value = document["components"]["examples"][slug]["value"]
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(value)
    assert value["status"] == PROBLEMS[slug].status


@pytest.mark.parametrize("name", [*(body.model.__name__ for body in openapi.bodies()), "Detail"])
def test_every_field_of_every_request_is_explained(document: dict[str, Any], name: str) -> None:
    fields = document["components"]["schemas"][name]["properties"]
    assert [field for field, schema in fields.items() if not schema.get("description")] == []


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


def schemas_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema and every schema within one, each with where it stands."""

    def within(where: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        yield where, schema
        for name, child in schema.get("properties", {}).items():
            yield from within(f"{where}/properties/{name}", child)
        for keyword in ("items", "additionalProperties"):
            if isinstance(schema.get(keyword), dict):
                yield from within(f"{where}/{keyword}", schema[keyword])
        for keyword in ("anyOf", "oneOf", "allOf"):
            for number, child in enumerate(schema.get(keyword, ())):
                yield from within(f"{where}/{keyword}/{number}", child)

    for name, schema in document["components"]["schemas"].items():
        yield from within(name, schema)
    outside = {key: value for key, value in document["components"].items() if key != "schemas"}
    for number, node in enumerate(nodes([document["paths"], outside])):
        if isinstance(node.get("schema"), dict):
            yield from within(f"outside/{number}", node["schema"])


def test_every_enumeration_is_named_once_and_referred_to(document: dict[str, Any]) -> None:
    found = [(where, schema["enum"]) for where, schema in schemas_of(document) if "enum" in schema]
    assert {where for where, _ in found} <= document["components"]["schemas"].keys()
    assert len(found) == len({frozenset(values) for _, values in found}), "each by one name"
    references = {node["$ref"] for node in nodes(document) if "$ref" in node}
    assert {f"#/components/schemas/{where}" for where, _ in found} <= references


def test_every_enumeration_of_answers_says_that_it_is_open(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    answered, waiting = (
        set[str](),
        {
            node["$ref"].rpartition("/")[2]
            for _, operation in operations_of(document)
            for node in nodes(operation["responses"])
            if str(node.get("$ref")).startswith("#/components/schemas/")
        },
    )
    while waiting:
        answered |= waiting
        waiting = {
            node["$ref"].rpartition("/")[2] for name in waiting for node in nodes(schemas[name]) if "$ref" in node
        } - answered
    for name in answered:
        if "enum" in schemas[name] or "x-extensible-enum" in schemas[name]:
            assert " Open: " in schemas[name]["description"], name


def test_every_object_has_a_name_and_no_answer_forbids_more_fields(document: dict[str, Any]) -> None:
    requests = {body.model.__name__ for body in openapi.bodies()} | {"Detail"}
    for where, schema in schemas_of(document):
        if schema.get("type") == "object" or "properties" in schema:
            assert where in document["components"]["schemas"]
            assert (schema.get("additionalProperties") is False) == (where in requests), where


def test_a_value_of_one_name_has_one_type_wherever_it_is(document: dict[str, Any]) -> None:
    parameters = [
        # Where several are taken, what one of them is.
        (parameter["name"], parameter["schema"].get("items", parameter["schema"]))
        for parameter in document["components"]["parameters"].values()
    ]
    fields = {
        (name, json.dumps({key: schema.get(key) for key in ("type", "format", "pattern", "minimum", "maximum")}))
        for name, schema in [
            *parameters,
            *(field for _, schema in schemas_of(document) for field in schema.get("properties", {}).items()),
        ]
        if name in {"actor", "position"}
    }
    assert sorted(name for name, _ in fields) == ["actor", "position"]


def test_what_may_be_left_out_of_a_body_has_no_default_for_which_a_client_would_have_to_send_it(
    document: dict[str, Any],
) -> None:
    assert not [where for where, schema in schemas_of(document) if "/properties/" in where and "default" in schema]


def test_every_number_says_how_large_it_can_be(document: dict[str, Any]) -> None:
    formats = {"integer": {"int32", "int64"}, "number": {"double"}}
    for where, schema in schemas_of(document):
        if schema.get("type") in formats:
            assert schema["format"] in formats[schema["type"]], where


def test_an_order_has_a_name_that_a_programming_language_takes(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"].values()
    signed = [schema for schema in schemas if any(value.startswith("-") for value in schema.get("enum", ()))]
    assert len(signed) == 2
    for schema in signed:
        names = schema["x-enum-varnames"]
        assert len(set(names)) == len(schema["enum"])
        assert all(name.isidentifier() and name.isupper() for name in names)


def test_bytes_are_said_to_be_bytes(document: dict[str, Any]) -> None:
    found = [node["application/octet-stream"] for node in nodes(document) if "application/octet-stream" in node]
    assert found == [{"schema": {"type": "string", "format": "binary"}}]


def test_every_operation_says_what_it_asks_for_also_where_that_is_nothing(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document):
        is_public = not name.split()[1].startswith("/api/") or name in OPEN
        assert (operation["security"] == []) == is_public, name


def test_it_says_whom_to_ask_and_under_which_terms(document: dict[str, Any]) -> None:
    assert document["info"]["contact"]["name"]
    assert document["info"]["license"].keys() == {"name", "identifier"}


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
        with_cookie = [choice for choice in operation["security"] if "cookie" in choice]
        assert all(("csrfToken" in choice) == (not name.startswith("GET ")) for choice in with_cookie), name
