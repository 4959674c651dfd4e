"""Every route, asked by everybody: each gets what the committed table says, and a stranger learns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.permissions.matrix import (
    KEYS,
    SESSIONS,
    WITH_A_KEY,
    WITH_A_SESSION,
    ask,
    committed,
    ids_in_account_a,
    random_ids,
    requests_of_the_router,
    row_with_a_key,
    row_with_a_session,
    session_headers,
)

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """Proofs are asked for."""
    return True


ALL = committed(WITH_A_SESSION)
KNOW_KEYS = committed(WITH_A_KEY)
NO_KEY = dict.fromkeys(KEYS, "401 not-signed-in")
IN_AN_ACCOUNT = [request for request in ALL if "{account_id}" in request]


def test_the_table_has_every_route_and_method_and_no_other(world: World) -> None:
    assert sorted(ALL) == sorted(requests_of_the_router(world))
    assert KNOW_KEYS.keys() <= ALL.keys()


def test_the_table_has_everybody() -> None:
    assert all(row.keys() == SESSIONS.keys() for row in ALL.values())
    assert all(row.keys() == KEYS.keys() for row in KNOW_KEYS.values())


@pytest.mark.parametrize("request_line", ALL)
def test_with_a_session_everybody_gets_what_the_table_says(world: World, request_line: str) -> None:
    assert row_with_a_session(world, request_line) == ALL[request_line]


@pytest.mark.parametrize("request_line", ALL)
def test_with_a_key_everybody_gets_what_the_table_says(world: World, request_line: str) -> None:
    assert row_with_a_key(world, request_line) == KNOW_KEYS.get(request_line, NO_KEY)


@pytest.mark.parametrize("request_line", IN_AN_ACCOUNT)
def test_a_stranger_can_not_tell_an_account_that_exists_from_one_that_does_not(world: World, request_line: str) -> None:
    real = ids_in_account_a(world)
    unknown_account = real | {"account_id": random_ids()["account_id"]}
    for who in ("admin of another account", "no member", "nobody", "junk"):
        headers = session_headers(world, who, request_line)
        answers = [ask(world, request_line, headers, ids) for ids in (real, unknown_account, random_ids())]
        first, *others = [answer.without_request_id for answer in answers]
        assert all(other == first for other in others), who
        assert first[0] in {401, 404}, who


@pytest.mark.parametrize("request_line", [request for request in IN_AN_ACCOUNT if not request.startswith("GET")])
def test_also_a_request_that_is_not_in_order_tells_a_stranger_nothing(world: World, request_line: str) -> None:
    headers = world.signed_in("carol") | {"Content-Type": "application/json"}
    method, _, path = request_line.partition(" ")
    ids_in_account = ids_in_account_a(world)
    for body in (b"{", b'{"unknown": 1}', b"[]"):
        real, unknown = (
            world.ask(method, path.format(**ids), headers=headers, body=body).without_request_id
            for ids in (ids_in_account, random_ids())
        )
        assert real == unknown, body
