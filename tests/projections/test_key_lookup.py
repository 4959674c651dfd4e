"""Keys are found by words of their names and by their prefixes; their uses are counted by the hour."""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.api_key import ApiKey
from domain.job import Job
from projections.keys import search as key_search
from projections.keys.queries import KEY_SORTS, KeyFilter, count_keys, list_keys
from projections.keys.uses import UseRow, uses_of_keys
from projections.keys.words import WORDS_ASKED_MAX, words_asked, words_of
from projections.paging import PageRequest, sort_name
from projections.processes.jobs import jobs_of_processes
from projections.processes.listing import PROCESS_LIST
from tests.projections.histories import Histories, events_of
from tests.support.clock import NOON
from tests.support.effort import seeded_random
from tests.support.examples import cause

if TYPE_CHECKING:
    from datetime import tzinfo

    from projections.keys.listing import KeyRow
    from tests.projections.support import World

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS = get_args(Form)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PREFIXES = {"Invoice Processing Bot": "AbCdEfGh", "SAP, Rechnungen (Müller & Söhne)": "a1b2c3d4", "请款": "ZZZZZZZZ"}


def new_key(account_id: UUID, name: str, prefix: str = "AbCdEfGh", **fields: Any) -> ApiKey:
    given = {"flow_id": None, "expires_at": None, "limit": 10_000, **fields}
    return ApiKey.create(cause(NOON), key_id=uuid4(), account_id=account_id, name=name, prefix=prefix, **given)


@pytest.fixture
def account(shared: World) -> UUID:
    """An account with keys of the names in PREFIXES."""
    account_id = uuid4()
    take_in(shared, *(new_key(account_id, name, prefix) for name, prefix in PREFIXES.items()))
    return account_id


def take_in(world: World, *keys: ApiKey) -> None:
    world.append([event for key in keys for event in events_of(key)])
    world.wait_for_all()


def listed(world: World, account_id: UUID, now: datetime = NOON, sort: str | None = None, **only: Any) -> list[KeyRow]:
    found: list[KeyRow] = []
    cursor = None
    while True:
        page = list_keys(
            world.database,
            account_id=account_id,
            page=PageRequest(3, cursor, sort),
            now=now,
            only=KeyFilter(**only),
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def found(world: World, account_id: UUID, text: str) -> set[str]:
    return {row.name for row in listed(world, account_id, search=text)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("invoice", "Invoice Processing Bot"),
        ("INV", "Invoice Processing Bot"),
        ("bot inv", "Invoice Processing Bot"),
        ("Processing", "Invoice Processing Bot"),
        ("AbCd", "Invoice Processing Bot"),
        ("AbCdEfGh", "Invoice Processing Bot"),
        ("rpakey_AbCdEfGh…", "Invoice Processing Bot"),
        ("rpakey_AbCdEfGh0123456789", "Invoice Processing Bot"),
        ("muller", "SAP, Rechnungen (Müller & Söhne)"),
        ("söhne, sap", "SAP, Rechnungen (Müller & Söhne)"),
        ("a1b2c3d4", "SAP, Rechnungen (Müller & Söhne)"),
        ("请", "请款"),
    ],
)
def test_each_word_begins_a_word_of_the_name_or_the_prefix(shared: World, account: UUID, text: str, name: str) -> None:
    assert found(shared, account, text) == {name}


@pytest.mark.parametrize("text", ["voice", "invoices", "inv sap", "abcdefgh", "---", "%", "_", "bots bot"])
def test_what_begins_no_word_finds_nothing(shared: World, account: UUID, text: str) -> None:
    assert found(shared, account, text) == set()


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ({}, {"forever", "ends", "ended"}),
        ({"active": True}, {"forever", "ends"}),
        ({"active": False}, {"ended"}),
        ({"active": True, "ends_before": NOON + 3 * DAY}, {"ends"}),
        ({"active": True, "ends_before": NOON + 2 * DAY}, set()),
        ({"search": "end"}, {"ends", "ended"}),
        ({"search": "none"}, set()),
    ],
)
def test_keys_are_counted_as_they_are_listed_up_to_a_bound(
    shared: World, only: dict[str, Any], names: set[str]
) -> None:
    account_id = uuid4()
    ends = [("forever", None), ("ends", NOON + 2 * DAY), ("ended", NOON + HOUR)]
    take_in(shared, *(new_key(account_id, name, expires_at=at) for name, at in ends))
    now = NOON + 2 * HOUR
    assert {row.name for row in listed(shared, account_id, now, **only)} == names

    def count(most: int) -> int:
        return count_keys(shared.database, account_id=account_id, now=now, only=KeyFilter(**only), most=most)

    assert (count(10), count(1)) == (len(names), min(1, len(names)))


def test_a_key_is_found_by_its_name_as_it_is_and_no_more_by_the_one_before(shared: World) -> None:
    account_id = uuid4()
    key = new_key(account_id, "First Second")
    take_in(shared, key)
    key.change(cause(NOON + HOUR), name="Second Third")
    take_in(shared, key)
    assert found(shared, account_id, "first") == set()
    assert found(shared, account_id, "second third AbCd") == {"Second Third"}


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_word_of_a_name_finds_it(name: str, other: str) -> None:
    words = words_of(name)
    assert words == list(dict.fromkeys(words))
    for in_name, _ in words_asked(name):
        assert any(word.startswith(in_name) for word in words)
    assert len(words_asked(other)) <= WORDS_ASKED_MAX


def test_every_character_finds_the_name_that_has_it() -> None:
    characters = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF]
    # The others stand for themselves wherever they are.
    told = (char for char in characters if not char.isalnum() or unicodedata.normalize("NFKD", char) != char)
    for name in (f"a{char}0" for char in told if unicodedata.category(char) not in {"Cn", "Co"}):
        words = words_of(name)
        lost = [asked for asked, _ in words_asked(name) if not any(word.startswith(asked) for word in words)]
        assert not lost, ascii(name)


@given(st.text(max_size=50), st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_a_name_in_one_normal_form_is_found_by_every_other(name: str, stored: Form, asked: Form) -> None:
    words = words_of(unicodedata.normalize(stored, name))
    assert words == words_of(name)
    for in_name, _ in words_asked(unicodedata.normalize(asked, name)):
        assert any(word.startswith(in_name) for word in words)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Müller", "mu\u0308ller"),
        ("Mu\u0308ller", "Müll"),
        ("Mu\u0308ller", "muller"),
        ("हिन्दी रिपोर्ट", "हिन्दी"),
        ("ใบแจ้งหนี้ รายเดือน", "ใบแจ้งหนี้"),
        ("فَاتُورَة شهرية", "فَاتُورَة"),
        ("فَاتُورَة شهرية", "فاتورة"),
        ("חֶשְׁבּוֹן", "חשבון"),
        ("ガス料金", "ｶﾞｽ"),
        ("நாள் அறிக்கை", "அறிக்கை"),
        ("송장 처리", "송장"),
        ("Rech\u00adnung", "Rechnung"),
        ("می\u200cخواهم", "میخواهم"),
        ("½ Tag", "½"),
        ("Robot №7", "№7"),
        ("SAP™", "sap™"),
        ("Ⓐ0 ℡", "ⓐ0 tel"),
        ("Nightly 🤖", "🤖"),
        ("---", "---"),
    ],
)
def test_a_word_of_any_script_finds_the_key(shared: World, name: str, asked: str) -> None:
    account_id = uuid4()
    take_in(shared, new_key(account_id, name), new_key(account_id, "हिसाब ใบเสร็จ فاتحة Miller カス 송"))
    assert found(shared, account_id, asked) == {name}


def test_filters_together_leave_what_meets_all_of_them(shared: World) -> None:
    account_id, flow_id = uuid4(), uuid4()
    scoped, used, ended, expired, plain = keys = [
        new_key(account_id, "Scoped", flow_id=flow_id),
        new_key(account_id, "Used"),
        new_key(account_id, "Ended"),
        new_key(account_id, "Expired", expires_at=NOON + HOUR),
        new_key(account_id, "Plain"),
    ]
    used.use(cause(NOON + 40 * DAY), "accepted")
    ended.deactivate(cause(NOON + HOUR))
    take_in(shared, *keys)
    now = NOON + 50 * DAY

    def names(**only: Any) -> set[str]:
        return {row.name for row in listed(shared, account_id, now, **only)}

    assert names() == {"Scoped", "Used", "Ended", "Expired", "Plain"}
    assert names(active=True) == {"Scoped", "Used", "Plain"}
    assert names(active=False) == {"Ended", "Expired"}
    assert names(flow_ids={flow_id}) == {"Scoped"}
    assert names(flow_ids={uuid4()}) == set()
    assert names(unused_since=now - 30 * DAY, active=True) == {"Scoped", "Plain"}
    assert names(unused_since=now - 60 * DAY) == set()
    assert names(active=True, search="pl") == {"Plain"}
    # Time passes, and nothing happens.
    assert {row.name for row in listed(shared, account_id, NOON + HOUR / 2, active=True)} == {
        row.name for row in (scoped, used, expired, plain)
    }


@pytest.mark.parametrize("sort", KEY_SORTS)
def test_every_order_in_pages_is_right(shared: World, sort: str) -> None:
    chance = seeded_random()
    account_id = uuid4()
    keys = []
    for number in range(20):
        expires_at = chance.choice([None, NOON + (number % 5 + 1) * DAY])
        key = new_key(account_id, chance.choice(["Same", "ähnlich", "Other"]), expires_at=expires_at)
        for _ in range(chance.choice([0, 1])):
            key.use(cause(NOON + chance.randrange(5) * HOUR), "accepted")
        keys.append(key)
    take_in(shared, *keys)
    rows = listed(shared, account_id, sort=sort)
    assert {row.key_id for row in rows} == {key.id for key in keys}

    def place(row: KeyRow) -> tuple[Any, UUID]:
        values = {
            "name": sort_name(row.name),
            "created_at": row.created_at,
            "last_used_at": row.last_used_at or _least(UTC),
            "expires_at": row.expires_at or datetime.max.replace(tzinfo=UTC),
        }
        return values[sort.lstrip("-")], row.key_id

    assert rows == sorted(rows, key=place, reverse=sort.startswith("-"))


def _least(zone: tzinfo) -> datetime:
    return datetime.min.replace(tzinfo=zone)


def test_uses_are_counted_in_the_hour_in_which_they_were_by_what_came_of_them(shared: World) -> None:
    account_id = uuid4()
    key, other = new_key(account_id, "Key"), new_key(uuid4(), "Other")
    expected: Counter[tuple[datetime, str]] = Counter()
    chance = seeded_random()
    at = NOON
    for _ in range(200):
        at += timedelta(minutes=chance.randrange(30))
        outcome = chance.choice(["accepted", "replayed", "rejected"])
        key.use(cause(at), outcome)  # type: ignore[arg-type] # one of them
        expected[at.replace(minute=0, second=0, microsecond=0), outcome] += 1
        if chance.random() < 0.1:
            key.throttle(cause(at))
            if isinstance(key.pending_events[-1], ApiKey.Throttled):
                expected[at.replace(minute=0, second=0, microsecond=0), "throttled"] += 1
        if chance.random() < 0.1:
            take_in(shared, key)
    take_in(shared, key, other)

    def shown(asked: UUID, since: datetime, until: datetime) -> list[UseRow]:
        ids = [key.id, other.id]
        return uses_of_keys(shared.database, account_id=asked, key_ids=ids, since=since, until=until)

    rows = shown(account_id, NOON, at + HOUR)
    assert {
        (row.hour, name): getattr(row, name)
        for row in rows
        for name in ("accepted", "replayed", "rejected", "throttled")
        if getattr(row, name)
    } == dict(expected)
    assert {row.key_id for row in rows} == {key.id}
    assert shown(uuid4(), NOON, at + HOUR) == []
    assert [row.hour for row in shown(account_id, NOON, NOON + HOUR)] == [NOON]


def test_a_process_shows_the_job_that_was_reported_last_and_how_many_were(world: World) -> None:
    events = list(Histories(seeded_random()).events(600))
    for start in range(0, len(events), 50):
        world.append(events[start : start + 50])
    world.follow()
    world.wait_for_all()
    last = {(event.account_id, event.flow_id): event for event in events if isinstance(event, Job.Reported)}
    counts = Counter((event.account_id, event.flow_id) for event in events if isinstance(event, Job.Reported))
    processes = world.rows(PROCESS_LIST).values()
    assert last
    for row in processes:
        known = jobs_of_processes(world.database, account_id=row.account_id, process_ids=[row.process_id])
        job = last.get((row.account_id, row.flow_id))
        if job is None:
            assert known == {}
        else:
            shown = known[row.process_id]
            assert (shown.last_job_id, shown.last_job_status) == (job.originator_id, job.status)
            assert (shown.last_job_at, shown.jobs) == (job.timestamp, counts[row.account_id, row.flow_id])


@pytest.mark.parametrize(("few", "many"), [(1_000, 20_000), (0, 20_000), (0, 0)])
def test_however_many_keys_a_word_has_the_same_are_found(
    shared: World, account: UUID, monkeypatch: pytest.MonkeyPatch, few: int, many: int
) -> None:
    monkeypatch.setattr(key_search, "FEW", few)
    monkeypatch.setattr(key_search, "MANY", many)
    for text, name in (("inv bot", "Invoice Processing Bot"), ("sap", "SAP, Rechnungen (Müller & Söhne)")):
        assert found(shared, account, text) == {name}
    assert found(shared, account, "inv sap") == set()
