"""What an admin asks of a key: make it, change it, let another take its place, end it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from application.admin import AdminCommand, admin_handler
from application.unit_of_work import Command
from domain.account import Account
from domain.api_key import ApiKey
from domain.errors import AlreadyCreatedError, NotFoundError, ProcessNotFoundError
from domain.ids import key_id, process_id
from domain.limits import RATE_LIMIT_DEFAULT, ROTATION_OVERLAP_DEFAULT
from domain.permissions import Action
from domain.process import Process

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from application.caller import AccountCaller
    from application.unit_of_work import Handlers, UnitOfWork
    from domain.key_secret import KeySecret


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKey(AdminCommand):
    """Make a key. flow_id: of the one process that it is for, or None for the whole account."""

    action: ClassVar[Action] = Action.WRITE_KEYS
    by: AccountCaller
    secret: KeySecret
    name: str
    flow_id: UUID | None = None
    expires_at: datetime | None = None
    limit: int = RATE_LIMIT_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCommand(AdminCommand):
    """What is asked of one key that there is."""

    action: ClassVar[Action] = Action.WRITE_KEYS
    by: AccountCaller
    key_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeKey(KeyCommand):
    """Rename a key, change its limit, let it expire sooner; None leaves that as it is."""

    name: str | None = None
    limit: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateKey(KeyCommand):
    """Let a new key take the place of one, which ends after `overlap`; for none in the same moment.

    expires_at: of the new key; None gives it as long a life as the old one was made for.
    """

    secret: KeySecret
    overlap: timedelta = ROTATION_OVERLAP_DEFAULT
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRefusals(Command):
    """Write down how often a key was presented after its end. What it asks is decided by the key itself."""

    key_id: UUID
    attempts: int
    last_attempt_at: datetime
    address: str | None

    @property
    def main_stream(self) -> UUID:
        return self.key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateKey(KeyCommand):
    """End a key for good."""

    reason: str | None = None


def create_key(work: UnitOfWork, command: CreateKey) -> UUID:
    """Make the key and return its id. Raises ProcessNotFoundError, ProcessRetiredError, InvalidInputError."""
    _check_scope(work, command.by.account_id, command.flow_id)
    key = ApiKey.create(
        work.cause,
        key_id=_new_stream(work, command.secret),
        account_id=command.by.account_id,
        flow_id=command.flow_id,
        name=command.name,
        prefix=command.secret.prefix,
        limit=command.limit,
        expires_at=command.expires_at,
    )
    return work.begin(key).id


def change_key(work: UnitOfWork, command: ChangeKey) -> UUID:
    """Change the key and return its id. Raises NotFoundError, KeyEndedError, InvalidInputError."""
    key = _key(work, command)
    key.change(work.cause, name=command.name, limit=command.limit, expires_at=command.expires_at)
    return key.id


def rotate_key(work: UnitOfWork, command: RotateKey) -> UUID:
    """Make the new key, let the old one end, and return the new one's id; both in one transaction.

    Raises NotFoundError; KeyEndedError, AlreadyRotatedError, ProcessRetiredError, InvalidInputError.
    """
    old = _key(work, command)
    new_id, at, lifetime = _new_stream(work, command.secret), old.stamp(work.now), old.lifetime()
    old.rotate(work.cause, new_id, command.overlap)
    _check_scope(work, old.account_id, old.flow_id)
    new = ApiKey.create(
        replace(work.cause, at=at),
        key_id=new_id,
        account_id=old.account_id,
        flow_id=old.flow_id,
        name=old.name,
        prefix=command.secret.prefix,
        limit=old.limit,
        expires_at=command.expires_at or (at + lifetime if lifetime is not None else None),
        rotated_from=old.id,
    )
    return work.begin(new).id


def count_refusals(work: UnitOfWork, command: CountRefusals) -> None:
    """Write the attempts down, unless the key lets requests in; one that is not there has nowhere to write them."""
    key = work.find(ApiKey, command.key_id)
    if key is None:
        return
    address = work.get(Account, key.account_id).address_to_keep(command.address)
    key.count_refusals(work.cause, attempts=command.attempts, last_attempt_at=command.last_attempt_at, address=address)


def deactivate_key(work: UnitOfWork, command: DeactivateKey) -> UUID:
    """End the key and return its id. Raises NotFoundError for a key that is not this account's."""
    key = _key(work, command)
    key.deactivate(work.cause, command.reason)
    return key.id


def key_of_account(key: ApiKey | None, account_id: UUID) -> ApiKey:
    """Return the key. Raises NotFoundError when it is not there, or another account's: the two look the same."""
    if key is None or key.account_id != account_id:
        raise NotFoundError
    return key


def _key(work: UnitOfWork, command: KeyCommand) -> ApiKey:
    return key_of_account(work.find(ApiKey, command.key_id), command.by.account_id)


def _check_scope(work: UnitOfWork, account_id: UUID, flow_id: UUID | None) -> None:
    if flow_id is None:
        return
    process = work.find(Process, process_id(account_id, flow_id))
    if process is None:
        raise ProcessNotFoundError
    process.check_takes_jobs()


def _new_stream(work: UnitOfWork, secret: KeySecret) -> UUID:
    stream = key_id(secret.sha256_hex)
    if work.find(ApiKey, stream) is not None:
        raise AlreadyCreatedError(stream)
    return stream


HANDLERS: Handlers = {
    CreateKey: admin_handler(create_key),
    ChangeKey: admin_handler(change_key),
    RotateKey: admin_handler(rotate_key),
    DeactivateKey: admin_handler(deactivate_key),
    CountRefusals: count_refusals,
}
