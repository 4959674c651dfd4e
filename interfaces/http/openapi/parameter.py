"""Making parameters of operations."""

from __future__ import annotations

from typing import Any

from openapi_pydantic import DataType, Parameter, Reference, Schema

from interfaces.http.openapi.named import reference_to


def text(**rules: Any) -> Schema:  # noqa: ANN401 - keywords of JSON Schema
    """Return the schema of a text that keeps these rules."""
    return Schema.model_validate({"type": "string", **rules})


def whole_number(least: int, most: int) -> Schema:
    """Return the schema of a whole number from least to most."""
    return Schema(type=DataType.INTEGER, minimum=least, maximum=most)


def one_of(name: str) -> Reference:
    """Return the schema of that name, of those that are in named.py."""
    return Reference.model_validate(reference_to(name))


def parameter(
    name: str, where: str, description: str, schema: Schema | Reference | dict[str, Any], **rest: bool
) -> Parameter:
    """Return a parameter; `where` is path, query, header or cookie."""
    # By the names of the document, where `in` is no word that Python takes for an argument.
    return Parameter.model_validate({"name": name, "in": where, "description": description, "schema": schema, **rest})


def path_parameter(name: str, description: str, **rules: Any) -> Parameter:  # noqa: ANN401 - keywords of JSON Schema
    """Return a part of a path; a UUID without other rules."""
    return parameter(name, "path", description, text(**(rules or {"format": "uuid"})), required=True)
