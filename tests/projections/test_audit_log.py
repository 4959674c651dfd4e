"""The audit log has every event that a person would ask about once, with what it was about, and nothing of a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from application.store.log.reading import Recorded
from domain.account import Account
from domain.ids import process_id
from domain.member import Member
from domain.model import KINDS, Event
from domain.permissions import Role
from domain.process import Process
from projections.audit.listing import ACTIONS, AUDIT_LOG, AuditRow
from projections.audit.listing import KINDS as RESOURCE_KINDS
from projections.audit.queries import AuditFilter, list_audit_log, whole_audit_log
from projections.fence import reading
from projections.paging import BadCursorError, PageRequest
from projections.read_model import apply
from projections.schema import make_table
from tests.projections.histories import Histories, a_key_of, events_of, named
from tests.support.clock import NOON
from tests.support.effort import effort, seeded_random
from tests.support.examples import SECOND, cause, example_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.projections.support import World

LEFT_OUT = {
    "api_key.used": "uses are counted by the hour",
    "api_key.snapshot": "no event: it can be thrown away",
    "job.reported": "jobs have a list of their own",
    "receipt.issued": "the event of the command beside it says what was done",
}
"""Topics that the audit log does not have, with the reason."""


def take_in(world: World, events: Iterable[Event], *, batch: int = 1_000_000) -> None:
    """Take in events, in batches of this size at most, as if they stood in the log from the next position on."""
    with world.connect() as connection:
        [row] = connection.execute(f"SELECT coalesce(max(position), 0) AS last FROM rpawatch_lists.{AUDIT_LOG.name}")
        first = row["last"] + 1
        recorded = [Recorded(first + number, event.TOPIC, event) for number, event in enumerate(events)]
        for start in range(0, len(recorded), batch):
            apply(AUDIT_LOG, connection, recorded[start : start + batch])
        connection.execute(
            f"UPDATE rpawatch_lists.positions SET position = %s, is_complete = true WHERE name = '{AUDIT_LOG.name}'",
            (first + len(recorded) - 1,),
        )


def rows_of(world: World, table: str = AUDIT_LOG.name) -> list[dict[str, Any]]:
    """Return the whole table, with `changes` to the byte."""
    query = f"SELECT *, changes::text AS changes FROM rpawatch_lists.{table} ORDER BY position"
    return list(world.owner.execute(query))


def listed(world: World, scope_id: UUID, **where: Any) -> Sequence[AuditRow]:
    page = list_audit_log(world.database, scope_id=scope_id, where=AuditFilter(**where), page=PageRequest(200))
    return page.items


def test_every_kind_of_event_is_in_it_or_has_a_reason_not_to_be() -> None:
    released = {topic for topic, kind in KINDS.items() if kind.__module__.startswith("domain.")}
    assert ACTIONS.keys() | LEFT_OUT.keys() == released
    assert not ACTIONS.keys() & LEFT_OUT.keys()
    assert RESOURCE_KINDS == ("account", "process", "member", "api_key")


@pytest.mark.parametrize("topic", ACTIONS)
def test_every_field_of_an_event_is_told_in_changes_or_elsewhere(topic: str) -> None:
    elsewhere = {
        "originator_topic",
        "account_id",
        "tenant_id",
        "user_id",
        *(["flow_id"] * (topic == "process.registered")),
    }
    own = KINDS[topic].model_fields.keys() - Event.model_fields.keys()
    assert set(ACTIONS[topic].detail_fields()) == own - elsewhere


def test_every_event_of_the_log_is_there_once_as_it_was_whatever_the_batches(world: World) -> None:
    chance = seeded_random()
    for batch in Histories(chance).batches(effort(800, 50_000), 60):
        world.append(batch)
    world.follow([AUDIT_LOG])
    world.wait_for_all([AUDIT_LOG])
    in_log = {}
    aggregates: dict[UUID, Any] = {}
    for logged in world.application.log_after(0):
        event: Any = world.decode(logged)
        aggregates[event.originator_id] = after = event.mutate(aggregates.get(event.originator_id))
        if event.TOPIC in ACTIONS:
            in_log[logged.position] = (
                event.originator_id, event.originator_version, event.TOPIC, event.TOPIC.partition(".")[0],
                event.timestamp, event.actor, event.request_id, event.address,
                *about(after),
            )  # fmt: skip
    assert in_log
    assert in_log == {
        row["position"]: (
            row["stream_id"], row["version"], row["action"], row["kind"],
            row["at"], row["actor"], row["request_id"], row["address"],
            row["scope_id"], row["resource_id"], row["name"], row["prefix"],
        )
        for row in rows_of(world)
    }  # fmt: skip


def about(aggregate: Any) -> tuple[UUID, UUID, str | None, str | None]:
    """Return what a row says of an aggregate: scope, id, name, prefix."""
    if isinstance(aggregate, Account):
        return aggregate.id, aggregate.id, aggregate.name, None
    if isinstance(aggregate, Process):
        return aggregate.account_id, aggregate.flow_id, aggregate.name, None
    if isinstance(aggregate, Member):
        return aggregate.account_id or aggregate.tenant_id, aggregate.user_id, None, None
    return aggregate.account_id, aggregate.id, aggregate.name, aggregate.prefix


def test_made_anew_from_the_first_event_it_is_the_same_to_the_byte_whatever_the_batches(world: World) -> None:
    events = list(Histories(seeded_random()).events(effort(600, 20_000)))
    wanted = [
        Recorded(position, event.TOPIC, event)
        for position, event in enumerate(events, start=1)
        if event.TOPIC in ACTIONS
    ]
    made = []
    for size in (1, 7, 4_000):
        with world.connect() as connection:
            connection.execute(f"TRUNCATE rpawatch_lists.{AUDIT_LOG.name}")
            for start in range(0, len(wanted), size):
                apply(AUDIT_LOG, connection, wanted[start : start + size])
        made.append(rows_of(world))
    assert len(made[0]) == len(wanted)
    assert made[0] == made[1] == made[2]


def test_a_table_that_is_rebuilt_beside_it_does_not_look_at_the_one_that_is_ahead(world: World) -> None:
    account = uuid4()
    key = a_key_of(account, "First name", cause())
    key.change(cause(), name="Last name")
    key.deactivate(cause())
    created, renamed, ended = events_of(key)
    take_in(world, [created, renamed, ended])
    twin = AUDIT_LOG.named("audit_log_twin")
    with world.connect() as connection:
        make_table(connection, twin)
        for position, event in enumerate((created, renamed, ended), start=1):
            apply(twin, connection, [Recorded(position, event.TOPIC, event)])
    assert [row["name"] for row in rows_of(world, twin.name)] == ["First name", "Last name", "Last name"]
    assert rows_of(world, twin.name) == rows_of(world)


def test_rows_say_what_a_thing_was_called_then(world: World) -> None:
    account = uuid4()
    key = a_key_of(account, "Nightly run", cause())
    key.throttle(cause(NOON + SECOND))
    key.change(cause(NOON + 2 * SECOND), name="Daily run")
    key.deactivate(cause(NOON + 3 * SECOND), "Laptop was lost")
    take_in(world, events_of(key), batch=2)
    rows = reversed(listed(world, account))
    assert [(row.action, row.name, row.prefix, row.version, row.changes) for row in rows] == [
        ("api_key.created", "Nightly run", "AbCdEfGh", 1,
         {"flow_id": str(key.flow_id), "name": "Nightly run", "prefix": "AbCdEfGh", "limit": 60}),
        ("api_key.throttled", "Nightly run", "AbCdEfGh", 2, {}),
        ("api_key.renamed", "Daily run", "AbCdEfGh", 3, {"name": "Daily run"}),
        ("api_key.deactivated", "Daily run", "AbCdEfGh", 4, {"reason": "Laptop was lost"}),
    ]  # fmt: skip


@pytest.mark.parametrize("batch", [1, 100])
def test_an_assigned_process_is_named_as_the_api_names_it(world: World, batch: int) -> None:
    tenant, account, user, flow = (uuid4() for _ in range(4))
    process = Process.register(cause(), account_id=account, flow_id=flow, name="Invoices")
    user_there = Member.add(cause(), tenant_id=tenant, account_id=account, user_id=user, role=Role.ACCOUNT_USER)
    consultant = Member.add(cause(), tenant_id=tenant, account_id=None, user_id=user, role=Role.CONSULTANT)
    user_there.assign(cause(), process.id)
    consultant.assign(cause(), process.id)
    process.rename(cause(), "Incoming invoices")
    user_there.unassign(cause(), process.id)
    user_there.assign(cause(), process_id(account, uuid4()))
    registered, renamed = events_of(process)
    added, assigned, unassigned, unknown = events_of(user_there)
    take_in(world, [registered, added, assigned, *events_of(consultant), renamed, unassigned, unknown], batch=batch)
    [lost, taken, _, given, *_] = listed(world, account)
    assert given.changes == {"flow_id": str(flow), "process": "Invoices"}
    assert taken.changes == {"flow_id": str(flow), "process": "Incoming invoices"}
    assert lost.changes == {"process_id": str(unknown.process_id)}  # type: ignore[attr-defined] # of this kind
    in_tenant = listed(world, tenant)[0]
    assert (in_tenant.scope_id, in_tenant.resource_id) == (tenant, user)
    assert in_tenant.changes == {"account_id": str(account), "flow_id": str(flow), "process": "Invoices"}


def test_an_event_whose_stream_has_no_beginning_is_no_row(world: World) -> None:
    key = a_key_of(uuid4(), "Nightly run", cause())
    key.deactivate(cause())
    with pytest.raises(Exception, match="this is its version 2"):
        take_in(world, events_of(key)[1:])


def test_no_row_is_shown_to_who_may_not_read_its_account_or_tenant(world: World) -> None:
    mine, theirs = uuid4(), uuid4()
    take_in(world, [event for account in (mine, theirs) for event in events_of(a_key_of(account, "Key", cause()))])
    for scope, seen in (({mine}, {mine}), ({mine, theirs}, {mine, theirs}), ({uuid4()}, set()), (set(), set())):
        with reading(world.database, scope, AUDIT_LOG.name) as connection:
            found = connection.execute(f"SELECT scope_id FROM rpawatch_lists.{AUDIT_LOG.name}").fetchall()
        assert {row["scope_id"] for row in found} == seen


class TestFilters:
    """What is asked for is what is found, alone and together."""

    @pytest.fixture
    def account(self, world: World) -> UUID:
        """An account in which Ann and a key did things, an hour apart."""
        account = uuid4()
        self.ann, self.flow = str(uuid4()), uuid4()
        self.key = a_key_of(account, "Key", cause(NOON))
        self.key.throttle(cause(NOON + timedelta(hours=1), actor=str(self.key.id)))
        self.key.deactivate(cause(NOON + timedelta(hours=2), actor=self.ann))
        process = Process.register(
            cause(NOON + timedelta(hours=3), actor=self.ann), account_id=account, flow_id=self.flow, name="P"
        )
        take_in(world, [*events_of(self.key), *events_of(process)])
        return account

    def test_each_finds_its_own_newest_first(self, world: World, account: UUID) -> None:
        def found(**where: Any) -> list[str]:
            return [row.action for row in listed(world, account, **where)]

        everything = ["process.registered", "api_key.deactivated", "api_key.throttled", "api_key.created"]
        assert found() == everything
        assert found(actors={self.ann}) == everything[:2]
        assert found(actors={str(self.key.id)}) == ["api_key.throttled"]
        assert found(actions={"api_key"}) == everything[1:]
        assert found(actions={"api_key.created"}) == ["api_key.created"]
        assert found(actions={"member"}) == []
        assert found(actions={"process", "api_key.created", "api_key.throttled"}) == [*everything[:1], *everything[2:]]
        assert found(actions={"process", "api_key"}) == everything
        assert found(actors={self.ann, str(self.key.id)}) == everything[:3]
        assert found(resource_ids={self.flow, self.key.id}, actions={"api_key.created", "process.registered"}) == [
            "process.registered",
            "api_key.created",
        ]
        assert found(resource_ids={self.flow}) == ["process.registered"]
        assert found(since=NOON + timedelta(hours=1)) == everything[:3]
        assert found(before=NOON + timedelta(hours=1)) == ["api_key.created"]
        assert found(since=NOON + timedelta(hours=1), before=NOON + timedelta(hours=3)) == everything[1:3]
        all_at_once = {"actors": {self.ann}, "actions": {"api_key"}, "resource_ids": {self.key.id}, "since": NOON}
        assert found(**all_at_once) == ["api_key.deactivated"]
        assert found(actors={str(uuid4())}) == []


def opened(names: Iterable[str]) -> list[Event]:
    """Return the events of one account that was given one name after another."""
    first, *others = names
    account = Account.open(cause(), account_id=uuid4(), tenant_id=uuid4(), name=first)
    for name in others:
        account.rename(cause(), name)
    return events_of(account)


def test_pages_show_each_row_once_while_others_are_added(world: World) -> None:
    history = opened(f"Name {number}" for number in range(60))
    account = history[0].originator_id
    take_in(world, history[:30])
    seen: list[int] = []
    cursor = None
    while True:
        page = list_audit_log(world.database, scope_id=account, where=AuditFilter(), page=PageRequest(7, cursor))
        seen += [row.version for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        take_in(world, history[len(seen) + 23 : len(seen) + 30])
    assert seen == list(range(30, 0, -1))
    assert listed(world, account)[0].version > 30


def test_a_cursor_of_the_file_is_none_of_the_list(world: World) -> None:
    history = opened(["a", "b", "c"])
    take_in(world, history)
    scope = history[0].originator_id
    first = list_audit_log(world.database, scope_id=scope, where=AuditFilter(), page=PageRequest(1, None, "position"))
    with pytest.raises(BadCursorError):
        list_audit_log(world.database, scope_id=scope, where=AuditFilter(), page=PageRequest(1, first.next_cursor))


def test_the_whole_log_is_what_was_there_when_it_began_oldest_first(world: World) -> None:
    history = opened(f"Name {number}" for number in range(450))
    account = history[0].originator_id
    take_in(world, history[:405])
    pages = whole_audit_log(world.database, scope_id=account, where=AuditFilter())
    first = next(pages)
    take_in(world, history[405:])
    rest = [row.version for page in pages for row in page]
    assert [row.version for row in first] + rest == list(range(1, 406))


def test_times_and_positions_may_cross_and_a_span_of_time_is_complete_all_the_same(world: World) -> None:
    account = uuid4()
    ahead, behind = (a_key_of(account, "Key", cause(NOON + at)) for at in (timedelta(days=1), timedelta(0)))
    later = a_key_of(account, "Key", cause(NOON + timedelta(days=2)))
    take_in(world, [*events_of(ahead), *events_of(behind), *events_of(later)])
    assert [row.resource_id for row in listed(world, account)] == [later.id, behind.id, ahead.id]
    day = timedelta(days=1)
    assert [row.resource_id for row in listed(world, account, before=NOON + day)] == [behind.id]
    assert [row.resource_id for row in listed(world, account, since=NOON + day)] == [later.id, ahead.id]


def test_a_name_of_any_length_and_script_is_taken_in(world: World) -> None:
    key = a_key_of(uuid4(), "Key", cause())
    [created] = events_of(key)
    name = "=cmd|' /C calc'!A0\u202e\U0001f916" + "x" * 100_000
    take_in(world, [named(created, name)])
    [row] = listed(world, key.account_id)
    assert row.name == row.changes["name"] == name


def test_every_example_of_an_event_can_be_shown(world: World) -> None:
    for event in example_events():
        if event.TOPIC in ACTIONS and event.originator_version == 1:
            take_in(world, [event])
    assert {row["action"] for row in rows_of(world)} >= {"account.opened", "api_key.created"}
