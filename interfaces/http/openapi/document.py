"""Builds the document of the API from its operations (interfaces/http/operations.py).

It is committed as a file, which `interfaces/http/documents.py` serves: what is released, read and compared is the same
to the byte.
"""

from __future__ import annotations

import json
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from openapi_pydantic import (
    Components,
    Contact,
    Example,
    Info,
    License,
    MediaType,
    OpenAPI,
    Operation,
    PathItem,
    RequestBody,
    Response,
    Schema,
    Server,
    Tag,
)
from pydantic import TypeAdapter

from domain.report import Report
from interfaces.http.answers.fields import NAMED_BY, Answer
from interfaces.http.body import NOTHING, Body
from interfaces.http.openapi.named import SCHEMAS, reference_to
from interfaces.http.openapi.parameter import one_of, text
from interfaces.http.openapi.parts import (
    EVERYWHERE,
    HEADERS,
    PROBLEM_EXAMPLES,
    RESPONSES,
    SECURITY_SCHEMES,
    header_references,
    parameters_of,
    problem_response,
    problem_responses,
    reference,
    security_of,
)
from interfaces.http.operation import JSON
from interfaces.http.operations import OPERATIONS
from interfaces.http.problems import Problem

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaMode

    from interfaces.http.operation import Operation as Declared
    from interfaces.http.operation import Success


_INT32_MAX = 2**31 - 1
BYTES = "application/octet-stream"
BINARY = frozenset({BYTES, "application/jsonl"})
"""Media types that clients are to take for a file, and not for a text.

Of an answer of several types, generators take the first that they know. openapi-generator knows all, and reads what is
a text from JSON, whatever its type says; openapi-python-client knows text/csv and not application/jsonl, and stumbles
over a file of text/csv. So JSON Lines come first, as a file, and then CSV, as a text.
"""
OF_BROWSERS = frozenset({"text/html", "text/css", "text/javascript"})
"""Media types without a schema: openapi-generator's client in Java would read a text of these types from JSON."""
FILE = Path(__file__).with_name("openapi.json")
_DESCRIPTION = """\
Robots report finished jobs with an API key; people manage accounts, processes, members and keys with a session.

- **Bodies** are JSON in UTF-8. A report has up to 10 MiB and may be sent with `Content-Encoding: gzip`; any other body
  has up to 64 KiB and is sent as it is. A name that is not known is refused, in a body as in the query of a list:
  nothing is silently dropped.
- **Times** are RFC 3339 with a zone, any offset to ±23:59. Answers are in UTC with `Z` and six digits of a second.
- **Answers grow**: later versions add fields to them, and values to those enumerations that say they are open. Ignore
  fields that you don't know. Nothing is taken away, renamed or given another type within `/api/v1`.
- **Errors** are `application/problem+json` (RFC 9457), everywhere. `type` is stable and leads to an explanation,
  `detail` says what to do, `errors` lists every broken rule of a body with a JSON pointer.
- **Repeats**: send an `Idempotency-Key` with a POST, and repeat the same request after a lost connection or a 503.
- **Limits**: an answer to a valid key says in `RateLimit` what is left; a 429 says in `Retry-After` how long to wait.
- **Lists** show a change of an account, key, process or member when it is answered, and a job within a second of its
  report; the `Location` of the report leads to it at once. A filter may be repeated: any of its values will do.
- **Compression**: answers of 1 KiB and more are compressed with gzip where that is asked for, unless they hold a
  secret. What has an `ETag` is answered with 304 when `If-None-Match` names it.
- **Methods** that an address does not take are answered with 405 and `Allow`.
- **Keys** belong in the X-API-Key header. Anything that looks like one in a URL is refused with 400 `key-in-url`.
"""
_TAGS = {
    "Ingest": "What a robot asks, with its API key.",
    "Session": "Signing in and out.",
    "Accounts": "Isolated workspaces of the tenant.",
    "Processes": "What robots run.",
    "Members": "Who may do what in an account.",
    "Keys": "Credentials of robots.",
    "Audit log": "Who did what.",
    "Proof": "That the log of it was not altered.",
    "Jobs": "What robots reported.",
    "Operation": "For those who run the service. Needs no account.",
    "Documents": "For those who read. Needs no account.",
}


def build() -> dict[str, Any]:
    """Return the document as JSON values."""
    paths: dict[str, dict[str, Operation]] = defaultdict(dict)
    for declared in OPERATIONS:
        paths[declared.path][declared.method] = _operation(declared)
    listed = {*EVERYWHERE, *(slug for declared in OPERATIONS for slug in declared.problems)}
    parameters = {name: one for declared in OPERATIONS for name, one in parameters_of(declared).items()}
    document = OpenAPI(
        openapi="3.1.1",
        info=Info(
            title="RPA Watch",
            version=version("rpawatch"),
            summary="Keys and job reports of robots",
            description=_DESCRIPTION,
            contact=Contact(name="Whoever runs this installation"),
            license=License(name="All rights reserved", identifier="LicenseRef-All-Rights-Reserved"),
        ),
        servers=[Server(url="/", description="The service that this document comes from")],
        tags=[Tag(name=name, description=description) for name, description in _TAGS.items()],
        paths={path: PathItem.model_validate(operations) for path, operations in paths.items()},
        components=Components(
            schemas=_schemas(),
            parameters=dict(sorted(parameters.items())),
            headers=dict(HEADERS),
            responses=dict(RESPONSES),
            examples={slug: example for slug, example in PROBLEM_EXAMPLES.items() if slug in listed},
            securitySchemes=dict(SECURITY_SCHEMES),
        ),
    )
    found: dict[str, Any] = json.loads(document.model_dump_json(by_alias=True, exclude_unset=True, exclude_none=True))
    schemas = found["components"]["schemas"]
    for name, schema in schemas.items():
        _describe(name, schema)
    schemas.update(SCHEMAS)
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    _write_numbers(found)
    return found


def bodies() -> list[Body[Any]]:
    """Return every body that an operation is asked with."""
    found = [declared.body for declared in OPERATIONS]
    return [body for body in found if body is not None and body is not NOTHING]


def answers() -> list[Answer[Any]]:
    """Return every answer of JSON that an operation gives, each once."""
    found = [success.answer for declared in OPERATIONS for success in declared.success]
    by_name = {answer.model.__name__: answer for answer in found if isinstance(answer, Answer)}
    return [answer for _, answer in sorted(by_name.items())]


def as_json(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return an example as it is sent."""
    return json.loads(orjson.dumps(value))


def _schemas() -> dict[str, Schema]:
    """Return the schemas of all bodies and answers, and of what these are made of."""
    models: list[type[Any]] = [Problem, *(body.model for body in bodies()), *(answer.model for answer in answers())]
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (model.__name__, "validation", TypeAdapter(model)) for model in models
    ]
    _, found = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    return {name: Schema.model_validate(schema) for name, schema in sorted(found["$defs"].items())}


def _operation(declared: Declared) -> Operation:
    answers = problem_responses(declared)
    for success in declared.success:
        response = _success(success)
        if str(success.status) in answers:
            # The server in front of the resource may refuse with the same status, and says so in its own form.
            response.content = {**(response.content or {}), **(problem_response(["unavailable"], ()).content or {})}
        answers[str(success.status)] = response
    return Operation(
        operationId=declared.name,
        tags=[declared.tag],
        summary=declared.summary,
        description=declared.description,
        security=security_of(declared),
        parameters=[reference("parameters", name) for name in parameters_of(declared)] or None,
        requestBody=_request_body(declared),
        responses=dict(sorted(answers.items())),
    )


def _request_body(declared: Declared) -> RequestBody | None:
    if declared.body is None or declared.body is NOTHING:
        return None
    media = MediaType(
        schema=reference("schemas", declared.body.model.__name__),
        examples={name: Example(value=value) for name, value in declared.body.examples.items()},
    )
    required = any(one.is_required() for one in declared.body.model.model_fields.values())
    note = None if required else "May be left out, or null."
    return RequestBody(required=required, description=note, content={JSON: media})


def _success(success: Success[Any]) -> Response:
    return Response(
        description=success.description,
        headers=header_references(success.headers),
        content={name: _media(success, name) for name in success.media_types} or None,
    )


def _media(success: Success[Any], name: str) -> MediaType:
    if name in OF_BROWSERS:
        return MediaType()
    answer = success.answer
    if answer is None:
        return MediaType(schema=text(format="binary") if name in BINARY else text())
    if isinstance(answer, str):
        return MediaType(schema=one_of(answer))
    return MediaType(schema=reference("schemas", answer.model.__name__), example=as_json(answer.example))


_NAMED_HERE = {(Report.__name__, "data"): "ReportData"}
"""Schemas of fields that can't name theirs: the domain knows no document."""


def _describe(name: str, schema: dict[str, Any]) -> None:
    """Put in what the model does not say, and leave out what it says without need."""
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    for field_name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        # In words alone: where there is a default, openapi-typescript does not let a field be left out.
        field.pop("default", None)
        named = field.pop(NAMED_BY, None) or _NAMED_HERE.get((name, field_name))
        if named is not None:
            _refer(field, named)


def _refer(field: dict[str, Any], name: str) -> None:
    """Have a field, or what it is where it is not null, be one of the schemas that have a name."""
    schema, description = _not_null(field), field.get("description")
    schema.clear()
    schema.update(reference_to(name))
    if description is not None:
        field["description"] = description


def _write_numbers(node: Any) -> None:  # noqa: ANN401 - JSON
    """Write 200 where the library writes 200.0, and which type of number a client needs."""
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _write_numbers(child)
    if not isinstance(node, dict):
        return
    node.update({name: int(node[name]) for name in ("minimum", "maximum") if isinstance(node.get(name), float)})
    if node.get("type") == "integer":
        node.setdefault("format", "int32" if node.get("maximum", _INT32_MAX + 1) <= _INT32_MAX else "int64")
    elif node.get("type") == "number":
        node.setdefault("format", "double")


def _not_null(field: dict[str, Any]) -> dict[str, Any]:
    return next((choice for choice in field.get("anyOf", ()) if choice.get("type") != "null"), field)


def as_text() -> str:
    """Return the document as it is committed."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"
