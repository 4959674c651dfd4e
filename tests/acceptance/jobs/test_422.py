from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from domain.limits import SEARCH_CHARS_MAX

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True

STATUSES = "status must be one of success, failed, partial_success, cancelled"
RFC_3339 = "must be a time as in 2026-03-10T21:43:51Z (RFC 3339)"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("status=", STATUSES),
        ("status=skipped", STATUSES),
        ("flow_id=x", "flow_id must be a UUID"),
        ("flow_id=", "flow_id must be a UUID"),
        (f"key_id={uuid4().hex}", "key_id must be a UUID"),
        ("from=yesterday", f"from {RFC_3339}"),
        ("from=2026-03-10", f"from {RFC_3339}"),
        ("from=1773178431", f"from {RFC_3339}"),
        ("to=2026-03-10T21:43:51", "to must have a time zone, as in 2026-03-10T21:43:51Z"),
        ("to=2200-01-01T00:00:00Z", "to must be from 1970 to 2199"),
        ("q=", f"q must have 1 to {SEARCH_CHARS_MAX} characters"),
        (f"q={'x' * (SEARCH_CHARS_MAX + 1)}", f"q must have 1 to {SEARCH_CHARS_MAX} characters"),
        ("q=+%E3%80%80", "q must not be blank"),
        ("q=M%FCller", "q must be UTF-8, in which ü is %C3%BC"),
        ("%FC=x", "\ufffd must be UTF-8, in which ü is %C3%BC"),
        ("from=2026-03-11T00:00:00Z&to=2026-03-10T00:00:00Z", "to must not be before from"),
        ("sort=status", "sort must be one of -received_at, received_at"),
        ("limit=0", "limit must be from 1 to 200"),
        ("limit=201", "limit must be from 1 to 200"),
        ("cursor=x", "cursor must be a next_cursor of this list; begin without one"),
        ("q=x&cursor=x", "cursor must be a next_cursor of this list; begin without one"),
        ("state=failed", "state is not a known parameter"),
    ],
)
def test_a_parameter_that_can_not_be_right_is_named(world: World, query: str, message: str) -> None:
    answer = world.ask("GET", world.account(f"/jobs?{query}"), headers=world.signed_in("alice"))
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", {"": message})


@pytest.mark.parametrize(
    "query",
    [
        f"q={'x' * SEARCH_CHARS_MAX}",
        "limit=200",
        "q=%00x",
        "q=%F0%9F%A4%96x",
        "q=%EF%BF%BD",
        "q=%E2%80%94",
        "status=FAILED",
    ],
)
def test_what_is_just_right_is_taken(world: World, query: str) -> None:
    path = world.account(f"/jobs?{query}", of=world.cast.account_b)
    answer = world.ask("GET", path, headers=world.signed_in("carol"))
    assert (answer.status, answer.json) == (200, {"items": [], "next_cursor": None})


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("status=cancelled", "status must be one of success, failed, skipped"),
        ("limit=x", "limit must be from 1 to 200"),
        ("cursor=x", "cursor must be a next_cursor of this list; begin without one"),
        ("q=x", "q is not a known parameter"),
    ],
)
def test_a_parameter_of_details_too(world: World, query: str, message: str) -> None:
    location = world.robot().report().headers["location"]
    answer = world.ask("GET", f"{location}/details?{query}", headers=world.signed_in("alice"))
    assert (answer.status, answer.errors) == (422, {"": message})


def test_a_job_takes_no_parameters(world: World) -> None:
    location = world.robot().report().headers["location"]
    answer = world.ask("GET", f"{location}?details=true", headers=world.signed_in("alice"))
    assert (answer.status, answer.errors) == (422, {"": "details is not a known parameter"})
