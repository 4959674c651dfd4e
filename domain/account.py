"""An account: an isolated workspace of the tenant. Processes, jobs and API keys belong to exactly one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

from domain.errors import AccountSuspendedError
from domain.model import Aggregate, Cause, Event, FirstEvent
from domain.names import checked_name, checked_reason

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(kw_only=True)
class AccountState:
    """What an account is. keep_addresses: whether events about it, and uses of its keys, have the client's address."""

    tenant_id: UUID
    name: str
    opened_at: datetime
    keep_addresses: bool = True
    suspended_at: datetime | None = None


class Account(Aggregate, AccountState):
    """An isolated workspace."""

    TOPIC: ClassVar[str] = "account"
    NOUN: ClassVar[str] = "Account"

    class Opened(FirstEvent):
        TOPIC: ClassVar[str] = "account.opened"
        LABEL: ClassVar = "opened"
        ABOUT: ClassVar = ("tenant_id",)
        tenant_id: UUID
        name: str

        def apply(self, account: AccountState) -> None:
            AccountState.__init__(account, tenant_id=self.tenant_id, name=self.name, opened_at=self.timestamp)

    class Renamed(Event):
        TOPIC: ClassVar[str] = "account.renamed"
        LABEL: ClassVar = "renamed"
        name: str

        def apply(self, account: AccountState) -> None:
            account.name = self.name

    class SettingsChanged(Event):
        """It keeps client addresses from now on, or does not."""

        TOPIC: ClassVar[str] = "account.settings_changed"
        LABEL: ClassVar = "settings changed"
        keep_addresses: bool

        def apply(self, account: AccountState) -> None:
            account.keep_addresses = self.keep_addresses

    class Suspended(Event):
        """Its robots are kept out."""

        TOPIC: ClassVar[str] = "account.suspended"
        LABEL: ClassVar = "suspended"
        reason: str | None = None

        def apply(self, account: AccountState) -> None:
            account.suspended_at = self.timestamp

    class Resumed(Event):
        """Its robots are let in again."""

        TOPIC: ClassVar[str] = "account.resumed"
        LABEL: ClassVar = "resumed"

        def apply(self, account: AccountState) -> None:
            account.suspended_at = None

    @classmethod
    def open(cls, cause: Cause, *, account_id: UUID, tenant_id: UUID, name: str) -> Self:
        """Make an account of the tenant. Raises InvalidInputError for a name that won't do."""
        return cls._begin(cls.Opened(**cls._first(account_id, cause), tenant_id=tenant_id, name=checked_name(name)))

    def rename(self, cause: Cause, name: str) -> None:
        """Give it another name; the same name changes nothing. Raises InvalidInputError for one that won't do."""
        name = checked_name(name)
        if name != self.name:
            self._trigger(self.Renamed(**self._next(cause), name=name))

    def change_settings(self, cause: Cause, *, keep_addresses: bool) -> None:
        """Choose whether client addresses are recorded from now on; no change, no event."""
        if keep_addresses != self.keep_addresses:
            self._trigger(self.SettingsChanged(**self._next(cause), keep_addresses=keep_addresses))

    def address_to_keep(self, address: str | None) -> str | None:
        """Return what an event may hold of a client's address: all of it, or None where the account keeps none."""
        return address if self.keep_addresses else None

    def suspend(self, cause: Cause, reason: str | None = None) -> None:
        """Keep its robots out until it is resumed; again changes nothing. Raises InvalidInputError for the reason."""
        reason = checked_reason(reason)
        if self.suspended_at is None:
            self._trigger(self.Suspended(**self._next(cause), reason=reason))

    def resume(self, cause: Cause) -> None:
        """Let its robots in again; resuming one that is not suspended changes nothing."""
        if self.suspended_at is not None:
            self._trigger(self.Resumed(**self._next(cause)))

    def check_not_suspended(self) -> None:
        """Raise AccountSuspendedError while its robots are kept out."""
        if self.suspended_at is not None:
            raise AccountSuspendedError
