"""How often each key was used in each hour, by what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import args_row, tuple_row

from domain import key_events
from projections.fence import reading
from projections.stream_table import StreamBeginsLateError
from projections.table import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from projections.read_model import Connection, Pool, Recorded


@dataclass(slots=True)
class UseRow:
    """An hour of a key. hour: when it began. accepted, replayed, rejected: requests that were let in, by outcome.

    throttled: windows in which requests were refused for the limit; the refused requests are not counted.
    """

    account_id: UUID
    key_id: UUID
    hour: datetime
    accepted: int = 0
    replayed: int = 0
    rejected: int = 0
    throttled: int = 0


TABLES = """
CREATE TABLE {table} (
    account_id uuid NOT NULL,
    key_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    accepted bigint NOT NULL,
    replayed bigint NOT NULL,
    rejected bigint NOT NULL,
    throttled bigint NOT NULL,
    PRIMARY KEY (account_id, key_id, hour)
) WITH (fillfactor = 80);
CREATE INDEX ON {table} (key_id);
"""


@dataclass
class _Counts:
    """What a batch adds: rows by key and hour, where the account of a key may still have to be looked up."""

    accounts: dict[UUID, UUID] = field(default_factory=dict)
    rows: dict[tuple[UUID, datetime], dict[str, int]] = field(default_factory=dict)

    def add(self, event: Any, what: str | None) -> None:  # noqa: ANN401 - one of the topics
        hour = event.timestamp.replace(minute=0, second=0, microsecond=0)
        counts = self.rows.setdefault((event.originator_id, hour), {})
        if what is not None:
            counts[what] = counts.get(what, 0) + 1


@dataclass(frozen=True, kw_only=True)
class KeyUses(Table[UseRow]):
    """The read model. A key's first hour is there from its beginning, so that its account is known."""

    @property
    def topics(self) -> frozenset[str]:
        """The events that it is made of."""
        return frozenset({key_events.Created.TOPIC, key_events.Used.TOPIC, key_events.Throttled.TOPIC})

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Take in events in the order of the log. Raises StreamBeginsLateError."""
        counts = _Counts()
        for recorded in events:
            event: Any = recorded.event
            if recorded.topic == key_events.Used.TOPIC:
                counts.add(event, event.outcome)
            elif recorded.topic == key_events.Throttled.TOPIC:
                counts.add(event, "throttled")
            else:
                counts.accounts[event.originator_id] = event.account_id
                counts.add(event, None)
        unknown = {key_id for key_id, _ in counts.rows} - counts.accounts.keys()
        if unknown:
            counts.accounts |= self._accounts(connection, unknown)
        self.store(connection, self._rows(counts))

    def _rows(self, counts: _Counts) -> Iterable[UseRow]:
        for (key_id, hour), numbers in counts.rows.items():
            account_id = counts.accounts.get(key_id)
            if account_id is None:
                raise StreamBeginsLateError(f"{self.name} knows no key {key_id}")
            yield UseRow(account_id, key_id, hour, **numbers)

    def _accounts(self, connection: Connection, key_ids: Iterable[UUID]) -> dict[UUID, UUID]:
        # A key has a row for each hour: one of them will do.
        query = sql.SQL(
            "SELECT key_id, (SELECT account_id FROM {} AS known WHERE known.key_id = asked.key_id LIMIT 1)"
            " FROM unnest(%s::uuid[]) AS asked (key_id)"
        ).format(self.table)
        with connection.cursor(row_factory=tuple_row) as cursor:
            return {key_id: account for key_id, account in cursor.execute(query, (list(key_ids),)) if account}


KEY_USES = KeyUses(
    name="key_uses_v1",
    row=UseRow,
    key=["account_id", "key_id", "hour"],
    tables=TABLES,
    sums=["accepted", "replayed", "rejected", "throttled"],
)


def uses_of_keys(
    pool: Pool, *, account_id: UUID, key_ids: Collection[UUID], since: datetime, until: datetime
) -> list[UseRow]:
    """Return the hours that begin from `since` on and before `until`, of these keys of an account, in their order."""
    query = sql.SQL(
        "SELECT {} FROM {} WHERE account_id = %s AND key_id = ANY(%s::uuid[]) AND hour >= %s AND hour < %s"
        " ORDER BY key_id, hour"
    ).format(KEY_USES.columns, KEY_USES.table)
    with (
        reading(pool, [account_id], KEY_USES.name) as connection,
        connection.cursor(row_factory=args_row(UseRow)) as cursor,
    ):
        return cursor.execute(query, (account_id, list(key_ids), since, until)).fetchall()
