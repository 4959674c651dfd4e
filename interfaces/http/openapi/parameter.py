"""Making parameters of operations."""

from __future__ import annotations

from typing import Any

from openapi_pydantic import DataType, Parameter, Schema

from domain.limits import FILTER_VALUES_MAX


def text(**rules: Any) -> Schema:  # noqa: ANN401 - keywords of JSON Schema
    """Return the schema of a text that keeps these rules."""
    return Schema.model_validate({"type": "string", **rules})


def parameter(name: str, where: str, description: str, schema: Schema, **rest: bool) -> Parameter:
    """Return a parameter; `where` is path, query, header or cookie."""
    # By the names of the document, where `in` is no word that Python takes for an argument.
    return Parameter.model_validate({"name": name, "in": where, "description": description, "schema": schema, **rest})


def path_parameter(name: str, description: str, **rules: Any) -> Parameter:  # noqa: ANN401 - keywords of JSON Schema
    """Return a part of a path; a UUID without other rules."""
    return parameter(name, "path", description, text(**(rules or {"format": "uuid"})), required=True)


def query_parameter(name: str, description: str, schema: Schema, **rest: bool) -> Parameter:
    """Return a parameter of the query."""
    return parameter(name, "query", description, schema, **rest)


def filter_parameter(name: str, description: str, value: Schema) -> Parameter:
    """Return a parameter of the query that may be repeated: what has any of the values is listed."""
    several = Schema(type=DataType.ARRAY, items=value, minItems=1, maxItems=FILTER_VALUES_MAX)
    return query_parameter(name, f"{description} May be repeated: any of them will do.", several)
