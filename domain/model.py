"""The only place where the domain meets the eventsourcing library: what every aggregate and event has.

The library's next version breaks its interface, so everything else imports from here. Events are frozen pydantic
models: they are validated when made and when read, and pydantic-core encodes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypedDict, TypeVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate
from eventsourcing.utils import get_topic
from pydantic import BaseModel, ConfigDict, Field

from domain.limits import CLOCKS_APART_MAX
from domain.times import Instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from _typeshed import DataclassInstance

__all__ = [
    "SYSTEM_ACTOR",
    "Aggregate",
    "CanMutateAggregate",
    "Cause",
    "Event",
    "FirstEvent",
    "Snapshot",
    "next_stamp",
]

T = TypeVar("T")
SYSTEM_ACTOR = "system"
"""The actor of what no user and no key asked for: the first start, and the operator at the command line."""


def next_stamp(clock: datetime, last_event_at: datetime) -> datetime:
    """Return the time of the next event of a stream: the later of the clock and the event before it.

    So time does not run backwards where clocks differ a little, as right ones do. If they differ by more, the clock
    that stamped the event before it was ahead, and what it said is not waited for: the time is the clock's.
    """
    return clock if last_event_at - clock > CLOCKS_APART_MAX else max(clock, last_event_at)


KINDS: dict[str, type[Event | Snapshot]] = {}
"""Topic to class. The only way from a topic in the log to code: the library would import any module that one names."""
AGGREGATES: dict[str, type[Aggregate]] = {}
"""The same for the topic that a first event has of its aggregate."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What brought an event about; it stands in every event.

    at: when, in UTC.
    actor: a user id, a key id or "system".
    request_id: the request as its log line names it.
    command_id: one per command, the same when the command is tried again, which is how a lost reply is told from a
    conflict.
    address: of the client that asked; None for the command line, and where no addresses are kept.
    """

    at: datetime
    actor: str
    request_id: str
    command_id: UUID
    address: str | None = None

    def seen_from(self, address: str | None) -> Cause:
        """Return the same cause with another address, or none."""
        return Cause(self.at, self.actor, self.request_id, self.command_id, address)


class Container(Protocol):
    """What an attribute holds that changes in place."""

    def __init__(self) -> None: ...

    def copy(self) -> Self:
        """Return an equal one that changes by itself."""
        ...


class Header(TypedDict):
    """What every event has."""

    originator_id: UUID
    originator_version: int
    timestamp: datetime
    actor: str
    request_id: str
    command_id: UUID
    address: str | None


class FirstHeader(Header):
    """What every event has that an aggregate begins with."""

    originator_topic: str


class Event(BaseModel, CanMutateAggregate[UUID]):
    """An event of an aggregate. A subclass has a TOPIC, which stays in the log for ever, and a class_version.

    A change of shape raises class_version and adds a static method `upcast_v1_v2(state)`, which brings the decoded
    JSON of an old event up to date; see application/store/mapper.py. None is left out of the log, so a field that may
    be None has it as its default.

    address: of the client, None where none is known or kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    TOPIC: ClassVar[str]
    LABEL: ClassVar[str]
    """What happened, to be read behind what it happened to, as in "API key renamed". Empty where the audit log and the
    history of a key leave it out, since it is counted or listed elsewhere."""
    ABOUT: ClassVar[tuple[str, ...]] = ()
    """The fields that say where it happened and to what; the others say what happened."""
    class_version: ClassVar[int] = 1

    originator_id: UUID = Field(exclude=True)
    originator_version: int = Field(exclude=True)
    timestamp: Instant
    actor: str
    request_id: str
    command_id: UUID
    address: str | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - pydantic's signature
        super().__pydantic_init_subclass__(**kwargs)
        if hasattr(cls, "TOPIC"):
            KINDS[cls.TOPIC] = cls  # the library derives classes from ours; the last one is in use

    @classmethod
    def detail_fields(cls) -> tuple[str, ...]:
        """Return the fields that say what happened, in their order."""
        header = (*FirstEvent.model_fields, *cls.ABOUT)
        return tuple(name for name in cls.model_fields if name not in header)

    @classmethod
    def upcast(cls, state: dict[str, Any], written: int) -> None:
        """Bring the decoded JSON of an event that was written in an older shape up to date."""
        for version in range(written, cls.class_version):
            getattr(cls, f"upcast_v{version}_v{version + 1}")(state)

    def _as_dict(self) -> dict[str, Any]:
        return self.__dict__


class FirstEvent(Event, CanInitAggregate[UUID]):
    """The event that an aggregate begins with."""

    originator_topic: str

    def mutate(self, aggregate: Aggregate | None) -> Aggregate:  # type: ignore[override] # the library allows None
        """Return the aggregate that begins. Raises KeyError for a topic that is none of an aggregate.

        What the library does, without looking at the signatures of classes at each call.
        """
        if aggregate is not None:
            raise ValueError("an aggregate begins once")
        kind = AGGREGATES[self.originator_topic]
        begun = object.__new__(kind)
        begun.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        for name, container in kind.CONTAINERS.items():
            setattr(begun, name, container())
        self.apply(begun)
        return begun


class Aggregate(BaseAggregate[UUID]):
    """A consistency boundary: public methods decide and may raise, the events that they trigger only assign."""

    TOPIC: ClassVar[str]
    NOUN: ClassVar[str] = ""
    """What it is called before the label of an event; empty where that says it."""
    Event = Event  # the library looks for it under this name
    CONTAINERS: ClassVar[Mapping[str, type[Container]]] = {}
    """Attributes that are there empty from the beginning and change in place, so that a copy needs its own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - the library's signature
        super().__init_subclass__(**kwargs)
        AGGREGATES[cls.TOPIC] = cls

    def stamp(self, clock: datetime) -> datetime:
        """Return the time of the next event; see `next_stamp`."""
        return next_stamp(clock, self._modified_on)

    def copy(self) -> Self:
        """Return an equal aggregate, without pending events, that changes by itself."""
        twin = object.__new__(type(self))
        attributes = twin.__dict__
        attributes.update(self.__dict__)
        attributes["_pending_events"] = []
        for name in self.CONTAINERS:
            attributes[name] = attributes[name].copy()
        return twin

    @classmethod
    def _first(cls, aggregate_id: UUID, cause: Cause) -> FirstHeader:
        """Return the header of the event that the aggregate begins with."""
        return {
            "originator_topic": get_topic(cls),
            "originator_id": aggregate_id,
            "originator_version": cls.INITIAL_VERSION,
            "timestamp": cause.at,
            "actor": cause.actor,
            "request_id": cause.request_id,
            "command_id": cause.command_id,
            "address": cause.address,
        }

    def _next(self, cause: Cause) -> Header:
        """Return the header of the next event."""
        return {
            "originator_id": self._id,
            "originator_version": self._version + 1,
            "timestamp": self.stamp(cause.at),
            "actor": cause.actor,
            "request_id": cause.request_id,
            "command_id": cause.command_id,
            "address": cause.address,
        }

    # What the library's `_create` and `trigger_event` do, without looking at the signatures of classes at each call;
    # and an event is made where its fields are, so that the type checker sees them.

    @classmethod
    def _begin(cls, begun: FirstEvent) -> Self:
        aggregate: Self = begun.mutate(None)  # type: ignore[assignment] # of the class that the topic names
        aggregate.pending_events.append(begun)
        return aggregate

    def _trigger(self, event: CanMutateAggregate[UUID]) -> None:
        event.mutate(self)
        self._pending_events.append(event)


def events_of(kind: type[Aggregate]) -> dict[str, type[Event]]:
    """Return the events that happen to aggregates of a kind, by topic, in the order in which they are declared."""
    return {
        event.TOPIC: event
        for event in KINDS.values()
        if issubclass(event, Event) and event.TOPIC.startswith(f"{kind.TOPIC}.")
    }


_SINCE = "since"


def added(since: int, before: T) -> T:
    """Declare a field that a dataclass of a state got after others: snapshots have it from version `since` on.

    before: what it was until then, in each older snapshot, and is at first. There is none for a field that is set by
    events which were in logs already: such a snapshot can't be used any more, so the version is raised without it.
    """
    declared: T = field(default=before, metadata={_SINCE: since})
    return declared


def added_fields(state: type[DataclassInstance]) -> dict[str, tuple[int, Any]]:
    """Return the fields of a state that were `added`, each with `since` and `before`."""
    return {field.name: (field.metadata[_SINCE], field.default) for field in fields(state) if _SINCE in field.metadata}


class Snapshot(BaseModel):
    """The state of an aggregate at one version, so that a long stream need not be read from its start.

    A subclass has the state; its `mutate(None)` returns the aggregate. A snapshot can always be thrown away.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1

    originator_id: UUID = Field(exclude=True)
    originator_version: int = Field(exclude=True)
    timestamp: Instant

    @classmethod
    def upcast(cls, state: dict[str, Any], written: int) -> None:
        """Bring the decoded JSON of a snapshot that was written in an older shape up to date, as far as that goes."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - pydantic's signature
        """Make the topic known: a process may read a snapshot before it writes one."""
        super().__pydantic_init_subclass__(**kwargs)
        KINDS[cls.TOPIC] = cls
