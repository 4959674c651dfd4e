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
    from application.work import FindsAggregates


def check_access(find: FindsAggregates, actor: str, tenant_id: UUID, account_id: UUID | None, action: Action) -> None:
    """Check that `actor` may do this in an account, or with account_id None in the tenant.

    Raises ForbiddenError for a member whose role does not allow it; NotFoundError for a stranger, the same as for an
    account that does not exist.
    """
    if account_id is not None:
        account = find.find(Account, account_id)
        if account is None or account.tenant_id != tenant_id:
            raise NotFoundError
    if actor == SYSTEM_ACTOR:
        return
    roles = roles_of(find, UUID(actor), tenant_id, account_id)
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


def visible_processes(find: FindsAggregates, actor: str, tenant_id: UUID, account_id: UUID) -> frozenset[UUID] | None:
    """Return the process streams that a user may see in an account; None when they see all of them."""
    if actor == SYSTEM_ACTOR:
        return None
    if roles_of(find, UUID(actor), tenant_id, account_id) - ROLES_WITH_ASSIGNED_PROCESSES:
        return None
    members = [find.find(Member, member_id(scope, UUID(actor))) for scope in (tenant_id, account_id)]
    return frozenset(process for member in members if member for process in member.process_ids)
