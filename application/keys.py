"""What an admin asks of a key: make it, end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from application.admin import AdminCommand
from domain.api_key import ApiKey
from domain.errors import AlreadyCreatedError, NotFoundError, ProcessNotFoundError
from domain.ids import key_id, process_id
from domain.limits import RATE_LIMIT_DEFAULT
from domain.permissions import Action
from domain.process import Process

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from application.work import Work
    from domain.key_secret import KeySecret


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKey(AdminCommand):
    """Make a key. flow_id: of the one process that it is for, or None for the whole account."""

    action: ClassVar[Action] = Action.WRITE_KEYS
    account_id: UUID
    secret: KeySecret
    name: str
    flow_id: UUID | None = None
    expires_at: datetime | None = None
    limit: int = RATE_LIMIT_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateKey(AdminCommand):
    """End a key for good."""

    action: ClassVar[Action] = Action.WRITE_KEYS
    account_id: UUID
    key_id: UUID
    reason: str | None = None


def create_key(work: Work, command: CreateKey) -> UUID:
    """Make the key and return its id. Raises ProcessNotFoundError, ProcessRetiredError, InvalidInputError."""
    if command.flow_id is not None:
        process = work.find(Process, process_id(command.account_id, command.flow_id))
        if process is None:
            raise ProcessNotFoundError
        process.check_takes_jobs()
    stream = key_id(command.secret.sha256_hex)
    if work.find(ApiKey, stream) is not None:
        raise AlreadyCreatedError(stream)
    key = ApiKey.create(
        work.cause,
        key_id=stream,
        account_id=command.account_id,
        flow_id=command.flow_id,
        name=command.name,
        prefix=command.secret.prefix,
        limit=command.limit,
        expires_at=command.expires_at,
    )
    return work.begin(key).id


def deactivate_key(work: Work, command: DeactivateKey) -> UUID:
    """End the key and return its id. Raises NotFoundError for a key that is not this account's."""
    key = key_of_account(work.find(ApiKey, command.key_id), command.account_id)
    key.deactivate(work.cause, command.reason)
    return key.id


def key_of_account(key: ApiKey | None, account_id: UUID) -> ApiKey:
    """Return the key. Raises NotFoundError when it is not there, or another account's: the two look the same."""
    if key is None or key.account_id != account_id:
        raise NotFoundError
    return key
