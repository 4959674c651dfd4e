"""What every command of the admin API has: who may ask it, and an Idempotency-Key that is honoured for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from application.access import check_access
from application.unit_of_work import Command
from domain.account import Account
from domain.ids import receipt_id
from domain.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from application.caller import Caller
    from application.unit_of_work import UnitOfWork
    from domain.permissions import Action


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with an Idempotency-Key.

    key: the Idempotency-Key.
    digest: SHA-256 of method, path and body, hexadecimal.
    """

    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminCommand(Command):
    """Something that a user, or the operator, asks of an account or of the tenant."""

    action: ClassVar[Action]
    by: Caller
    idempotency: IdempotentRequest | None = None

    @property
    def actor(self) -> str:
        return self.by.actor

    @property
    def request_id(self) -> str:
        return self.by.request_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command of the admin API came to.

    resource_id: the stream that was made or changed.
    replayed: an earlier request with the same key had done it.
    """

    resource_id: UUID
    replayed: bool = False


def admin_handler(handle: Callable[[UnitOfWork, Any], UUID]) -> Callable[[UnitOfWork, AdminCommand], Outcome]:
    """Return a handler that checks the permission, recognises a repeat, and else lets `handle` decide.

    The work's cause says where the command came from, where that may be kept.
    It raises what `handle` raises, ForbiddenError and NotFoundError (access.py), and IdempotencyKeyReuseError.
    """

    def handler(work: UnitOfWork, command: AdminCommand) -> Outcome:
        check_access(work, command.by, command.action)
        work.cause = work.cause.seen_from(_address_to_keep(work, command))
        if command.idempotency is None:
            return Outcome(handle(work, command))
        stream = receipt_id(command.by.scope_id, command.actor, command.idempotency.key)
        receipt = work.find(Receipt, stream)
        if receipt is not None:
            receipt.check_same_request(command.idempotency.digest)
            return Outcome(receipt.resource_id, replayed=True)
        resource_id = handle(work, command)
        work.begin(
            Receipt.issue(
                command.cause(work.now),  # without the address, which is in the events that it is a receipt for
                receipt_id=stream,
                request_digest=command.idempotency.digest,
                resource_id=resource_id,
            )
        )
        return Outcome(resource_id)

    return handler


def _address_to_keep(work: UnitOfWork, command: AdminCommand) -> str | None:
    # The tenant itself, and so the opening of an account, has no setting that could say otherwise.
    by = command.by
    if by.address is None or by.account_id is None:
        return by.address
    return work.get(Account, by.account_id).address_to_keep(by.address)
