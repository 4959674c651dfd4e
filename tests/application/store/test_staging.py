"""The states of large events: staged before the append, which takes them as they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from application.store.errors import ConflictError
from application.store.log.recorder import EventRecorder
from application.store.staging import StagedStates, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.store.database import Database

COMPRESSIBLE = b'{"v":1,"text":"' + b"again and again, " * 60_000 + b'"}'


@pytest.fixture
def staged(database: Database) -> StagedStates:
    return StagedStates(database)


@pytest.fixture
def recorder(database: Database) -> EventRecorder:
    return EventRecorder(database)


def pieces(state: bytes, size: int = 100_000) -> Iterator[bytes]:
    for start in range(0, len(state), size):
        yield state[start : start + size]


def waiting(url: str) -> list[UUID]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM rpawatch.staged_states")]


def test_an_event_gets_the_state_that_is_staged_for_it_and_others_their_own(
    staged: StagedStates, recorder: EventRecorder, database_url: str
) -> None:
    id_ = staged.put(len(COMPRESSIBLE), pieces(COMPRESSIBLE)).id
    assert waiting(database_url) == [id_]
    large, small = StoredEvent(uuid4(), 1, "a.topic", token_of(id_)), StoredEvent(uuid4(), 1, "a.topic", b'{"v":1}')
    recorder.append([large, small], {})
    [found] = recorder.select_events(large.originator_id)
    assert found.state == COMPRESSIBLE
    assert recorder.select_events(small.originator_id) == [small]
    assert waiting(database_url) == []


def test_what_was_compressed_when_it_was_staged_is_not_compressed_again_in_the_append(
    staged: StagedStates, recorder: EventRecorder, database_url: str
) -> None:
    id_ = staged.put(len(COMPRESSIBLE), pieces(COMPRESSIBLE)).id
    with psycopg.connect(database_url) as connection:
        size = "SELECT pg_column_size(state) FROM rpawatch."
        [before] = connection.execute(f"{size}staged_states WHERE id = %s".encode(), (id_,)).fetchone() or ()
        event = StoredEvent(uuid4(), 1, "a.topic", token_of(id_))
        recorder.append([event], {})
        [after] = (
            connection.execute(f"{size}events WHERE originator_id = %s".encode(), (event.originator_id,)).fetchone()
            or ()
        )
    assert before == after < len(COMPRESSIBLE) / 10


def test_what_can_not_be_compressed_is_known_to_keep_others_out_for_longer(staged: StagedStates) -> None:
    random_bytes = os.urandom(len(COMPRESSIBLE))
    hard = staged.put(len(random_bytes), pieces(random_bytes))
    easy = staged.put(len(COMPRESSIBLE), pieces(COMPRESSIBLE))
    assert hard.lock_seconds > 20 * easy.lock_seconds > 0
    for one in (hard, easy):
        staged.remove(one.id)


def test_an_append_of_what_is_not_staged_any_more_appends_nothing(
    staged: StagedStates, recorder: EventRecorder
) -> None:
    id_ = staged.put(3, [b"abc"]).id
    staged.remove(id_)
    large, small = StoredEvent(uuid4(), 1, "a.topic", token_of(id_)), StoredEvent(uuid4(), 1, "a.topic", b'{"v":1}')
    with pytest.raises(ConflictError):
        recorder.append([small, large], {})
    assert recorder.select_events(small.originator_id) == recorder.select_events(large.originator_id) == []


def test_what_breaks_off_is_not_staged(staged: StagedStates, database_url: str) -> None:
    def broken() -> Iterator[bytes]:
        yield COMPRESSIBLE[:500_000]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        staged.put(len(COMPRESSIBLE), broken())
    assert waiting(database_url) == []
    staged.remove(staged.put(len(COMPRESSIBLE), pieces(COMPRESSIBLE)).id)
    assert waiting(database_url) == []


def test_what_a_process_that_died_has_left_is_removed_when_the_next_one_comes(
    staged: StagedStates, database_url: str
) -> None:
    old, new = staged.put(3, [b"old"]).id, staged.put(3, [b"new"]).id
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE rpawatch.staged_states SET staged_at = now() - interval '2 hours' WHERE id = %s", (old,)
        )
    latest = staged.put(3, [b"abc"]).id
    assert set(waiting(database_url)) == {new, latest}
    for id_ in (new, latest):
        staged.remove(id_)
