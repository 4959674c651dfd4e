"""What an expected failure is at the command line: one line, and the exit code that scripts go by.

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

SENTENCES: Final[dict[type[Exception], str]] = {
    errors.InvalidApiKeyError: "The key is unknown, deactivated or expired. Make another with `rpawatch keys create`.",
    errors.RateLimitedError: "The key's limit is used up. Try again in a minute.",
    errors.KeyEndedError: (
        "The key was deactivated or has expired, and can't be changed any more. Make another with"
        " `rpawatch keys create`."
    ),
    errors.AccountSuspendedError: (
        "The account is suspended and takes no reports. `rpawatch accounts resume` lets its robots in again."
    ),
    errors.KeyScopeError: "The key is of another process. Use a key of this process, or of the whole account.",
    errors.ProcessNotFoundError: (
        "The account has no process with this flow id. `rpawatch processes list` shows those that it has."
    ),
    errors.ProcessRetiredError: "The process was retired. Restore it first: rpawatch processes restore FLOW_ID",
    errors.NotSignedInError: "This needs a session. Sign in first.",
    errors.PasswordChangeRequiredError: "This session is for choosing a password of one's own. Do that first.",
    errors.SignInFailedError: "The email address or the password is wrong. Check both and try again.",
    errors.SignInThrottledError: "Too many failed sign-ins. Try again later.",
    errors.HashingBusyError: "Too many passwords are being hashed. Try again in a second.",
    errors.ForbiddenError: "The role does not allow this. Ask an administrator.",
    errors.NotFoundError: "There is no such thing here. Check the id and the account; the `list` commands show them.",
    errors.IdempotencyKeyReuseError: "The Idempotency-Key came with another request before. Use a new one.",
}
"""For those errors that carry no words of their own; a test walks the domain's errors."""

_REASON = re.compile(
    r"FATAL:\s+([^\n]+)"
    r"|(connection refused|timeout expired|timed out|failed to resolve host|no such file or directory"
    r"|cannot execute [a-z ]+ (?:in a read-only transaction|during recovery))",
    re.IGNORECASE,
)
"""What libpq says that helps and can be shown. Other words of it may hold a part of a URL with a password."""


def expected_failure(error: BaseException) -> tuple[int, str] | None:
    """Return the exit code and the line of a failure that was expected; None for one that nobody expected.

    A CommandError carries both itself.
    """
    for kind, (exit_code, line_of) in _LINES.items():
        if isinstance(error, kind):
            return exit_code, line_of(error)
    sentence = next((SENTENCES[kind] for kind in type(error).__mro__ if kind in SENTENCES), None)
    return None if sentence is None else (CommandError.exit_code, sentence)


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
