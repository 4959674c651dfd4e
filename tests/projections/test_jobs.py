"""Every job that was reported is shown as it was reported, found by what it holds, and listed once."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from application.store.log.reading import Recorded
from domain.ids import process_id
from domain.job import Job
from domain.limits import DETAILS_MAX
from domain.model import Cause
from domain.report import JobStatus
from projections.jobs import search as job_search
from projections.jobs.details import CHUNK_BYTES_MAX, CHUNK_DETAILS_MAX, JOB_DETAILS, list_details
from projections.jobs.listing import JOB_LIST, ONE_BY_ONE_MAX, JobFilter, JobHead, list_jobs
from projections.jobs.search import search_jobs
from projections.jobs.terms import JOB_TERMS, WORDS_MAX, word_term
from projections.paging import BadCursorError, PageRequest
from projections.read_model import apply
from projections.words import words_of
from tests.projections.histories import a_job_of, events_of
from tests.projections.support import reported_of_job
from tests.support.clock import NOON
from tests.support.effort import effort, seeded_random

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from projections.paging import Page
    from tests.projections.support import World

MODELS = (JOB_LIST, JOB_DETAILS, JOB_TERMS)
SECOND = timedelta(seconds=1)
FLOWS = [UUID(int=number) for number in range(1, 4)]
KEYS = [UUID(int=number) for number in range(11, 13)]
EVERY_STEP = {"LOOKED_AT_MAX": 5, "FEW_MAX": 3}
"""So low that a few jobs make a search take all of its steps."""


def reported(
    account_id: UUID, count: int, chance: random.Random, *, spread: timedelta = SECOND, **fields: Any
) -> list[Job.Reported]:
    """Return jobs of an account, received one after the other, some of them at the same instant."""
    jobs = []
    for number in range(count):
        at = NOON + number // 2 * spread
        cause = Cause(at, str(chance.choice(KEYS)), "request-1", uuid4())
        jobs += events_of(a_job_of(account_id, chance.choice(FLOWS), cause, chance, **fields))
    return [job for job in jobs if isinstance(job, Job.Reported)]


def take_in(world: World, jobs: Iterable[Job.Reported]) -> None:
    """Put jobs into the read models as the projector does, at positions that go on from those that are there."""
    with world.connect() as connection:
        found = connection.execute("SELECT coalesce(max(position), 0) AS last FROM rpawatch_lists.job_list_v1")
        last = (found.fetchone() or {"last": 0})["last"]
        batch = [Recorded(last + number, job.TOPIC, job) for number, job in enumerate(jobs, start=1)]
        for model in MODELS:
            apply(model, connection, batch)


def whole(world: World, account_id: UUID, limit: int, query: str | None = None, **wanted: Any) -> list[JobHead]:
    """Return a list of jobs, put together from its pages."""
    sort = wanted.pop("sort", None)
    found: list[JobHead] = []
    cursor = None
    while True:
        page = page_of(world, account_id, PageRequest(limit, cursor, sort), query, **wanted)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


def page_of(
    world: World, account_id: UUID, page: PageRequest, query: str | None = None, **wanted: Any
) -> Page[JobHead]:
    """Return a page of a list of jobs."""
    asked = JobFilter(**wanted)
    if query is None:
        return list_jobs(world.database, account_id=account_id, wanted=asked, page=page)
    return search_jobs(world.database, account_id=account_id, query=query, wanted=asked, page=page)


def holds(job: Job.Reported, query: str) -> bool:
    texts = [job.external_id, job.result_summary, *(job.tags or [])]
    texts += [detail.get("record_id") for detail in job.details or []]
    return set(words_of(query)) <= {word for text in texts for word in words_of(text or "")}


def expected(jobs: Sequence[Job.Reported], query: str | None = None, **wanted: Any) -> set[UUID]:
    """Return the ids of those that are wanted: what the lists should find, in the plainest way."""
    asked = JobFilter(**wanted)

    def is_wanted(job: Job.Reported) -> bool:
        process = process_id(job.account_id, job.flow_id)
        return (
            (asked.statuses is None or job.status in asked.statuses)
            and (asked.process_ids is None or process in asked.process_ids)
            and (asked.visible is None or process in asked.visible)
            and (asked.key_ids is None or job.actor in map(str, asked.key_ids))
            and (asked.since is None or job.timestamp >= asked.since)
            and (asked.until is None or job.timestamp < asked.until)
            and (query is None or holds(job, query))
        )

    return {job.originator_id for job in jobs if is_wanted(job)}


def draw_filter(account_id: UUID, chance: random.Random) -> dict[str, Any]:
    streams = [process_id(account_id, flow) for flow in FLOWS]
    drawn: dict[str, Any] = {
        "statuses": frozenset(chance.sample(list(JobStatus), chance.randrange(1, 5))),
        "process_ids": frozenset(chance.sample([*streams, uuid4()], chance.randrange(1, 4))),
        "key_ids": frozenset(chance.sample([*KEYS, uuid4()], chance.randrange(1, 3))),
        "since": NOON + chance.randrange(30) * SECOND,
        "until": NOON + chance.randrange(20, 60) * SECOND,
        "visible": frozenset(chance.sample([*streams, uuid4()], chance.randrange(4))),
    }
    return {name: value for name, value in drawn.items() if chance.random() < 0.3}


def test_every_job_is_there_with_all_that_was_reported(world: World) -> None:
    chance = seeded_random()
    jobs = reported(uuid4(), 100, chance)
    take_in(world, jobs)
    assert world.jobs() == {job.originator_id: reported_of_job(job) for job in jobs}


def test_what_is_taken_in_again_is_there_once(world: World) -> None:
    jobs = reported(uuid4(), 10, seeded_random())
    for _ in range(2):
        with world.connect() as connection:
            for model in MODELS:
                apply(model, connection, [Recorded(number, job.TOPIC, job) for number, job in enumerate(jobs)])
    assert world.jobs() == {job.originator_id: reported_of_job(job) for job in jobs}


@pytest.mark.parametrize("sort", ["-received_at", "received_at"])
@pytest.mark.parametrize("searched", [False, True])
def test_pages_put_together_are_the_jobs_that_are_wanted_in_order(
    shared: World, monkeypatch: pytest.MonkeyPatch, sort: str, *, searched: bool
) -> None:
    for name, value in EVERY_STEP.items():
        monkeypatch.setattr(job_search, name, value)
    chance = seeded_random()
    account = uuid4()
    jobs = reported(account, 120, chance, spread=timedelta(hours=1))
    neighbours = reported(uuid4(), 30, chance)
    take_in(shared, [*jobs, *neighbours])
    for _ in range(effort(20, 40)):
        wanted = draw_filter(account, chance)
        words = chance.choice(["rechnungen", "MONTH-END buro", f"inv-{chance.randrange(50)}", "3", "nix"])
        query = words if searched else None
        found = whole(shared, account, chance.choice([1, 7, 50, 200]), query, sort=sort, **wanted)
        ids = [row.job_id for row in found]
        assert len(ids) == len(set(ids)), "none twice"
        assert set(ids) == expected(jobs, query, **wanted), (query, wanted)
        order = [(row.received_at, row.position) for row in found]
        assert order == sorted(order, reverse=sort == "-received_at")


@pytest.mark.parametrize("query", [None, "rechnungen"])
def test_jobs_that_were_there_are_shown_once_each_while_others_are_reported(shared: World, query: str | None) -> None:
    chance = seeded_random()
    account = uuid4()
    there = reported(account, 60, chance, result_summary="7 Rechnungen")
    take_in(shared, there)
    found: list[UUID] = []
    cursor = None
    while True:
        page = page_of(shared, account, PageRequest(7, cursor), query)
        found += [row.job_id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        take_in(shared, reported(account, 3, chance, result_summary="new Rechnungen", spread=60 * SECOND))
    assert len(found) == len(set(found)), "none twice"
    assert {job.originator_id for job in there} <= set(found), "none left out"


def test_who_is_assigned_many_processes_sees_the_jobs_of_those(shared: World) -> None:
    account = uuid4()
    jobs = reported(account, 20, seeded_random())
    take_in(shared, jobs)
    streams = {process_id(account, FLOWS[0]), *(uuid4() for _ in range(ONE_BY_ONE_MAX))}
    found = whole(shared, account, 3, process_ids=frozenset(streams))
    assert {row.job_id for row in found} == expected(jobs, process_ids=frozenset(streams))


def test_a_word_that_only_jobs_of_long_ago_have_is_found(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERY_STEP.items():
        monkeypatch.setattr(job_search, name, value)
    account = uuid4()
    chance = seeded_random()
    old = reported(account, 20, chance, tags=["once"])
    new = reported(account, 40, chance, tags=["now"], spread=timedelta(days=2))
    take_in(shared, [*new, *old])
    assert {row.job_id for row in whole(shared, account, 6, "once")} == {job.originator_id for job in old}


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("INV-2024/0042", True),
        ("(inv-2024/0042),", True),
        ("inv-2024", False),
        ("0042", False),
        ("grosse KOLN", True),
        ("Größe köln", True),
        ("koln other", False),
        ("kol", False),
        ("month-end", True),
        ("UIP17", True),
        ("ﬁne", True),
        ("请求", True),
        ("🤖", True),
        ("...", False),
    ],
)
def test_a_job_is_found_by_whole_words_whatever_their_case_and_accents(
    shared: World, query: str, *, is_found: bool
) -> None:
    account = uuid4()
    details = [{"sequence_no": 1, "status": "success", "record_id": "INV-2024/0042"}]
    fields: dict[str, Any] = {
        "external_id": "UIP17",
        "tags": ["Month-End"],
        "result_summary": "Größe: »Köln«, fine. 请求 🤖",
    }
    take_in(shared, reported(account, 1, seeded_random(), details=details, **fields))
    assert len(whole(shared, account, 5, query)) == is_found


def test_the_words_of_one_account_are_never_those_of_another() -> None:
    one, other = uuid4(), uuid4()
    assert word_term(one, "invoice") == word_term(one, "invoice") != word_term(other, "invoice")


@pytest.mark.parametrize("query", ["", " ", "\n\u3000"])
def test_a_search_without_a_word_is_refused(shared: World, query: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        page_of(shared, uuid4(), PageRequest(), query)


def cursor_at(time: str, position: str) -> str:
    keys = ["jobs", "-received_at", time, position]
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "WyJqb2JzIiwibmFtZSJd",
        cursor_at("2026-03-10T12:00:00Z", "9" * 30),
        cursor_at("2026-03-10T12:00:00Z", "x"),
        cursor_at("0001-01-01T00:00:00+14:00", "1"),
    ],
)
@pytest.mark.parametrize("query", [None, "word"])
def test_what_is_no_cursor_of_this_list_is_refused(shared: World, cursor: str, query: str | None) -> None:
    with pytest.raises(BadCursorError):
        page_of(shared, uuid4(), PageRequest(5, cursor), query)


def test_details_come_in_pages_by_number_and_by_status(shared: World) -> None:
    account = uuid4()
    [job] = reported(account, 1, seeded_random(), details=details_of(1_050, failed_every=130))
    take_in(shared, [job])
    [head] = whole(shared, account, 1)
    for statuses in (None, {"success"}, {"failed"}, {"skipped"}, {"failed", "skipped"}, {"success", "failed"}):
        wanted = [detail for detail in job.details or [] if statuses is None or detail["status"] in statuses]
        for limit in (1 if statuses == {"failed"} else 37, 100, 200):
            assert details_in_pages(shared, head, limit, None if statuses is None else frozenset(statuses)) == wanted


def details_of(count: int, *, failed_every: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"sequence_no": 3 * number, "status": "success" if number % failed_every else "failed", **fields}
        for number in range(count)
    ]


def details_in_pages(world: World, job: JobHead, limit: int, statuses: frozenset[str] | None) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        items, cursor = list_details(
            world.database,
            account_id=job.account_id,
            position=job.position,
            page=PageRequest(limit, cursor),
            statuses=statuses,
        )
        found += items
        if cursor is None:
            return found
        assert len(items) == limit


def test_details_are_kept_by_the_hundred_and_long_ones_in_smaller_pieces(world: World) -> None:
    details = details_of(250, failed_every=7) + [
        {"sequence_no": 1000 + number, "status": "failed", "result": "x" * 10_000} for number in range(20)
    ]
    take_in(world, reported(uuid4(), 1, seeded_random(), details=details))
    rows = world.owner.execute("SELECT * FROM rpawatch_lists.job_details_v1 ORDER BY last_no").fetchall()
    counted = [row["success"] + row["failed"] + row["skipped"] for row in rows]
    assert sum(counted) == 270
    assert max(counted) == CHUNK_DETAILS_MAX
    assert max(len(row["details"]) for row in rows) <= CHUNK_BYTES_MAX + CHUNK_DETAILS_MAX + 1
    assert len(rows) <= 8


def test_a_job_of_as_many_details_as_there_may_be_is_found_by_each_of_them(world: World) -> None:
    account = uuid4()
    details = [
        {"sequence_no": number, "status": "success", "record_id": f"record {number}"} for number in range(DETAILS_MAX)
    ]
    [job] = reported(account, 1, seeded_random(), details=details)
    take_in(world, [job])
    for number in (0, DETAILS_MAX - 1):
        assert [row.job_id for row in whole(world, account, 5, f"Record {number}")] == [job.originator_id]
    [kept] = world.owner.execute("SELECT cardinality(terms) AS terms FROM rpawatch_lists.job_terms_v1").fetchall()
    assert DETAILS_MAX < kept["terms"] < WORDS_MAX
