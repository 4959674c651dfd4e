"""Who did what, when, to what and from where: a row for each event that a person would ask about.

Uses of keys are counted elsewhere, jobs are listed elsewhere, and receipts repeat what another event says. No name or
address of a person is in a row, as in no event: names are joined when rows are shown, so that they can be erased.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql
from psycopg.rows import args_row

from domain.account import Account
from domain.api_key import ApiKey
from domain.member import Member
from domain.model import events_of
from domain.process import Process
from projections.events_writer import EventsWriter
from projections.stream_table import StreamBeginsLateError
from projections.table import Table
from projections.versions import versioned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from application.store.log.reading import Recorded
    from application.store.session import Connection
    from projections.table import Bytewise

ACTIONS: Final = {
    topic: event
    for kind in (Account, Process, Member, ApiKey)
    for topic, event in events_of(kind).items()
    if event.LABEL
}
"""Each action, and its event. What that says of its own is in `changes`, and the rest in columns."""
_KIND_OF: Final = {topic: topic.partition(".")[0] for topic in ACTIONS}
KINDS: Final = tuple(dict.fromkeys(_KIND_OF.values()))
"""What things are called to which something is done: the first word of an action."""


@dataclass(slots=True)
class AuditRow:
    """An event, in the terms of the API.

    scope_id: the account, or the tenant for what holds in all of it.
    at: its time.
    action: its topic.
    kind: the first word of that.
    resource_id: what it happened to: the id of a key or account, the flow_id of a process, the user_id of a member.
    name, prefix: what that was called from this event on; a member has none.
    address: where the request came from.
    stream_id, version: of the event in the log.
    changes: what it says of its own.
    """

    scope_id: UUID
    position: int
    at: datetime
    actor: Bytewise
    kind: Bytewise
    action: Bytewise
    resource_id: UUID
    name: str | None
    prefix: str | None
    address: str | None
    request_id: str
    stream_id: UUID
    version: int
    changes: dict[str, Any]

    @property
    def typed_changes(self) -> dict[str, Any]:
        """The changes, with times as times."""
        return {
            name: datetime.fromisoformat(value) if name.endswith("_at") else value
            for name, value in self.changes.items()
        }


# The last index tells an event after the first what it is about.
INDEXES = """
CREATE INDEX ON {table} (scope_id, at, position);
CREATE INDEX ON {table} (scope_id, actor, position, at);
CREATE INDEX ON {table} (scope_id, kind, position, at);
CREATE INDEX ON {table} (scope_id, action, position, at);
CREATE INDEX ON {table} (scope_id, resource_id, position, at);
CREATE INDEX ON {table} (stream_id, version);
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the events of a stream are about, as it is called now."""

    scope_id: UUID
    resource_id: UUID
    name: str | None = None
    prefix: str | None = None


_SUBJECTS: Final[Mapping[str, Callable[[Any], Subject]]] = {
    Account.Opened.TOPIC: lambda event: Subject(event.originator_id, event.originator_id, event.name),
    Process.Registered.TOPIC: lambda event: Subject(event.account_id, event.flow_id, event.name),
    Member.RoleGranted.TOPIC: lambda event: Subject(event.account_id or event.tenant_id, event.user_id),
    ApiKey.Created.TOPIC: lambda event: Subject(event.account_id, event.originator_id, event.name, event.prefix),
}
_DETAILS: Final = {topic: event.detail_fields() for topic, event in ACTIONS.items()}
_RENAMES: Final = {topic for topic, fields in _DETAILS.items() if "name" in fields} - _SUBJECTS.keys()
_ABOUT_PROCESSES: Final = {topic for topic, fields in _DETAILS.items() if "process_id" in fields}


@dataclass(frozen=True, kw_only=True)
class AuditTable(Table[AuditRow]):
    """The rows, and what it takes to make one of an event that names neither its account nor what it is about.

    That stands in the row of the event before it in its stream. So the table needs no other beside it, which would have
    to be as far along the log as this one at every moment, or a rebuilt table would show names from the future.
    """

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(ACTIONS)

    def batch_writer(self) -> EventsWriter:
        return EventsWriter(self)

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Take in events in the order of the log. Raises StreamBeginsLateError."""
        subjects = self._known(connection, _unknown_streams(events))
        rows = []
        for recorded in events:
            event: Any = recorded.event
            stream, topic = event.originator_id, recorded.topic
            if topic in _SUBJECTS:
                subjects[stream] = _SUBJECTS[topic](event)
            elif stream not in subjects:
                raise StreamBeginsLateError(
                    f"{self.name} has no row of stream {stream}, and this is its version {event.originator_version}"
                )
            elif topic in _RENAMES:
                subjects[stream] = replace(subjects[stream], name=event.name)
            subject = subjects[stream]
            rows.append(
                AuditRow(
                    scope_id=subject.scope_id,
                    position=recorded.position,
                    at=event.timestamp,
                    actor=event.actor,
                    kind=_KIND_OF[topic],
                    action=topic,
                    resource_id=subject.resource_id,
                    name=subject.name,
                    prefix=subject.prefix,
                    address=event.address,
                    request_id=event.request_id,
                    stream_id=stream,
                    version=event.originator_version,
                    changes=_about_process(event.process_id, subject, subjects)
                    if topic in _ABOUT_PROCESSES
                    else {field: value for field in _DETAILS[topic] if (value := getattr(event, field)) is not None},
                )
            )
        self.store(connection, rows)

    def _known(self, connection: Connection, streams: Iterable[UUID]) -> dict[UUID, Subject]:
        """Return what the table knows of these streams."""
        wanted = list(streams)
        if not wanted:
            return {}
        with connection.cursor(row_factory=args_row(lambda stream, *rest: (stream, Subject(*rest)))) as cursor:
            return dict(cursor.execute(self._latest, (wanted,)).fetchall())

    @cached_property
    def _latest(self) -> bytes:
        return (
            sql.SQL(
                "SELECT latest.* FROM unnest(%s::uuid[]) AS wanted (stream) CROSS JOIN LATERAL ("
                "SELECT stream_id, scope_id, resource_id, name, prefix FROM {table}"
                " WHERE stream_id = wanted.stream ORDER BY version DESC LIMIT 1) AS latest"
            )
            .format(table=self.table)
            .as_bytes()
        )


def _unknown_streams(events: Sequence[Recorded]) -> set[UUID]:
    """Return the streams that events are about and whose first event is not among those before."""
    begun: set[UUID] = set()
    unknown: set[UUID] = set()
    for recorded in events:
        event: Any = recorded.event
        if event.originator_version == 1:
            begun.add(event.originator_id)
        elif event.originator_id not in begun:
            unknown.add(event.originator_id)
        if recorded.topic in _ABOUT_PROCESSES and event.process_id not in begun:
            unknown.add(event.process_id)
    return unknown


def _about_process(process_id: UUID, member: Subject, subjects: Mapping[UUID, Subject]) -> dict[str, Any]:
    """Return which process somebody was assigned, in the terms of the API, which does not know its stream."""
    process = subjects.get(process_id)
    if process is None:
        return {"process_id": process_id}
    told = {"flow_id": process.resource_id, "process": process.name}
    # Who has a role in the tenant may be assigned processes of any account.
    return told if process.scope_id == member.scope_id else {"account_id": process.scope_id, **told}


AUDIT_LOG = AuditTable(
    name=versioned("audit_log"),
    row=AuditRow,
    key=["scope_id", "position"],
    indexes=INDEXES,
    fence=["scope_id"],
)
