"""Expected failures at the command line: one line for each, and the exit code that scripts go by.

0 done, 1 refused or failed, 2 wrong usage, 3 the store or the service can't be reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from psycopg import Error, OperationalError
from psycopg.errors import InsufficientPrivilege

from application.store.errors import ConflictError, StoreSessionError, StoreSetupError, StoreUnavailableError
from domain import errors
from interfaces.cli.output import CommandError, UnreachableError, WrongUsageError
from interfaces.settings import SettingsError
from projections.fence import ListIncompleteError
from projections.rebuild import AlreadyRunningError, EventNotHandledError

_HINTS: Final[dict[type[errors.DomainError], str]] = {
    errors.InvalidApiKeyError: "Make another with `rpawatch keys create`.",
    errors.RateLimitedError: "Try again in a minute.",
    errors.KeyEndedError: "`rpawatch keys create` makes one.",
    errors.AccountSuspendedError: "`rpawatch accounts resume` lets its robots in again.",
    errors.ProcessNotFoundError: "`rpawatch processes list` shows those that it has.",
    errors.ProcessRetiredError: "Restore it first: rpawatch processes restore FLOW_ID",
    errors.NotSignedInError: "Sign in first.",
    errors.SignInThrottledError: "Try again later.",
    errors.HashingBusyError: "Try again in a second.",
    errors.NotFoundError: "Check the id and the account; the `list` commands show them.",
}
"""Hints for the command line, which follow what an error says everywhere."""

_REASON = re.compile(
    r"FATAL:\s+([^\n]+)"
    r"|(connection refused|timeout expired|timed out|failed to resolve host|no such file or directory"
    r"|cannot execute [a-z ]+ (?:in a read-only transaction|during recovery))",
    re.IGNORECASE,
)
"""Words of libpq that help and can be shown. Others may hold a part of a URL with a password."""


def expected_failure(error: BaseException) -> tuple[int, str] | None:
    """Return the exit code and the line of a failure that was expected; None for one that nobody expected.

    A CommandError carries both itself.
    """
    for kind, (exit_code, line_of) in _LINES.items():
        if isinstance(error, kind):
            return exit_code, line_of(error)
    if isinstance(error, errors.DomainError):
        return CommandError.exit_code, f"{error.advice} {_HINTS.get(type(error), '')}".strip()
    return None


def _its_own_words(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _out_of_reach(error: Exception) -> str:
    found = _REASON.search(str(error))
    reason = f" ({(found[1] or found[2]).lower()})" if found else ""
    return (
        f"The store can't be reached, or did not answer in time{reason}. Check that PostgreSQL runs and what"
        " RPAWATCH_DATABASE_URL says. If this was a change, look whether it was made before you try again."
    )


def _not_allowed(error: Error) -> str:
    return (
        f"The database does not allow this ({error.diag.message_primary}). Check that RPAWATCH_DATABASE_URL names the"
        " primary server, and a user who may do this."
    )


def _broken_rules(error: errors.InvalidInputError) -> str:
    rules = "; ".join(f"{rule.field or 'the input'} {rule.message}" for rule in error.errors)
    return f"{rules[:1].upper()}{rules[1:]}."


def _exists(error: errors.AlreadyCreatedError) -> str:
    return f"This exists already: {error.resource_id}. Use what is there, or another id."


def _rotated(error: errors.AlreadyRotatedError) -> str:
    return (
        f"Key {error.resource_id} has taken the place of this one before. Rotate that one, or deactivate it and create"
        " another if its secret was lost."
    )


_LINES: Final[dict[type[Exception], tuple[int, Callable[[Any], str]]]] = {
    SettingsError: (WrongUsageError.exit_code, _its_own_words),
    StoreSetupError: (UnreachableError.exit_code, _its_own_words),
    StoreSessionError: (UnreachableError.exit_code, _its_own_words),
    StoreUnavailableError: (UnreachableError.exit_code, _out_of_reach),
    OperationalError: (UnreachableError.exit_code, _out_of_reach),
    ListIncompleteError: (UnreachableError.exit_code, lambda error: f"{error} Try again later."),
    AlreadyRunningError: (CommandError.exit_code, _its_own_words),
    EventNotHandledError: (
        CommandError.exit_code,
        lambda error: f"{error}. Nothing was changed. A release that knows this event can do it.",
    ),
    ConflictError: (UnreachableError.exit_code, lambda _: "Others changed the same at the same time. Try again."),
    InsufficientPrivilege: (UnreachableError.exit_code, _not_allowed),
    errors.InvalidInputError: (CommandError.exit_code, _broken_rules),
    errors.AlreadyCreatedError: (CommandError.exit_code, _exists),
    errors.AlreadyRotatedError: (CommandError.exit_code, _rotated),
}
