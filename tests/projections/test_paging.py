"""A list in pages shows every row once, also while rows are added; a cursor that it did not give out is refused."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account
from domain.limits import NAME_CHARS_MAX, PAGE_ITEMS_MAX
from domain.member import Member
from domain.permissions import Role
from projections.accounts import ACCOUNT_LIST, AccountRow, list_accounts
from projections.members import list_members, list_memberships
from projections.paging import CURSOR_CHARS_MAX, BadCursorError, PageRequest, sort_name
from projections.processes.listing import list_processes
from tests.projections.histories import events_of, named
from tests.support.effort import seeded_random
from tests.support.examples import cause

if TYPE_CHECKING:
    from tests.projections.support import World


@pytest.fixture
def tenant() -> UUID:
    """A tenant without accounts."""
    return uuid4()


def add_accounts(world: World, tenant_id: UUID, names: list[str]) -> list[UUID]:
    """Add accounts; they are shown when this returns, without a projector."""
    opened = [Account.open(cause(), account_id=uuid4(), tenant_id=tenant_id, name="Account") for _ in names]
    events = [named(event, name) for account, name in zip(opened, names, strict=True) for event in events_of(account)]
    with world.connect() as connection:
        ACCOUNT_LIST.store(connection, [ACCOUNT_LIST.fold(None, [event]) for event in events])
    return [account.id for account in opened]


def pages(world: World, tenant_id: UUID, limit: int) -> list[AccountRow]:
    found: list[AccountRow] = []
    cursor = None
    while True:
        page = list_accounts(world.database, tenant_id=tenant_id, page=PageRequest(limit, cursor))
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(("rows", "limit"), [(0, 1), (1, 1), (9, 3), (10, 3), (200, 200), (201, 200)])
def test_pages_of_any_size_put_together_are_the_list(shared: World, tenant: UUID, rows: int, limit: int) -> None:
    chance = seeded_random()
    names = [chance.choice(["a", "B", "ä", "Same", "same"]) for _ in range(rows)]
    ids = add_accounts(shared, tenant, names)
    found = pages(shared, tenant, limit)
    assert sorted(row.account_id for row in found) == sorted(ids)
    order = [(row.sort_name, row.account_id) for row in found]
    assert order == sorted(order)


def test_rows_that_were_there_are_shown_once_each_while_others_are_added_before_and_behind(
    shared: World, tenant: UUID
) -> None:
    chance = seeded_random()
    letters = "abcdefghijklmnopqrstuvwxyz"
    there = set(add_accounts(shared, tenant, [chance.choice(letters) for _ in range(60)]))
    found: list[AccountRow] = []
    cursor = None
    while True:
        page = list_accounts(shared.database, tenant_id=tenant, page=PageRequest(7, cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
        if len(found) < 100:
            add_accounts(shared, tenant, [chance.choice(letters) for _ in range(5)])
    ids = [row.account_id for row in found]
    assert len(ids) == len(set(ids)), "none twice"
    assert there <= set(ids), "none left out"
    order = [(row.sort_name, row.account_id) for row in found]
    assert order == sorted(order)


def test_members_and_memberships_come_in_pages_too(shared: World, tenant: UUID) -> None:
    account, user = uuid4(), uuid4()
    added = [
        Member.add(cause(), tenant_id=tenant, account_id=a, user_id=u, role=Role.ACCOUNT_USER)
        for a, u in [(account, uuid4()) for _ in range(5)] + [(uuid4(), user) for _ in range(5)]
    ]
    shared.append([event for member in added for event in events_of(member)])
    shared.wait_for_all()
    first = list_members(shared.database, scope_id=account, page=PageRequest(3))
    rest = list_members(shared.database, scope_id=account, page=PageRequest(3, first.next_cursor))
    assert rest.next_cursor is None
    assert [m.user_id for m in first.items + rest.items] == sorted(m.user_id for m in added[:5])
    one = list_memberships(shared.database, tenant_id=tenant, user_id=user, page=PageRequest(4))
    two = list_memberships(shared.database, tenant_id=tenant, user_id=user, page=PageRequest(4, one.next_cursor))
    scopes = [m.account_id for m in added[5:] if m.account_id]
    assert [m.scope_id for m in one.items + two.items] == sorted(scopes)


@pytest.mark.parametrize(
    "name", ["", "x" * NAME_CHARS_MAX, "\x01" * NAME_CHARS_MAX, "🤖" * NAME_CHARS_MAX, '"\\,', "ﷺ" * 200]
)
def test_a_cursor_takes_any_name(shared: World, tenant: UUID, name: str) -> None:
    ids = add_accounts(shared, tenant, [name] * 3)
    first = list_accounts(shared.database, tenant_id=tenant, page=PageRequest(1))
    assert first.next_cursor is not None
    assert len(first.next_cursor) <= CURSOR_CHARS_MAX
    assert first.next_cursor.replace("-", "").replace("_", "").isalnum()
    assert [row.account_id for row in pages(shared, tenant, 1)] == sorted(ids)


def test_a_name_that_no_index_could_hold_is_listed_all_the_same(shared: World, tenant: UUID) -> None:
    add_accounts(shared, tenant, ["n" * 100_000])
    [row] = pages(shared, tenant, 1)
    assert len(row.name) == 100_000


ACCOUNT = "00000000-0000-4000-8000-00000000000a"
BAD_CURSORS = {
    "empty": "",
    "no Base64": "!",
    "of another alphabet": "++++",
    "not ASCII": "é" * 4,
    "a length that Base64 has not": "a",
    "no JSON": encoded([])[:-1] + "A",
    "no UTF-8": base64.urlsafe_b64encode(b'["accounts","\xff","\xff"]').decode(),
    "no list": encoded({"accounts": "a"}),
    "a number": encoded(7),
    "null": encoded(None),
    "an empty list": encoded([]),
    "of another list": encoded(["processes", "a", ACCOUNT]),
    "too few keys": encoded(["accounts", "a"]),
    "too many keys": encoded(["accounts", "a", ACCOUNT, ACCOUNT]),
    "a key that is no text": encoded(["accounts", 7, ACCOUNT]),
    "a key that is a list": encoded(["accounts", ["a"], ACCOUNT]),
    "an id that is none": encoded(["accounts", "a", "b"]),
    "NUL": encoded(["accounts", "a\0", ACCOUNT]),
    "half a surrogate pair": encoded(["accounts", "\ud800", ACCOUNT]),
    "too long": encoded(["accounts", "a" * CURSOR_CHARS_MAX, ACCOUNT]),
    "nested deep": base64.urlsafe_b64encode(b"[" * 1_400).decode(),
    "SQL": "'; DROP TABLE rpawatch.events; --",
}


@pytest.mark.parametrize("cursor", BAD_CURSORS.values(), ids=BAD_CURSORS.keys())
def test_a_cursor_that_the_list_did_not_give_out_is_refused(shared: World, tenant: UUID, cursor: str) -> None:
    with pytest.raises(BadCursorError):
        list_accounts(shared.database, tenant_id=tenant, page=PageRequest(1, cursor))


def test_a_cursor_of_one_list_is_refused_by_the_others(shared: World, tenant: UUID) -> None:
    add_accounts(shared, tenant, ["a", "b"])
    cursor = list_accounts(shared.database, tenant_id=tenant, page=PageRequest(1)).next_cursor
    page = PageRequest(1, cursor)
    with pytest.raises(BadCursorError):
        list_processes(shared.database, account_id=uuid4(), page=page)
    with pytest.raises(BadCursorError):
        list_members(shared.database, scope_id=uuid4(), page=page)
    with pytest.raises(BadCursorError):
        list_memberships(shared.database, tenant_id=tenant, user_id=uuid4(), page=page)


@given(cursor=st.text(max_size=60) | st.recursive(st.none() | st.text(), st.lists).map(encoded))
def test_no_cursor_whatever_breaks_a_list(shared: World, cursor: str) -> None:
    try:
        page = list_accounts(shared.database, tenant_id=uuid4(), page=PageRequest(1, cursor))
    except BadCursorError:
        return
    assert page.items == ()


@pytest.mark.parametrize("limit", [0, -1, PAGE_ITEMS_MAX + 1])
def test_a_page_of_no_rows_or_too_many_is_a_mistake_of_the_caller(limit: int) -> None:
    with pytest.raises(ValueError, match="limit must be from 1 to 200"):
        PageRequest(limit)


def test_a_page_may_have_one_row_or_200() -> None:
    assert PageRequest(1).limit == 1
    assert PageRequest(PAGE_ITEMS_MAX).limit == PAGE_ITEMS_MAX == 200


def test_names_are_ordered_without_case_and_accents() -> None:
    assert sort_name("Éclair ÄÖÜ Straße Ⅳ") == "eclair aou strasse iv"
