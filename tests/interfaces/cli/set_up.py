"""What tests of commands set up past the command line, as the same operator does it: in a fraction of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from application.accounts import OpenAccount, RegisterProcess
from application.caller import AccountCaller, Caller
from application.keys import CreateKey, DeactivateKey
from domain import key_secret

if TYPE_CHECKING:
    from interfaces.bootstrap import Services


def name_of(account_id: UUID) -> str:
    """Return the name of an account that was opened here, which no other has."""
    return f"Account {account_id.hex[:8]}"


def caller(services: Services, account_id: UUID) -> AccountCaller:
    return AccountCaller(tenant_id=services.tenant_id, account_id=account_id)


def open_account(services: Services) -> UUID:
    account_id = uuid4()
    command = OpenAccount(by=Caller(tenant_id=services.tenant_id), new_account_id=account_id, name=name_of(account_id))
    services.command_queue.execute(command)
    return account_id


def register_process(services: Services, account_id: UUID) -> UUID:
    flow_id = uuid4()
    command = RegisterProcess(by=caller(services, account_id), flow_id=flow_id, name="Invoice entry")
    services.command_queue.execute(command)
    return flow_id


def create_key(services: Services, account_id: UUID, name: str) -> UUID:
    command = CreateKey(by=caller(services, account_id), secret=key_secret.generate(), name=name)
    key_id: UUID = services.command_queue.execute(command).result.resource_id
    return key_id


def end_key(services: Services, account_id: UUID, key_id: UUID) -> None:
    command = DeactivateKey(by=caller(services, account_id), key_id=key_id, reason="Laptop was lost")
    services.command_queue.execute(command)
