from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import ACCOUNTS

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True

BAD_QUERIES = {
    "limit=0": "limit must be from 1 to 200",
    "limit=201": "limit must be from 1 to 200",
    "limit=-1": "limit must be from 1 to 200",
    "limit=": "limit must be from 1 to 200",
    "limit=ten": "limit must be from 1 to 200",
    "limit=1.0": "limit must be from 1 to 200",
    "limit=%D9%A1": "limit must be from 1 to 200",
    "limit=00200000": "limit must be from 1 to 200",
    "limit=" + "9" * 5000: "limit must be from 1 to 200",
    "page=2": "page is not a known parameter",
    "cursor=x&sort=name": "sort is not a known parameter",
    "%00=1": "\x00 is not a known parameter",
}
BAD_CURSORS = ["", "x", "!!!", "W10", "bnVsbA", "WyJhY2NvdW50cyJd", "W1tbW1tbW1tbW1tb" * 100, "x" * 2_001, "%00", "%FF"]


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_query_that_can_not_be_answered_is_refused_by_name(world: World, query: str) -> None:
    answer = world.ask("GET", f"{ACCOUNTS}?{query}", headers=world.signed_in("tess"))
    assert (answer.status, answer.problem) == (422, "invalid-request")
    assert answer.errors == {"": BAD_QUERIES[query]}


@pytest.mark.parametrize("cursor", BAD_CURSORS)
def test_a_cursor_that_no_list_gave_out_is_refused(world: World, cursor: str) -> None:
    answer = world.ask("GET", f"{ACCOUNTS}?cursor={cursor}", headers=world.signed_in("tess"))
    assert (answer.status, answer.problem) == (422, "invalid-request")
    assert "cursor" in answer.errors[""]


def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    headers = world.signed_in("tess")
    cursor = world.ask("GET", world.account("/processes?limit=1"), headers=headers).json["next_cursor"]
    assert cursor
    assert world.ask("GET", f"{ACCOUNTS}?cursor={cursor}", headers=headers).status == 422


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/name": "is required"}),
        ({"name": None}, {"/name": "must be a string"}),
        ({"name": ""}, {"/name": "must have at least 1 character"}),
        ({"name": " \u2003"}, {"/name": "must not be blank"}),
        ({"name": "ä" * 201}, {"/name": "must have at most 200 characters"}),
        ({"name": "two\r\nlines"}, {"/name": "must not hold control characters"}),
        ({"name": "\x00"}, {"/name": "must not hold NUL or half of a surrogate pair"}),
        ({"name": "\ud83e"}, {"/name": "must not hold NUL or half of a surrogate pair"}),
        ({"name": "x", "id": "mine"}, {"/id": "is not a known field"}),
        (["Finance"], {"": "must be an object"}),
    ],
)
def test_what_is_wrong_with_an_account_is_told_field_by_field(world: World, body: Any, errors: dict[str, str]) -> None:
    answer, appended = world.appended_by(
        lambda: world.ask("POST", ACCOUNTS, headers=world.signed_in("tess"), json=body)
    )
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", errors)
    assert appended == []


def test_an_idempotency_key_that_came_with_another_request_is_refused(world: World) -> None:
    headers = world.signed_in("tess") | {"Idempotency-Key": str(world.cast.account_b)}
    assert world.ask("POST", ACCOUNTS, headers=headers, json={"name": "Finance"}).status == 201
    answer = world.ask("POST", ACCOUNTS, headers=headers, json={"name": "Sales"})
    assert (answer.status, answer.problem) == (422, "idempotency-key-reuse")
