"""Why a command was refused. Each error carries its data; `interfaces/http/problems.py` maps each to its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from domain.rate_limit import Quota


class DomainError(Exception):
    """A command that the rules refuse."""


class InvalidApiKeyError(DomainError):
    """No key, wrong form, unknown, deactivated or expired: callers can't tell which."""


@dataclass
class RateLimitedError(DomainError):
    """The key's limit is used up; `quota` says when one more request is free."""

    quota: Quota


class KeyEndedError(DomainError):
    """The key was deactivated or has expired; nothing about it can be changed any more."""


@dataclass
class AlreadyRotatedError(DomainError):
    """Another key, `resource_id`, has taken the place of this one."""

    resource_id: UUID


class AccountSuspendedError(DomainError):
    """The account's robots are kept out for now."""


class KeyScopeError(DomainError):
    """A key of one process reports another process of its account."""


class ProcessNotFoundError(DomainError):
    """No such process in the key's account, whether it exists elsewhere or nowhere."""


class ProcessRetiredError(DomainError):
    """The process was retired and takes no more jobs."""


class NotSignedInError(DomainError):
    """No session, or one that ended."""


class PasswordChangeRequiredError(DomainError):
    """A session that a first password began: it is for setting another one, and for nothing else."""


class SignInFailedError(DomainError):
    """Wrong address or password; which of them is not told."""


@dataclass
class SignInThrottledError(DomainError):
    """Too many failed sign-ins for this user or from this address, or too many of one at once."""

    retry_after_seconds: int


class HashingBusyError(DomainError):
    """As many passwords as may be are being hashed, or wait for it."""


class ForbiddenError(DomainError):
    """A member whose role does not allow this."""


class NotFoundError(DomainError):
    """Not there, or not this account's, or the caller is a stranger: all the same from outside."""


@dataclass
class AlreadyCreatedError(DomainError):
    """The thing exists: a repeated create, or an id that is taken. `resource_id` is what is there."""

    resource_id: UUID


class IdempotencyKeyReuseError(DomainError):
    """The same Idempotency-Key with another request."""


@dataclass(frozen=True)
class FieldError:
    """One broken rule. field: of the command, by its name; empty when the rule is about no single one."""

    field: str
    message: str


@dataclass
class InvalidInputError(DomainError):
    """Values that break rules; every broken rule that was found, in the order of the input."""

    errors: Sequence[FieldError]
