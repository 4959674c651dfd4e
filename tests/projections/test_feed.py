"""Batches are made ready while others are stored, and none of it shows in what comes of them."""

from __future__ import annotations

import threading
import weakref
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from domain.account import Account
from projections import feed as feed_module
from projections.accounts import ACCOUNT_LIST
from projections.feed import Feed
from projections.schema import create_tables
from projections.tracking import read_progress
from tests.projections.histories import TENANT, events_of
from tests.projections.support import SeenPositions
from tests.support.examples import cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from application.store.log.reading import LoggedEvent, Recorded
    from application.store.session import Connection
    from domain.model import Event
    from projections.read_model import BatchWriter, ReadModel
    from tests.projections.support import World

TOPICS = frozenset({Account.Opened.TOPIC})
BATCH = 10
WAIT_SECONDS_MAX = 10.0


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "BATCH_EVENTS_MAX", BATCH)
    monkeypatch.setattr(feed_module, "DECODED_AT_ONCE", 3)


@pytest.fixture
def seen(world: World) -> SeenPositions:
    """A read model with a table, and 95 events that it is to see."""
    model = SeenPositions(TOPICS)
    create_tables(world.owner, [model])
    world.append([event for _ in range(95) for event in events_of(an_account())])
    return model


@pytest.fixture
def connection(world: World) -> Iterator[Connection]:
    """A projector's own."""
    with closing(world.connect()) as connection:
        connection.autocommit = True
        yield connection


def an_account() -> Account:
    return Account.open(cause(), account_id=uuid4(), tenant_id=TENANT, name="Account")


def refuse(model: ReadModel, entry: LoggedEvent, error: Exception) -> None:
    raise AssertionError(f"{model.name} at {entry.position}") from error


def go_on(feed: Feed, models: Sequence[ReadModel], connection: Connection) -> bool:
    """Bring models one batch further, and return whether they are still behind."""
    progress = read_progress(connection, models)
    return feed.advance(models, progress.position, progress.log_position) < progress.log_position


@dataclass
class Met(SeenPositions):
    """A read model that waits, while it is being stored, until the next batch has begun to be made ready."""

    stored: int = 0
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def batch_writer(self) -> BatchWriter:
        self.begun.release()
        return super().batch_writer()

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        assert self.begun.acquire(timeout=WAIT_SECONDS_MAX), "its own"
        if self.stored < 9:
            assert self.begun.acquire(timeout=WAIT_SECONDS_MAX), "the next batch was not begun meanwhile"
            self.begun.release()
        self.stored += 1
        super().apply(connection, events)


def test_a_batch_is_made_ready_while_the_one_before_it_is_stored(
    world: World, seen: SeenPositions, connection: Connection
) -> None:
    model = Met(TOPICS)
    feed = Feed(connection, world.decode, refuse)
    while go_on(feed, [model], connection):
        pass
    assert model.stored == 10
    assert model.given == sorted(seen.kept(world.owner)) == list(range(1, 96))


class Forgetful(SeenPositions):
    """A read model that keeps nothing of the events that it is given until it is stored but their positions."""

    def batch_writer(self) -> Positions:
        return Positions(self, [])


@dataclass
class Positions:
    model: Forgetful
    added: list[int]

    def add(self, events: Sequence[Recorded]) -> None:
        self.added += [recorded.position for recorded in events]

    def store(self, connection: Connection) -> None:
        del connection
        self.model.given += self.added


@pytest.mark.usefixtures("seen")
def test_a_large_event_is_decoded_when_the_one_before_it_is_gone(
    world: World, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "DECODED_BYTES_AT_ONCE", 1)
    alive: weakref.WeakSet[Event] = weakref.WeakSet()
    most = 0

    def decode(entry: LoggedEvent) -> Event:
        nonlocal most
        event = world.decode(entry)
        alive.add(event)
        most = max(most, len(alive))
        return event

    model = Forgetful(TOPICS)
    feed = Feed(connection, decode, refuse)
    while go_on(feed, [model], connection):
        pass
    assert (model.given, most) == (list(range(1, 96)), 1)


def test_each_event_is_decoded_once_whoever_else_is_behind(
    world: World, seen: SeenPositions, connection: Connection
) -> None:
    decoded: list[int] = []

    def decode(entry: LoggedEvent) -> object:
        decoded.append(entry.position)
        return world.decode(entry)

    other = SeenPositions(TOPICS, name=ACCOUNT_LIST.name)
    feed = Feed(connection, decode, refuse)  # type: ignore[arg-type] # returns what the world's does
    go_on(feed, [seen], connection)
    models = [seen, other]
    while any(len(model.given) < 95 for model in models):
        for model in models:
            go_on(feed, [model], connection)
    assert seen.given == other.given == list(range(1, 96))
    assert sorted(decoded) == sorted(2 * list(range(1, 96)))


def test_what_was_made_ready_for_one_alone_is_not_given_to_two(
    world: World, seen: SeenPositions, connection: Connection
) -> None:
    feed = Feed(connection, world.decode, refuse)
    other = SeenPositions(TOPICS, name=ACCOUNT_LIST.name)
    go_on(feed, [seen], connection)
    go_on(feed, [other], connection)
    while go_on(feed, [seen, other], connection):
        pass
    assert seen.given == other.given == list(range(1, 96))


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 19, 20, 94])
@pytest.mark.parametrize("fails_at", ["decoding", "adding", "storing"])
def test_a_bad_event_is_found_wherever_it_stands(
    world: World, seen: SeenPositions, connection: Connection, number: int, fails_at: str
) -> None:
    bad = number + 1
    found: list[int] = []

    def fail_at(step: str, positions: Sequence[int]) -> None:
        if step == fails_at and bad in positions:
            raise ValueError(step)

    @dataclass
    class Picky(SeenPositions):
        def batch_writer(self) -> BatchWriter:
            writer = super().batch_writer()
            add = writer.add

            def picky_add(events: Sequence[Recorded]) -> None:
                fail_at("adding", [recorded.position for recorded in events])
                add(events)

            writer.add = picky_add  # type: ignore[method-assign] # one that fails
            return writer

        def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
            fail_at("storing", [recorded.position for recorded in events])
            super().apply(connection, events)

    def decode(entry: LoggedEvent) -> object:
        fail_at("decoding", [entry.position])
        return world.decode(entry)

    model = Picky(TOPICS)
    feed = Feed(connection, decode, lambda _, entry, __: found.append(entry.position))  # type: ignore[arg-type] # as above
    while go_on(feed, [model], connection):
        pass
    assert found == [bad]
    assert model.given == [position for position in range(1, 96) if position != bad]
    assert sorted(seen.kept(world.owner)) == model.given


def test_a_batch_that_the_database_could_not_store_is_made_ready_anew(
    world: World, seen: SeenPositions, connection: Connection
) -> None:
    feed = Feed(connection, world.decode, refuse)
    go_on(feed, [seen], connection)
    pid = connection.info.backend_pid
    world.owner.execute("SELECT pg_terminate_backend(%s)", (pid,))
    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        go_on(feed, [seen], connection)
    with closing(world.connect()) as another:
        another.autocommit = True
        feed = Feed(another, world.decode, refuse)
        while go_on(feed, [seen], another):
            pass
        assert sorted(seen.kept(another)) == list(range(1, 96))
