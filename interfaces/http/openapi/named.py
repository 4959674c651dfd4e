"""The schemas that are no models: every enumeration, and objects of any shape. Each is a component, named once.

A field says which one it is with `named` (answers/fields.py); a parameter refers to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from application.identity.actors import ActorKind
from application.identity.users import PasswordKind
from application.replay.event_reader import LIFECYCLE_TOPICS
from domain.api_key import ApiKey, KeyStatus, Outcome
from domain.permissions import ACCOUNT_ROLES, Role
from domain.report import DetailStatus, JobStatus
from interfaces.audit_export import EXPORT_FORMATS
from interfaces.http.documents import ASSETS
from interfaces.http.keys import HISTORY_KINDS
from interfaces.http.problems import PROBLEMS
from projections.audit.listing import ACTIONS, KINDS
from projections.jobs.listing import BY_TIME
from projections.keys.queries import KEY_SORTS

if TYPE_CHECKING:
    from collections.abc import Iterable


def reference_to(name: str) -> dict[str, str]:
    """Return the reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _closed(values: Iterable[str], description: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON Schema
    """Return the schema of a text that is one of these: of requests, which are refused with any other."""
    return {"type": "string", "enum": list(values), "description": description, **more}


def _answered(values: Iterable[str], description: str) -> dict[str, Any]:
    """Return the schema of a text of answers that is one of these today."""
    return _closed(values, f"{description} Open: a later version may answer with others.")


def _open(values: Iterable[str], description: str) -> dict[str, Any]:
    """Return the schema of a text of answers to which most versions will add.

    To a generated client it is a plain text: with an enumeration most would refuse the whole answer for one new value.
    """
    known = list(values)
    listed = ", ".join(f"`{value}`" for value in known)
    return {
        "type": "string",
        "description": f"{description} Open: most versions will add to it. So far: {listed}.",
        "x-extensible-enum": known,
    }


def _sorted(orders: Iterable[str], description: str) -> dict[str, Any]:
    """Return the schema of an order. By themselves generators would call `-name` something like VALUE_1."""
    values = list(orders)
    names = [f"{value[1:]}_descending" if value.startswith("-") else value for value in values]
    return _closed(values, description, **{"x-enum-varnames": [name.upper() for name in names]})


SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    JobStatus.__name__: _answered(JobStatus, "How a job ended."),
    DetailStatus.__name__: _answered(DetailStatus, "How it went with one record."),
    KeyStatus.__name__: _answered(
        KeyStatus, "What a key is now; `active` and `expiring` (within the next 7 days) let requests in."
    ),
    Role.__name__: _answered(
        Role, "What a member is: the first three hold in the whole tenant, the others in one account."
    ),
    "AccountRole": _closed(sorted(ACCOUNT_ROLES), "What a member can be in an account."),
    PasswordKind.__name__: _answered(
        PasswordKind,
        "How somebody signs in: with a password of their `own`, or a `first` one that was made for them; `used_up`,"
        " where they signed in with it and have yet to choose their own; `none`.",
    ),
    "ActorKind": _answered(ActorKind, "Who did it: `system` is the operator."),
    "AuditKind": _open(KINDS, "What something was done to; the first word of the action."),
    "AuditAction": _open(ACTIONS, "What was done."),
    "AuditActionFilter": _closed([*KINDS, *ACTIONS], "An action, or all of one kind."),
    "HistoryAction": _open([*LIFECYCLE_TOPICS, ApiKey.Used.TOPIC], "What happened to a key."),
    "HistoryKind": _closed(HISTORY_KINDS, "Which of what happened to a key: `all` has its uses too."),
    "UseOutcome": _open(get_args(Outcome), "What came of a use of a key."),
    "ExportFormat": _closed(EXPORT_FORMATS, "CSV for spreadsheets, JSON Lines for programs."),
    "KeySort": _sorted(KEY_SORTS, "An order of keys; with `-` the other way round."),
    "JobSort": _sorted(BY_TIME.orders, "An order of jobs: `-received_at` has those received last first."),
    "Readiness": _answered(("ok", "unavailable"), "Whether requests can be served."),
    "ProblemSlug": _closed(sorted(PROBLEMS), "The last part of the `type` of a problem."),
    "DocsFile": _closed(sorted(ASSETS), "A file of the page of this document."),
    "ReportData": {
        "type": "object",
        "additionalProperties": True,
        "description": "The reporter's own fields, of any names and kinds.",
    },
    "AuditChanges": {
        "type": "object",
        "additionalProperties": True,
        "description": "What is new, by the name of the field.",
    },
    "KeyChanges": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {}, "minItems": 2, "maxItems": 2},
        "description": "What was changed, by the name of the field: what it was, and what it is.",
    },
    "OpenApiDocument": {"type": "object", "additionalProperties": True, "description": "A document of OpenAPI 3.1."},
}
"""Schemas by name. Those that pydantic makes of an enumeration of ours are replaced by these, which say more."""
