"""The table of role and action, against the one that people read in permissions.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.permissions import (
    ACCOUNT_ROLES,
    PERMISSIONS,
    ROLES_WITH_ASSIGNED_PROCESSES,
    TENANT_ROLES,
    Action,
    Role,
    allows,
)

TABLE = Path(__file__).with_name("permissions.md")


def cells() -> dict[tuple[str, str], str]:
    """Return the committed table: action and role to `yes` or `-`."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {(row[0], role): cell for row in rows for role, cell in zip(head[1:], row[1:], strict=True)}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", list(Action))
def test_a_role_may_do_what_the_committed_table_says_and_nothing_else(action: Action, role: Role) -> None:
    assert cells()[action, role] == ("yes" if allows(frozenset({role}), action) else "-")


def test_the_committed_table_has_every_role_and_action_and_no_other() -> None:
    assert set(cells()) == {(str(action), str(role)) for action in Action for role in Role}
    assert set(PERMISSIONS) == set(Role)


def test_a_role_holds_either_in_the_tenant_or_in_an_account() -> None:
    assert set(Role) == TENANT_ROLES | ACCOUNT_ROLES
    assert not TENANT_ROLES & ACCOUNT_ROLES


@pytest.mark.parametrize("action", list(Action))
def test_who_has_no_role_may_do_nothing(action: Action) -> None:
    assert not allows(frozenset(), action)


@pytest.mark.parametrize("action", list(Action))
def test_several_roles_allow_what_any_of_them_allows(action: Action) -> None:
    pairs = [frozenset({one, other}) for one in Role for other in Role]
    for pair in pairs:
        assert allows(pair, action) is any(allows(frozenset({role}), action) for role in pair)


@pytest.mark.parametrize("action", [action for action in Action if not action.startswith("read_")])
def test_who_only_looks_changes_nothing(action: Action) -> None:
    lookers = {Role.AUDITOR, Role.CONSULTANT, Role.ACCOUNT_USER}
    assert not allows(frozenset(lookers), action)


def test_who_sees_assigned_processes_only_sees_no_keys_members_or_audit_log() -> None:
    seen = {Action.READ_ACCOUNT, Action.READ_PROCESSES, Action.READ_JOBS}
    for role in ROLES_WITH_ASSIGNED_PROCESSES:
        assert {action for action in Action if allows(frozenset({role}), action)} == seen
