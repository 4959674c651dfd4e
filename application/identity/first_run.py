"""The first start: one tenant, one account `Default`, and somebody who can sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4, uuid5

from application.accounts import AddMember, OpenAccount
from application.caller import Caller
from application.identity.passwords import check_password
from application.identity.users import FirstPassword, PasswordKind, normalised_email
from application.store.database import connect
from domain.account import Account
from domain.ids import member_id
from domain.member import Member
from domain.permissions import Role

if TYPE_CHECKING:
    from application.command_queue import CommandQueue
    from application.event_sourcing import EventSourcing
    from application.identity.users import Users
    from domain.clock import Clock

_LOCK = 0x72706178
DEFAULT_ACCOUNT_NAME = "Default"
ADMIN_EMAIL_DEFAULT = "admin@localhost"


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """The first tenant admin. password: to be shown once, or None when it was given."""

    email: str
    password: FirstPassword | None


@dataclass(frozen=True, slots=True)
class FirstRun:
    """Sets an installation up, once, whatever starts at the same time or was cut short before."""

    conninfo: str
    event_sourcing: EventSourcing
    command_queue: CommandQueue
    users: Users
    clock: Clock

    def ensure(self, *, email: str | None, password: str | None) -> tuple[UUID, FirstAdmin | None]:
        """Return the tenant's id, and the first admin when they were made just now.

        Raises InvalidInputError for an address or password that breaks the rules; nothing is made then.
        """
        address = normalised_email(email or ADMIN_EMAIL_DEFAULT)
        if password is not None:
            check_password(password, email=address)
        with connect(self.conninfo) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            connection.execute(
                "INSERT INTO rpawatch.installation (tenant_id, created_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (uuid4(), self.clock()),
            )
            row = connection.execute("SELECT tenant_id FROM rpawatch.installation").fetchone()
            if row is None:
                raise RuntimeError("the installation has no tenant")
            tenant_id: UUID = row["tenant_id"]
            self._ensure_default_account(tenant_id)
            return tenant_id, self._ensure_admin(tenant_id, address, password)

    def _ensure_default_account(self, tenant_id: UUID) -> None:
        account_id = uuid5(tenant_id, "account:default")
        if self.event_sourcing.find(Account, account_id) is None:
            self.command_queue.execute(
                OpenAccount(by=Caller(tenant_id=tenant_id), new_account_id=account_id, name=DEFAULT_ACCOUNT_NAME)
            )

    def _ensure_admin(self, tenant_id: UUID, email: str, password: str | None) -> FirstAdmin | None:
        user_id = first_admin_id(tenant_id)
        user = self.users.by_ids([user_id]).get(user_id)
        if user is None and self.users.count():
            return None
        member = self.event_sourcing.find(Member, member_id(tenant_id, user_id))
        if user is not None and (user.password_kind is not PasswordKind.NONE or (member and not member.roles)):
            return None
        # The row, the role, the password: cut short between them, the next start goes on from here.
        if user is None:
            user = self.users.ensure(tenant_id, email, "Administrator", self.clock(), user_id)
        self.command_queue.execute(AddMember(by=Caller(tenant_id=tenant_id), user_id=user_id, role=Role.TENANT_ADMIN))
        if password is None:
            return FirstAdmin(user.email, self.users.make_first_password(user, self.clock()))
        self.users.set_password(user_id, password)
        return FirstAdmin(user.email, None)


def first_admin_id(tenant_id: UUID) -> UUID:
    """Return the user id of the first administrator."""
    return uuid5(tenant_id, "user:first-admin")
