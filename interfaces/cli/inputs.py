"""What the arguments of a command are checked with."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from application.identity.users import normalised_email
from domain.errors import FieldError, InvalidInputError
from domain.report import Time
from interfaces.cli.output import WrongUsageError
from interfaces.http.validation import field_errors


def checked(kind: Any, value: object, name: str) -> Any:  # noqa: ANN401 - as the kind says
    """Return the value as the wire takes it. `kind` is a type of a field there. Raises InvalidInputError."""
    if isinstance(value, str):
        _check_encoding(value, name)
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise InvalidInputError([FieldError(name, rule.message) for rule in field_errors(error)]) from None


def checked_period(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the times of --from and --to. Raises InvalidInputError, WrongUsageError where one is after the other."""
    begins: datetime | None = None if since is None else checked(Time, since, "from")
    ends: datetime | None = None if until is None else checked(Time, until, "to")
    if begins is not None and ends is not None:
        check_order(begins, ends)
    return begins, ends


def check_one_place(account: str | None, *, tenant: bool) -> None:
    """Raise WrongUsageError where both --account and --tenant are given."""
    if account is not None and tenant:
        raise WrongUsageError("--account and --tenant are two different places. Name one of them.")


def check_order(begins: datetime, ends: datetime) -> None:
    """Raise WrongUsageError for a --to that is before --from: nothing can be in between."""
    if ends < begins:
        raise WrongUsageError("--to must not be before --from.")


def checked_email(email: str) -> str:
    """Return the address as it is kept. Raises InvalidInputError."""
    _check_encoding(email, "email")
    return normalised_email(email)


def _check_encoding(text: str, name: str) -> None:
    # Python turns bytes of an argument that are no UTF-8 into lone surrogates, which no store takes.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInputError([FieldError(name, "must be UTF-8; check the terminal's encoding")]) from None


def as_uuid(text: str | None) -> UUID | None:
    """Return the id that a text spells, or None when it spells none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
