"""The log: appended to all or none, in order, and read back as it was written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from application.store.errors import ConflictError
from application.store.log.following import CHANNEL
from application.store.log.reading import LoggedEvent, read_range
from application.store.log.recorder import Appended, AppendGroup, EventRecorder, SnapshotRecorder
from tests.support.effort import effort
from tests.support.running import log_after

if TYPE_CHECKING:
    from application.store.database import Database


@pytest.fixture
def recorder(database: Database) -> EventRecorder:
    return EventRecorder(database)


def row(stream: UUID, version: int = 1, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(stream, version, "a.topic", state)


def rows(number: int) -> list[StoredEvent]:
    return [row(uuid4(), state=b"\x00\xff%d" % place) for place in range(number)]


def test_events_come_back_as_they_were_appended_and_in_that_order(recorder: EventRecorder) -> None:
    before = recorder.last_position()
    appended = rows(5)
    position = recorder.append(appended, {})
    assert log_after(recorder.database, before) == [
        LoggedEvent(position - 4 + place, UUID(str(one.originator_id)), one.originator_version, one.topic, one.state)
        for place, one in enumerate(appended)
    ]
    for one in appended:
        assert recorder.select_events(one.originator_id) == [one]


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024])
def test_any_bytes_can_be_kept(recorder: EventRecorder, size: int) -> None:
    event = row(uuid4(), state=bytes(range(256)) * (size // 256) if size > 1 else b"\x00" * size)
    recorder.append([event], {})
    assert recorder.select_events(event.originator_id) == [event]


def test_a_version_that_is_taken_refuses_the_whole_append(recorder: EventRecorder) -> None:
    stream, other, before = uuid4(), uuid4(), recorder.append(rows(1), {})
    recorder.append([row(stream)], {})
    with pytest.raises(ConflictError):
        recorder.append([row(other), row(stream, state=b"other")], {})
    assert recorder.select_events(other) == []
    assert recorder.select_events(stream) == [row(stream)]
    assert recorder.last_position() == before + 1


def test_a_stream_that_was_read_and_has_gone_on_refuses_the_append(recorder: EventRecorder) -> None:
    read, stream = uuid4(), uuid4()
    recorder.append([row(read), row(read, 2)], {})
    for version in (0, 1):
        with pytest.raises(ConflictError):
            recorder.append([row(stream)], {read: version})
    assert recorder.select_events(stream) == []
    recorder.append([row(stream)], {read: 2, uuid4(): 0})
    assert recorder.select_events(stream) == [row(stream)]


def test_which_streams_are_not_at_the_version_given_is_told(recorder: EventRecorder) -> None:
    moved, still, absent = uuid4(), uuid4(), uuid4()
    recorder.append([row(moved), row(moved, 2), row(still)], {})
    assert recorder.stale({moved: 1, still: 1, absent: 0}) == {moved}
    assert recorder.stale({moved: 0, still: 0, absent: 0}) == {moved, still}
    assert recorder.stale({moved: 3, still: 2, absent: 1}) == {moved, still, absent}
    assert recorder.stale({}) == set()


def test_an_append_that_would_leave_a_gap_is_refused(recorder: EventRecorder) -> None:
    stream = uuid4()
    recorder.append([row(stream)], {})
    with pytest.raises(ConflictError):
        recorder.append([row(stream, 3)], {})
    assert recorder.select_events(stream) == [row(stream)]


def test_groups_that_are_based_on_something_stale_are_left_out_and_the_others_are_not(recorder: EventRecorder) -> None:
    gone_on, new, other, read = uuid4(), uuid4(), uuid4(), uuid4()
    before = recorder.append([row(gone_on), row(gone_on, 2), row(read)], {})
    streams = [(new, 0), (read, 1), (gone_on, 1), (other, 0)]
    groups = [
        AppendGroup([row(new)], {0, 1}),
        AppendGroup([row(gone_on, 2), row(other)], {2, 3}),
        AppendGroup([], {2}),
        AppendGroup([], {1}),
    ]
    appended = recorder.append_groups(groups, streams)
    assert appended == Appended(before + 1, frozenset({1, 2}), frozenset({gone_on}))
    assert recorder.select_events(new) == [row(new)]
    assert recorder.select_events(other) == []
    assert len(list(recorder.select_events(gone_on))) == 2


def test_nothing_is_appended_when_every_group_is_refused(recorder: EventRecorder) -> None:
    stream, before = uuid4(), recorder.last_position()
    appended = recorder.append_groups([AppendGroup([row(stream, 2)], {0})], [(stream, 1)])
    assert appended == Appended(0, frozenset({0}), frozenset({stream}))
    assert recorder.last_position() == before


def test_what_came_later_is_read_for_many_streams_at_once(recorder: EventRecorder) -> None:
    one, two, still = uuid4(), uuid4(), uuid4()
    recorder.append([row(one), row(two), row(still), row(one, 2), row(one, 3), row(two, 2)], {})
    later = recorder.select_later({one: 1, two: 0, still: 1, uuid4(): 0}, limit=2)
    by_stream = {stream: [found for found in later if found.originator_id == stream] for stream in (one, two, still)}
    assert by_stream == {one: [row(one, 2), row(one, 3)], two: [row(two), row(two, 2)], still: []}
    assert recorder.select_later({one: 0}, limit=1) == [row(one)]


def test_whether_an_event_is_in_the_log_is_a_matter_of_its_bytes(recorder: EventRecorder) -> None:
    event = row(uuid4(), state=b"mine")
    assert not recorder.has(event)
    recorder.append([event], {})
    assert recorder.has(event)
    assert not recorder.has(row(UUID(str(event.originator_id)), state=b"another's"))
    assert not recorder.has(row(UUID(str(event.originator_id)), 2, state=b"mine"))


def test_a_stream_is_read_in_part_and_backwards(recorder: EventRecorder) -> None:
    stream = uuid4()
    recorder.append([row(stream, version) for version in range(1, 8)], {})

    def versions(**kwargs: Any) -> list[int]:
        return [one.originator_version for one in recorder.select_events(stream, **kwargs)]

    assert versions() == [1, 2, 3, 4, 5, 6, 7]
    assert versions(gt=2, lte=5) == [3, 4, 5]
    assert versions(desc=True, limit=2) == [7, 6]
    assert versions(gt=7) == []
    assert versions(lte=0) == []
    assert versions(limit=0) == []


def test_the_log_is_read_in_part_by_topic_and_by_kind(recorder: EventRecorder) -> None:
    before = recorder.last_position()
    kinds = ["a_kind", "a_kind", "akind"]
    end = recorder.append([StoredEvent(uuid4(), 1, f"{kind}.{n}", b"") for n in range(2) for kind in kinds], {})

    def read(after: int = 0, until: int = 6, limit: int = 10, **of: Any) -> tuple[list[int], int]:
        with recorder.database.get_connection() as connection:
            found, reached = read_range(connection, after=before + after, until=before + until, limit=limit, **of)
        return [one.position - before for one in found], reached - before

    assert end == before + 6
    assert read() == ([1, 2, 3, 4, 5, 6], 6)
    assert read(limit=2) == ([1, 2], 2)
    assert read(1, 4) == ([2, 3, 4], 4)
    assert read(6) == ([], 6)
    assert read(topics=["a_kind.1", "akind.0"]) == ([3, 4, 5], 6)
    assert read(topics=["a_kind.0"], limit=1) == ([1], 1)
    assert read(topics=[]) == ([], 6)
    assert read(kind="a_kind") == ([1, 2, 4, 5], 6)


def test_whoever_listens_hears_that_the_log_has_grown(recorder: EventRecorder, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}".encode())
        recorder.append(rows(1), {})
        heard = list(listener.notifies(timeout=10, stop_after=1))
    assert [notify.channel for notify in heard] == [CHANNEL]


def test_writers_of_many_connections_leave_no_gap_in_a_batch(recorder: EventRecorder) -> None:
    def append(_: int) -> int:
        return recorder.append(rows(3), {})

    before = recorder.last_position()
    with ThreadPoolExecutor(8) as threads:
        positions = list(threads.map(append, range(effort(60, 2_000))))
    found = log_after(recorder.database, before)
    assert len(found) == 3 * len(positions)
    batches = [found[place : place + 3] for place in range(0, len(found), 3)]
    for batch in batches:
        assert [one.state[2:] for one in batch] == [b"0", b"1", b"2"]
        assert batch[-1].position - batch[0].position == 2
    assert sorted(positions) == [batch[-1].position for batch in batches]


def test_a_snapshot_that_is_kept_twice_stays_as_it_is(database: Database) -> None:
    snapshots, stream = SnapshotRecorder(database), uuid4()
    snapshots.insert_events([row(stream, 500, b"first")])
    snapshots.insert_events([row(stream, 500, b"second"), row(stream, 1000, b"later")])
    assert [one.state for one in snapshots.select_events(stream, desc=True, limit=1)] == [b"later"]
    assert [one.state for one in snapshots.select_events(stream)] == [b"first", b"later"]
