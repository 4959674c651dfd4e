"""One of each refusal that the domain has."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from domain import errors
from domain.rate_limit import Quota

_ID: Final = UUID("0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11")
_WITH_DATA: Final[dict[type[errors.DomainError], errors.DomainError]] = {
    errors.RateLimitedError: errors.RateLimitedError(Quota(60, 0, 12)),
    errors.SignInThrottledError: errors.SignInThrottledError(12),
    errors.AlreadyCreatedError: errors.AlreadyCreatedError(_ID),
    errors.AlreadyRotatedError: errors.AlreadyRotatedError(_ID),
    errors.InvalidInputError: errors.InvalidInputError([errors.FieldError("name", "must not be blank")]),
}

EVERY_REFUSAL: Final = [_WITH_DATA.get(kind) or kind() for kind in errors.DomainError.__subclasses__()]
