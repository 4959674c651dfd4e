"""Who may do what: a table of role and action, not a rank that is compared.

A consultant stands above an account admin in the hierarchy of an organisation and still may not touch keys.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a member is. The first three hold in the whole tenant, the others in one account."""

    TENANT_ADMIN = "tenant_admin"
    AUDITOR = "auditor"
    CONSULTANT = "consultant"
    ACCOUNT_ADMIN = "account_admin"
    ACCOUNT_USER = "account_user"


TENANT_ROLES = frozenset({Role.TENANT_ADMIN, Role.AUDITOR, Role.CONSULTANT})
ACCOUNT_ROLES = frozenset({Role.ACCOUNT_ADMIN, Role.ACCOUNT_USER})
ROLES_WITH_ASSIGNED_PROCESSES = frozenset({Role.CONSULTANT, Role.ACCOUNT_USER})
"""Roles that see only the processes that were assigned to them, and the jobs of those."""


class Action(StrEnum):
    """What can be asked of an account, or of the tenant."""

    OPEN_ACCOUNT = "open_account"
    READ_ACCOUNT = "read_account"
    WRITE_ACCOUNT = "write_account"
    SUSPEND_ACCOUNT = "suspend_account"
    READ_MEMBERS = "read_members"
    WRITE_MEMBERS = "write_members"
    READ_PROCESSES = "read_processes"
    WRITE_PROCESSES = "write_processes"
    READ_KEYS = "read_keys"
    WRITE_KEYS = "write_keys"
    READ_JOBS = "read_jobs"
    READ_AUDIT = "read_audit"


_A = Action
PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.TENANT_ADMIN: frozenset(Action),
    Role.AUDITOR: frozenset({_A.READ_ACCOUNT, _A.READ_PROCESSES, _A.READ_KEYS, _A.READ_JOBS, _A.READ_AUDIT}),
    Role.CONSULTANT: frozenset({_A.READ_ACCOUNT, _A.READ_PROCESSES, _A.READ_JOBS}),
    Role.ACCOUNT_ADMIN: frozenset(Action) - {_A.OPEN_ACCOUNT, _A.SUSPEND_ACCOUNT},
    Role.ACCOUNT_USER: frozenset({_A.READ_ACCOUNT, _A.READ_PROCESSES, _A.READ_JOBS}),
}


def allows(roles: frozenset[Role], action: Action) -> bool:
    """Return whether any of these roles allows the action."""
    return any(action in PERMISSIONS[role] for role in roles)
