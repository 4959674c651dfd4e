from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


def assert_refused(world: World, path: str, parameters: dict[str, str], message: str) -> None:
    answer = world.ask("GET", world.account(f"{path}?{urlencode(parameters)}"), headers=world.signed_in("alice"))
    assert (answer.status, answer.problem, answer.errors) == (422, "invalid-request", {"": message})


A_TIME = "must be a time as in 2026-03-10T21:43:51Z (RFC 3339)"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"actor": "alice"}, "actor must be the id of a user or key, or system"),
        ({"actor": ""}, "actor must be the id of a user or key, or system"),
        ({"actor": "System"}, "actor must be the id of a user or key, or system"),
        ({"resource": "Nightly run"}, "resource must be a UUID"),
        ({"resource": "{0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11}"}, "resource must be a UUID"),
        ({"from": "yesterday"}, f"from {A_TIME}"),
        ({"from": "2026-03-10"}, f"from {A_TIME}"),
        ({"from": "1773178431"}, f"from {A_TIME}"),
        ({"from": "2026-03-10T21:43:51"}, "from must have a time zone, as in 2026-03-10T21:43:51Z"),
        ({"to": "2026-03-10T21:43:51 02:00"}, f"to {A_TIME}; write the + of its zone as %2B"),
        ({"to": "2026-02-30T00:00:00Z"}, f"to {A_TIME}"),
        ({"to": "1969-12-31T23:59:59Z"}, "to must be from 1970 to 2199"),
        ({"from": "2026-03-10T21:00:00Z", "to": "2026-03-10T20:00:00Z"}, "to must not be before from"),
        ({"sort": "at"}, "sort is not a known parameter"),
    ],
)
@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
def test_a_bad_parameter_is_refused_by_its_name_in_the_list_as_in_the_export(
    world: World, path: str, parameters: dict[str, str], message: str
) -> None:
    assert_refused(world, path, parameters, message)


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        ("/audit", {"limit": "201"}, "limit must be from 1 to 200"),
        ("/audit", {"cursor": "x"}, "cursor must be a next_cursor of this list; begin without one"),
        ("/audit", {"format": "csv"}, "format is not a known parameter"),
        ("/audit/export", {"format": "xml"}, "format must be one of csv, jsonl"),
        ("/audit/export", {"format": "CSV"}, "format must be one of csv, jsonl"),
        ("/audit/export", {"format": ""}, "format must be one of csv, jsonl"),
        ("/audit/export", {"format": "csv", "limit": "5"}, "limit is not a known parameter"),
        ("/audit/export", {"format": "jsonl", "cursor": "x"}, "cursor is not a known parameter"),
    ],
)
def test_pages_are_of_the_list_and_files_of_the_export(
    world: World, path: str, parameters: dict[str, str], message: str
) -> None:
    assert_refused(world, path, parameters, message)


@pytest.mark.parametrize("action", ["", "key", "api_key.", "api_key.used", "job.reported", "receipt.issued", "API_KEY"])
def test_what_is_no_action_of_the_audit_log_is_refused_with_those_that_are(world: World, action: str) -> None:
    answer = world.ask(
        "GET", world.account(f"/audit?{urlencode({'action': action})}"), headers=world.signed_in("alice")
    )
    assert answer.status == 422
    assert answer.errors[""].startswith("action must be one of account, process, member, api_key, account.opened, ")
