"""Why a command was refused: each error says it once, for every way in, and carries its data.

Over HTTP a status and the next step are added (`interfaces/http/problems.py`), at the command line the command that
helps (`interfaces/cli/failures.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from domain.rate_limit import Quota


class DomainError(Exception):
    """A command that the rules refuse.

    slug: what programs know it by, for ever.
    advice: what was wrong, and what to do where that is the same everywhere.
    """

    slug: ClassVar[str]
    advice: ClassVar[str]


class InvalidApiKeyError(DomainError):
    """No key, wrong form, unknown, deactivated or expired: callers can't tell which."""

    slug = "invalid-api-key"
    advice = "No valid API key came with the request."


@dataclass
class RateLimitedError(DomainError):
    """The key's limit is used up; `quota` says when one more request is free."""

    slug = "rate-limited"
    advice = "Too many requests."

    quota: Quota


class KeyEndedError(DomainError):
    """The key was deactivated or has expired; nothing about it can be changed any more."""

    slug = "key-ended"
    advice = "This key was deactivated or has expired, and can't be changed any more. Make a new one."


@dataclass
class AlreadyRotatedError(DomainError):
    """Another key, `resource_id`, has taken the place of this one."""

    slug = "already-created"
    advice = "This was created before. Use what is there, or make another one."

    resource_id: UUID


class AccountSuspendedError(DomainError):
    """The account's robots are kept out for now."""

    slug = "account-suspended"
    advice = "This key's account takes no reports for now."


class KeyScopeError(DomainError):
    """A key of one process reports another process of its account."""

    slug = "key-scope"
    advice = "This key reports one process only. Use a key of the process, or of the account."


class ProcessNotFoundError(DomainError):
    """No such process in the key's account, whether it exists elsewhere or nowhere."""

    slug = "process-not-found"
    advice = "flow_id is not a process of this key's account."


class ProcessRetiredError(DomainError):
    """The process was retired and takes no more jobs."""

    slug = "process-retired"
    advice = "This process was retired and takes no more jobs."


class NotSignedInError(DomainError):
    """No session, or one that ended."""

    slug = "not-signed-in"
    advice = "This needs a session."


class PasswordChangeRequiredError(DomainError):
    """A session that a first password began: it is for setting another one, and for nothing else."""

    slug = "password-change-required"
    advice = "A first password began this session, which is for setting your own and for nothing else."


class SignInFailedError(DomainError):
    """Wrong address or password; which of them is not told."""

    slug = "sign-in-failed"
    advice = "The email address or the password is wrong. Check both and try again."


@dataclass
class SignInThrottledError(DomainError):
    """Too many failed sign-ins for this user or from this address, or too many of one at once."""

    slug = "rate-limited"
    advice = "Too many failed sign-ins."

    retry_after_seconds: int


class HashingBusyError(DomainError):
    """Too many passwords are being hashed, or wait for it."""

    slug = "unavailable"
    advice = "Too many people are signing in."


class ForbiddenError(DomainError):
    """A member whose role does not allow this."""

    slug = "forbidden"
    advice = "Your role does not allow this. Ask an administrator of the account."


class NotFoundError(DomainError):
    """A thing that is not there, or is another account's, or that the caller may not know of: the same from outside."""

    slug = "not-found"
    advice = "There is nothing here, or nothing that you may see."


@dataclass
class AlreadyCreatedError(DomainError):
    """The thing exists: a repeated create, or an id that is taken. `resource_id` is what is there."""

    slug = "already-created"
    advice = "This was created before. Use what is there, or make another one."

    resource_id: UUID


class IdempotencyKeyReuseError(DomainError):
    """The same Idempotency-Key with another request."""

    slug = "idempotency-key-reuse"
    advice = "This Idempotency-Key came with another request before. Use a new one for a new request."


@dataclass(frozen=True)
class FieldError:
    """One broken rule. field: of the command, by its name; empty when the rule is about no single one."""

    field: str
    message: str


@dataclass
class InvalidInputError(DomainError):
    """Values that break rules; every broken rule that was found, in the order of the input."""

    slug = "invalid-request"
    advice = "The request breaks the rules listed in errors. Correct it and resend."

    errors: Sequence[FieldError]
