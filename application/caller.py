"""Who asks something of the service, for whom, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.model import SYSTEM_ACTOR

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks something of a tenant, or of one of its accounts.

    actor: a user id, or "system" for the operator.
    account_id: None for the tenant.
    request_id: as the log line names it.
    address: of the user's client; None at the command line. Events have it only where it may be kept.
    """

    actor: str = SYSTEM_ACTOR
    tenant_id: UUID
    account_id: UUID | None = None
    request_id: str = "-"
    address: str | None = None

    @property
    def scope_id(self) -> UUID:
        """What is asked about: the account, or the tenant."""
        return self.account_id or self.tenant_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCaller(Caller):
    """Who asks something of an account."""

    account_id: UUID
