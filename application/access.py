"""Whether a user may do something: decided on the streams of their roles, so a revoked role ends at once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from domain.account import Account
from domain.errors import ForbiddenError, NotFoundError
from domain.ids import member_id
from domain.member import Member
from domain.model import SYSTEM_ACTOR
from domain.permissions import ROLES_WITH_ASSIGNED_PROCESSES, Action, Role, allows

if TYPE_CHECKING:
    from application.caller import AccountCaller, Caller
    from application.unit_of_work import FindsAggregates


def check_access(find: FindsAggregates, by: Caller, action: Action) -> None:
    """Check that a caller may do this in the account, or in the tenant, that they ask about.

    Raises ForbiddenError for a member whose role does not allow it; NotFoundError for a stranger, the same as for an
    account that does not exist.
    """
    if by.account_id is not None:
        account = find.find(Account, by.account_id)
        if account is None or account.tenant_id != by.tenant_id:
            raise NotFoundError
    if by.actor == SYSTEM_ACTOR:
        return
    roles = roles_of(find, UUID(by.actor), by.tenant_id, by.account_id)
    if not roles:
        raise NotFoundError
    if not allows(roles, action):
        raise ForbiddenError


def roles_of(find: FindsAggregates, user_id: UUID, tenant_id: UUID, account_id: UUID | None) -> frozenset[Role]:
    """Return a user's roles in an account, those in the tenant included."""
    scopes = [tenant_id] if account_id is None else [tenant_id, account_id]
    members = [find.find(Member, member_id(scope, user_id)) for scope in scopes]
    return frozenset(role for member in members if member for role in member.roles)


def turn_of(find: FindsAggregates, user_id: UUID, tenant_id: UUID, account_id: UUID) -> str:
    """Return whose turn it is when a user asks for what few can have at a time.

    It is the account's, which can have any number of people; or the user's own, when their role holds in the tenant.
    """
    return str(user_id if roles_of(find, user_id, tenant_id, None) else account_id)


def visible_processes(find: FindsAggregates, by: AccountCaller) -> frozenset[UUID] | None:
    """Return the process streams that a caller may see in the account; None when they see all of them."""
    if by.actor == SYSTEM_ACTOR:
        return None
    user_id = UUID(by.actor)
    if roles_of(find, user_id, by.tenant_id, by.account_id) - ROLES_WITH_ASSIGNED_PROCESSES:
        return None
    members = [find.find(Member, member_id(scope, user_id)) for scope in (by.tenant_id, by.account_id)]
    return frozenset(process for member in members if member for process in member.process_ids)
