"""What roles are called, and what each may do, for people. The rule itself is a table of the domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.permissions import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class RoleWords:
    """name: of who has the role. may: what they may do, in a line."""

    name: str
    may: str


ROLES: Final[Mapping[Role, RoleWords]] = {
    Role.TENANT_ADMIN: RoleWords(
        "Tenant administrator", "Opens and suspends accounts, and may do in each what its administrators may."
    ),
    Role.AUDITOR: RoleWords(
        "Auditor", "Looks at the keys, processes, jobs and audit log of every account, and changes nothing."
    ),
    Role.CONSULTANT: RoleWords(
        "Consultant", "Looks at the processes that they are assigned, in any account, and at the jobs of those."
    ),
    Role.ACCOUNT_ADMIN: RoleWords(
        "Administrator", "Creates and ends keys, registers processes, invites members and reads the audit log."
    ),
    Role.ACCOUNT_USER: RoleWords(
        "User", "Looks at the processes that they are assigned and at the jobs of those, and changes nothing."
    ),
}
"""Every role, the mightiest first."""


def role_names(roles: Iterable[str]) -> str:
    """Return what somebody is, in words."""
    held = set(roles)
    return ", ".join(words.name for role, words in ROLES.items() if role in held)
