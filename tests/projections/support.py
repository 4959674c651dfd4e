"""A database with an application and projectors on it, and what the read models should show."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from psycopg import sql

from application.store.database import PROJECTOR_ROLE, STATEMENT_SECONDS_MAX, Database, connect
from domain.account import AccountState
from domain.api_key import KeyState
from domain.ids import process_id
from domain.job import Job
from domain.member import MemberState
from domain.process import ProcessState
from projections.accounts import ACCOUNT_LIST
from projections.events_writer import EventsWriter
from projections.jobs.details import JOB_DETAILS
from projections.jobs.listing import JOB_LIST
from projections.keys.listing import KEY_LIST
from projections.members import MEMBER_LIST
from projections.processes.listing import PROCESS_LIST
from projections.projector import Projector
from projections.read_models import READ_MODELS
from projections.tracking import position, wait_for
from tests.support.clock import FakeClock
from tests.support.running import application_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    from application.store.log.reading import Recorded
    from application.store.session import Connection
    from projections.read_model import BatchWriter, Connect, Decode, ReadModel
    from projections.stream_table import StreamTable

# A fresh log in every database, and the lock of projectors is the only one of this kind that a session holds.
_PROJECTORS = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid <> 0 AND datname = current_database()
"""


@dataclass
class SeenPositions:
    """A read model of the positions that it was given: in memory in the order of being given, and in its table.

    What is applied twice is there twice; the lists would look the same.
    """

    topics: frozenset[str]
    name: str = "seen_positions_v1"
    fence: tuple[str, ...] = ()
    key: tuple[str, ...] = ("position",)
    given: list[int] = field(default_factory=list)

    def named(self, name: str) -> SeenPositions:
        return replace(self, name=name)

    def ddl(self) -> sql.Composed:
        return sql.SQL("CREATE TABLE rpawatch_lists.seen_positions_v1 (position bigint NOT NULL)").format()

    def batch_writer(self) -> BatchWriter:
        return EventsWriter(self)

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        positions = [recorded.position for recorded in events]
        connection.execute("INSERT INTO rpawatch_lists.seen_positions_v1 SELECT unnest(%s::bigint[])", (positions,))
        self.given += positions

    def kept(self, connection: Connection) -> list[int]:
        return [row["position"] for row in connection.execute("SELECT position FROM rpawatch_lists.seen_positions_v1")]


class World:
    """A database. Arrange with `execute` and `append`, start projectors, and look at what came of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        self.application = application_on(self.database, FakeClock())
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.database.open()
        self._stack.callback(self.database.close)
        self.owner = self._stack.enter_context(connect(self.url))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connect(self) -> Connection:
        """Open a connection as the composition root does for a projector."""
        return connect(self.url, role=PROJECTOR_ROLE, statement_seconds_max=STATEMENT_SECONDS_MAX)

    @property
    def decode(self) -> Decode:
        """The application's own."""
        return self.application.event_sourcing.mapper.to_domain_event

    def append(self, events: Iterable[Any]) -> int:
        """Put events into the log, which nobody decided on; returns the position of the last one."""
        stored = [self.application.event_sourcing.mapper.to_stored_event(event) for event in events]
        return self.application.event_sourcing.recorder.append(stored, {})

    def put(self, event: Any) -> None:
        """Put an event into the log that no append takes: one whose stream has not come so far."""
        stored = self.application.event_sourcing.mapper.to_stored_event(event)
        with connect(self.url) as connection:
            connection.execute(
                "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
                (stored.originator_id, stored.originator_version, stored.topic, stored.state),
            )

    @contextmanager
    def following(
        self,
        models: Sequence[ReadModel] = READ_MODELS,
        *,
        decode: Decode | None = None,
        connect: Connect | None = None,
    ) -> Iterator[Projector]:
        """Run a projector for as long as the block."""
        projector = Projector(connect or self.connect, models, decode or self.decode)
        stop = threading.Event()
        thread = threading.Thread(target=projector.run, args=(stop,), name="projector")
        thread.start()
        try:
            yield projector
        finally:
            stop.set()
            thread.join(10)
            assert not thread.is_alive(), "a projector stops when it is told to"

    def follow(
        self,
        models: Sequence[ReadModel] = READ_MODELS,
        *,
        decode: Decode | None = None,
        connect: Connect | None = None,
    ) -> Projector:
        """Run a projector until the end of the test."""
        return self._stack.enter_context(self.following(models, decode=decode, connect=connect))

    def wait_for_all(self, models: Sequence[ReadModel] = READ_MODELS, *, seconds_max: float = 60) -> None:
        """Wait until the read models show all that is in the log now. The projector is told that somebody waits.

        seconds_max: a busy machine may take long, and no test is about how long.
        """
        end = self.application.position()
        assert wait_for(self.database, end, seconds_max, models), f"read models at position {end} in time"

    def shows(self, log_position: int, models: Sequence[ReadModel] = READ_MODELS) -> bool:
        """Return whether the read models show the log up to a position."""
        return position(self.database, models) >= log_position

    def working_backends(self) -> list[int]:
        """Return the server processes that hold the projectors' lock: one or none."""
        return [row["pid"] for row in self.owner.execute(_PROJECTORS)]

    def kill_projector(self) -> int:
        """End the connection of the projector that works, if one does; returns how many were ended."""
        return sum(
            row["pg_terminate_backend"]
            for pid in self.working_backends()
            for row in self.owner.execute("SELECT pg_terminate_backend(%s)", (pid,))
        )

    def rows(self, model: StreamTable[Any]) -> dict[UUID, Any]:
        """Return all rows of a read model by stream."""
        rows = [model.make_row(**row) for row in self.owner.execute(f"SELECT * FROM rpawatch_lists.{model.name}")]
        by_stream = {getattr(row, model.stream): row for row in rows}
        assert len(by_stream) == len(rows), "no stream has two rows"
        return by_stream

    def jobs(self) -> dict[UUID, tuple[Any, ...]]:
        """Return what the read models say of each job, its details put together."""
        details: dict[int, list[Any]] = {}
        for row in self.owner.execute(f"SELECT * FROM rpawatch_lists.{JOB_DETAILS.name} ORDER BY position, last_no"):
            details.setdefault(row["position"], []).extend(json.loads(row["details"]))
        rows = self.owner.execute(f"SELECT * FROM rpawatch_lists.{JOB_LIST.name}")
        return {row["job_id"]: shown_of_job(row, details.get(row["position"], [])) for row in rows}

    def shown(self) -> dict[str, dict[UUID, Any]]:
        """Return what the read models show, in the terms of `folded`."""
        return {
            **{
                what: {id_: state_of(state, row) for id_, row in self.rows(model).items()}
                for what, (model, state) in _STREAMS.items()
            },
            "jobs": self.jobs(),
        }

    def folded(self) -> dict[str, dict[UUID, Any]]:
        """Return what all events of the log make of the aggregates: the domain's own code, and none of projections."""
        aggregates: dict[UUID, Any] = {}
        jobs: dict[UUID, tuple[Any, ...]] = {}
        for logged in self.application.log_after(0):
            event: Any = self.decode(logged)
            aggregates[event.originator_id] = event.mutate(aggregates.get(event.originator_id))
            if isinstance(event, Job.Reported):  # the aggregate holds less of it
                jobs[event.originator_id] = reported_of_job(event)
        return {
            **{
                what: {id_: state_of(state, found) for id_, found in aggregates.items() if type(found) is model.of}
                for what, (model, state) in _STREAMS.items()
            },
            "jobs": jobs,
        }


def state_of(state: type[Any], found: Any) -> dict[str, Any]:
    """Return what an aggregate or a row has of a state."""
    return {field.name: getattr(found, field.name) for field in fields(state)}


_STREAMS: dict[str, tuple[StreamTable[Any], type[Any]]] = {
    "accounts": (ACCOUNT_LIST, AccountState),
    "processes": (PROCESS_LIST, ProcessState),
    "members": (MEMBER_LIST, MemberState),
    "keys": (KEY_LIST, KeyState),
}


def shown_of_job(row: dict[str, Any], details: list[Any]) -> tuple[Any, ...]:
    """Return what a row says of a job, in the terms of `reported_of_job`."""
    return (*(row[column] for column in _JOB_COLUMNS), row["process_id"], str(row["key_id"]), row["data"], details)


def reported_of_job(event: Job.Reported) -> tuple[Any, ...]:
    """Return what a robot reported of a job."""
    fields = {"received_at": event.timestamp} | vars(event.counts) | vars(event)
    details = sorted(event.details or [], key=lambda detail: detail["sequence_no"])
    process = process_id(event.account_id, event.flow_id)
    return (*(fields[column] for column in _JOB_COLUMNS), process, event.actor, event.data, details)


_JOB_COLUMNS = (
    "account_id", "flow_id", "robot_id", "status", "started_at", "finished_at", "received_at",
    "total", "success", "failed", "skipped",
    "target", "source", "external_id", "result_summary", "error_message", "tags",
)  # fmt: skip
