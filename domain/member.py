"""A member: a user's roles in one scope, which is an account or the whole tenant, and the processes assigned there.

Names and addresses of people are in ordinary tables and never in an event: events can't be erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self
from uuid import UUID

from domain.errors import FieldError, InvalidInputError
from domain.ids import member_id
from domain.model import Aggregate, CanMutateAggregate, Cause, Event, FirstEvent
from domain.permissions import ACCOUNT_ROLES, TENANT_ROLES, Role


@dataclass(kw_only=True)
class MemberState:
    """What one user is in one scope: an account, or the whole tenant where `account_id` is None.

    process_ids: the streams of the assigned processes, which also name their accounts.
    """

    tenant_id: UUID
    account_id: UUID | None
    user_id: UUID
    roles: frozenset[Role]
    process_ids: frozenset[UUID] = frozenset()


class Member(Aggregate, MemberState):
    """What one user is in one scope. Without a role left, they are a stranger there."""

    TOPIC: ClassVar[str] = "member"

    class RoleGranted(FirstEvent):
        """The user has a role, or a further one. account_id is None for a role in the whole tenant."""

        TOPIC: ClassVar[str] = "member.role_granted"
        LABEL: ClassVar = "role given"
        ABOUT: ClassVar = ("tenant_id", "account_id", "user_id")
        originator_topic: str = "member"
        tenant_id: UUID
        account_id: UUID | None = None
        user_id: UUID
        role: Role

        def mutate(self, aggregate: Any) -> Any:  # noqa: ANN401 - the library's signature
            """Begin the stream, or go on with it: being given a role is what makes somebody a member."""
            return super().mutate(None) if aggregate is None else CanMutateAggregate.mutate(self, aggregate)

        def apply(self, member: MemberState) -> None:
            if self.originator_version > 1:
                member.roles |= {self.role}
            else:
                MemberState.__init__(
                    member,
                    tenant_id=self.tenant_id,
                    account_id=self.account_id,
                    user_id=self.user_id,
                    roles=frozenset({self.role}),
                )

    class RoleRevoked(Event):
        TOPIC: ClassVar[str] = "member.role_revoked"
        LABEL: ClassVar = "role taken away"
        role: Role

        def apply(self, member: MemberState) -> None:
            member.roles -= {self.role}

    class ProcessAssigned(Event):
        """The user sees a process."""

        TOPIC: ClassVar[str] = "member.process_assigned"
        LABEL: ClassVar = "process assigned"
        process_id: UUID

        def apply(self, member: MemberState) -> None:
            member.process_ids |= {self.process_id}

    class ProcessUnassigned(Event):
        """The user sees a process no more."""

        TOPIC: ClassVar[str] = "member.process_unassigned"
        LABEL: ClassVar = "process no longer assigned"
        process_id: UUID

        def apply(self, member: MemberState) -> None:
            member.process_ids -= {self.process_id}

    class FirstPasswordMade(Event):
        """Somebody was shown a new first password for the user, who can't sign in with what they had before."""

        TOPIC: ClassVar[str] = "member.first_password_made"
        LABEL: ClassVar = "new first password made"

        def apply(self, member: MemberState) -> None:
            """Nothing of a member follows from it: it is in the log for those who ask who could sign in as whom."""

    @classmethod
    def add(cls, cause: Cause, *, tenant_id: UUID, account_id: UUID | None, user_id: UUID, role: Role) -> Self:
        """Make a user a member of an account, or with account_id None of the tenant.

        Raises InvalidInputError for a role of the other scope.
        """
        _check_scope(account_id, role)
        return cls._begin(
            cls.RoleGranted(
                **cls._first(member_id(account_id or tenant_id, user_id), cause),
                tenant_id=tenant_id,
                account_id=account_id,
                user_id=user_id,
                role=role,
            )
        )

    def grant(self, cause: Cause, role: Role) -> None:
        """Give a further role; one that is held changes nothing. Raises InvalidInputError as `add` does."""
        _check_scope(self.account_id, role)
        if role not in self.roles:
            self._trigger(
                self.RoleGranted(
                    **self._next(cause),
                    tenant_id=self.tenant_id,
                    account_id=self.account_id,
                    user_id=self.user_id,
                    role=role,
                )
            )

    def revoke(self, cause: Cause, role: Role) -> None:
        """Take a role away; one that is not held changes nothing."""
        if role in self.roles:
            self._trigger(self.RoleRevoked(**self._next(cause), role=role))

    def record_first_password(self, cause: Cause) -> None:
        """Write down that the user is about to be made a new first password."""
        self._trigger(self.FirstPasswordMade(**self._next(cause)))

    def assign(self, cause: Cause, process_id: UUID) -> None:
        """Let the user see a process; one that is assigned changes nothing."""
        if process_id not in self.process_ids:
            self._trigger(self.ProcessAssigned(**self._next(cause), process_id=process_id))

    def unassign(self, cause: Cause, process_id: UUID) -> None:
        """Let the user see a process no more; one that is not assigned changes nothing."""
        if process_id in self.process_ids:
            self._trigger(self.ProcessUnassigned(**self._next(cause), process_id=process_id))


def _check_scope(account_id: UUID | None, role: Role) -> None:
    if role not in (TENANT_ROLES if account_id is None else ACCOUNT_ROLES):
        scope = "the tenant" if account_id is None else "an account"
        raise InvalidInputError([FieldError("role", f"is not a role of {scope}")])
