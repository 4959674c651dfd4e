from __future__ import annotations

import csv
import io
import json
import tracemalloc
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from application.accounts import RenameAccount
from interfaces.audit_export import CSV_COLUMNS, EXPORT_FORMATS
from interfaces.http.downloads import AT_ONCE_MAX
from projections.audit.queries import AuditFilter
from tests.acceptance.audit.asking import create_key, file, listed, rename
from tests.support.effort import effort

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "a,b", 'say "no"', "'single'", "\uff1d1",
    "\u202eright to left", "\u05e9\u05dc\u05d5\u05dd", "\U0001f916 robot", "a;b", "Ä\u0308", "x" * 200,
]  # fmt: skip

ROWS = effort(short=5_000, long=10_000)


def csv_rows(answer: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline=""), strict=True))


def test_json_lines_are_the_items_of_the_list_oldest_first(world: World) -> None:
    create_key(world)
    answer = file(world, "jsonl")
    assert answer.body.endswith(b"\n")
    assert [json.loads(line) for line in answer.body.splitlines()] == listed(world)[::-1]


def test_csv_has_a_header_line_and_the_same_rows(world: World) -> None:
    world.people.sign_up("alice")
    create_key(world)
    create_key(world, "Daily run")
    rows = csv_rows(file(world, "csv", "&action=api_key"))
    assert tuple(rows[0]) == CSV_COLUMNS
    for row, item in zip(rows, reversed(listed(world, action="api_key")), strict=True):
        resource = item.pop("resource")
        flat = item | {f"resource_{name}": value for name, value in resource.items()}
        assert json.loads(row.pop("changes")) == flat.pop("changes")
        assert row == {name: "" if value is None else str(value) for name, value in flat.items()}


@pytest.mark.parametrize(("kind", "media_type"), [("csv", "text/csv"), ("jsonl", "application/jsonl")])
def test_a_file_says_what_it_is_and_what_to_call_it(world: World, kind: str, media_type: str) -> None:
    headers = file(world, kind).headers
    assert headers["content-type"] == f"{media_type}; charset=utf-8"
    now = f"{world.clock.now:%Y%m%dT%H%M%SZ}"
    assert headers["content-disposition"] == f'attachment; filename="audit-{world.cast.account_a}-{now}.{kind}"'
    assert headers["cache-control"] == "no-store"
    assert "content-length" not in headers


def test_who_names_no_format_gets_csv(world: World) -> None:
    answer = world.ask("GET", world.account("/audit/export"), headers=world.signed_in("alice"))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.body == file(world, "csv").body


def test_filters_hold_for_files(world: World) -> None:
    key = create_key(world)
    create_key(world)
    assert [row["resource_id"] for row in csv_rows(file(world, "csv", f"&resource={key['id']}"))] == [key["id"]]
    assert file(world, "jsonl", "&action=account.suspended").body == b""
    assert file(world, "csv", "&action=account.suspended").body.decode() == ",".join(CSV_COLUMNS) + "\r\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_exact_in_json_lines_and_harmless_in_a_spreadsheet(world: World, name: str) -> None:
    key = create_key(world, name)
    [line] = file(world, "jsonl", f"&resource={key['id']}").body.splitlines()
    label = f"{name} ({key['prefix']})"
    assert json.loads(line)["resource"]["label"] == label
    [row] = csv_rows(file(world, "csv", f"&resource={key['id']}"))
    shown = f"'{label}" if name[0] in "=+-@\uff1d" else label
    assert row["resource_label"] == shown
    assert json.loads(row["changes"])["name"] == name


def test_no_cell_of_a_file_is_a_formula_whoever_chose_its_text(world: World) -> None:
    key = create_key(world, "=1+1")
    headers = {"X-Request-Id": "-1-1", **world.signed_in("alice")}
    body = {"reason": "=HYPERLINK(1)\r\n=2"}
    assert world.ask("POST", world.account(f"/keys/{key['id']}/deactivate"), headers=headers, json=body).status == 200
    answer = file(world, "csv", f"&resource={key['id']}")
    rows = csv_rows(answer)
    assert [row["request_id"] for row in rows][-1] == "'-1-1"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r\n")]
    assert json.loads(rows[-1]["changes"]) == {"reason": "=HYPERLINK(1)\r\n=2"}


def test_thousands_of_rows_are_all_there_once_and_take_no_memory(world: World) -> None:
    rename(world, ROWS)
    lines = file(world, "jsonl", "&action=account.renamed").body.splitlines()
    assert [json.loads(line)["changes"]["name"] for line in lines] == [f"Account {number}" for number in range(ROWS)]
    pages = world.services.audit_log.pages(world.cast.account_a, AuditFilter())
    for chosen in EXPORT_FORMATS.values():
        pieces = chosen.pieces(pages)
        next(pieces)
        tracemalloc.start()
        try:
            size = sum(len(piece) for piece in islice(pieces, ROWS // 500))
            assert size > ROWS * 50
            assert tracemalloc.get_traced_memory()[1] < ROWS * 400
        finally:
            tracemalloc.stop()


def test_what_is_added_while_a_file_is_made_is_left_out_of_it(world: World) -> None:
    rename(world, 300)
    pages = world.services.audit_log.pages(world.cast.account_a, AuditFilter(actions=frozenset(["account.renamed"])))
    names = [entry.row.changes["name"] for entry in next(pages)]
    create_key(world)
    world.application.execute(RenameAccount(by=world.cast.caller(world.cast.account_a), name="Too late"))
    world.wait_for_lists()
    names += [entry.row.changes["name"] for page in pages for entry in page]
    assert names == [f"Account {number}" for number in range(300)]


def test_no_connection_is_kept_between_two_pages(world: World) -> None:
    rename(world, 300)
    pages = world.services.audit_log.pages(world.cast.account_a, AuditFilter())
    next(pages)
    stats = world.services.database.pool.get_stats()
    assert stats["pool_available"] == stats["pool_size"]


def test_one_download_too_many_is_told_to_come_back_and_pages_are_not(world: World) -> None:
    downloads = world.services.downloads
    others = [f"another account, {number}" for number in range(AT_ONCE_MAX)]
    try:
        assert all(downloads._take_place(other) for other in others)  # noqa: SLF001 - as running downloads do
        answer = world.ask("GET", world.account("/audit/export?format=csv"), headers=world.signed_in("alice"))
        assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "10")
        assert "Only 2 downloads are made at the same time" in answer.json["detail"]
        assert listed(world)
    finally:
        for other in others:
            downloads._give_place_back(other)  # noqa: SLF001 - as above
    assert file(world, "csv").status == 200


def test_a_file_that_was_refused_takes_no_place(world: World) -> None:
    for _ in range(AT_ONCE_MAX + 1):
        answer = world.ask("GET", world.account("/audit/export?format=csv&from=x"), headers=world.signed_in("alice"))
        assert answer.status == 422
    for _ in range(AT_ONCE_MAX + 1):
        assert file(world, "csv").status == 200
