"""The admin API reads bodies as the Ingest API does. test_hostile_bodies.py has the long table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.limits import JSON_DEPTH_MAX, SMALL_BODY_BYTES_MAX, SMALL_BODY_VALUES_MAX
from tests.support.api import ACCOUNTS, SESSION

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True

BODIES = {
    "no JSON": (b"{", "400 malformed-json"),
    "NaN": (b'{"name": NaN}', "400 malformed-json"),
    "a name twice": (b'{"name": "a", "name": "b"}', "400 malformed-json"),
    "deep": (b'{"name": ' + b"[" * JSON_DEPTH_MAX + b"]" * JSON_DEPTH_MAX + b"}", "400 malformed-json"),
    "very deep": (b"[" * (SMALL_BODY_VALUES_MAX - 1), "400 malformed-json"),
    "deeper than may be looked at": (b"[" * 60_000, "413 too-large"),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), "400 malformed-json"),
    "a byte order mark and half an object": (b'\xef\xbb\xbf{"name": "x"', "400 malformed-json"),
    "NUL": (rb'{"name": "a\u0000b"}', "422 invalid-request"),
    "half a surrogate pair": (rb'{"name": "\udd16"}', "422 invalid-request"),
    "a list": (b"[]", "422 invalid-request"),
    "null": (b"null", "422 invalid-request"),
    "a number": (b"1e5", "422 invalid-request"),
    "too large": (b" " * (SMALL_BODY_BYTES_MAX + 1), "413 too-large"),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", [SESSION, ACCOUNTS])
def test_a_hostile_body_gets_the_same_answer_as_at_the_ingest_api(world: World, name: str, path: str) -> None:
    body, expected = BODIES[name]
    headers = world.signed_in("tess") | {"Content-Type": "application/json"}
    answer, appended = world.appended_by(lambda: world.ask("POST", path, headers=headers, body=body))
    assert f"{answer.status} {answer.problem}" == expected
    assert appended == []


def test_without_a_session_a_body_is_not_looked_at(world: World) -> None:
    first, *others = [
        world.ask("POST", ACCOUNTS, headers=headers, body=body).without_request_id
        for headers, body in (
            ({}, b""),
            ({"Content-Type": "application/json"}, b"{"),
            ({"Content-Type": "text/plain"}, b"x"),
        )
    ]
    assert first[0] == 401
    assert all(other == first for other in others)
