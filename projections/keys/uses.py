"""How often each key was used in each hour, by what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import args_row, tuple_row

from domain.api_key import ApiKey
from projections.fence import reading
from projections.stream_table import StreamBeginsLateError
from projections.table import Table
from projections.versions import versioned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from application.store.log.reading import Recorded
    from application.store.session import Connection
    from projections.read_model import Pool


@dataclass(slots=True)
class UseRow:
    """An hour of a key.

    hour: when it began.
    accepted, replayed, rejected: requests that were let in, by outcome.
    throttled: windows in which requests were refused for the limit; the refused requests are not counted.
    """

    account_id: UUID
    key_id: UUID
    hour: datetime
    accepted: int = 0
    replayed: int = 0
    rejected: int = 0
    throttled: int = 0

    def add(self, other: UseRow) -> None:
        """Count also what is in another one."""
        self.accepted += other.accepted
        self.replayed += other.replayed
        self.rejected += other.rejected
        self.throttled += other.throttled


INDEXES = """
CREATE INDEX ON {table} (key_id);
"""


@dataclass(frozen=True, kw_only=True)
class KeyUses(Table[UseRow]):
    """The read model. A key's first hour is there from its beginning, so that its account is known."""

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({ApiKey.Created.TOPIC, ApiKey.Used.TOPIC, ApiKey.Throttled.TOPIC})

    def batch_writer(self) -> _UsesWriter:
        return _UsesWriter(self)

    def accounts(self, connection: Connection, key_ids: Iterable[UUID]) -> dict[UUID, UUID]:
        """Return the accounts of the keys that the table knows."""
        # A key has a row for each hour: one of them will do.
        query = sql.SQL(
            "SELECT key_id, (SELECT account_id FROM {} AS known WHERE known.key_id = asked.key_id LIMIT 1)"
            " FROM unnest(%s::uuid[]) AS asked (key_id)"
        ).format(self.table)
        with connection.cursor(row_factory=tuple_row) as cursor:
            return {key_id: account for key_id, account in cursor.execute(query, (list(key_ids),)) if account}


class _UsesWriter:
    """Counts. Whose a key is that began in an earlier batch, is looked up at the end."""

    def __init__(self, table: KeyUses) -> None:
        self._table = table
        self._accounts: dict[UUID, UUID] = {}
        self._rows: dict[UUID, dict[datetime, dict[str, int]]] = {}

    def add(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            event: Any = recorded.event
            key_id, topic = event.originator_id, recorded.topic
            hour = event.timestamp.replace(minute=0, second=0, microsecond=0)
            counts = self._rows.setdefault(key_id, {}).setdefault(hour, {})
            if topic == ApiKey.Created.TOPIC:
                self._accounts[key_id] = event.account_id
            else:
                what = "throttled" if topic == ApiKey.Throttled.TOPIC else event.outcome
                counts[what] = counts.get(what, 0) + 1

    def store(self, connection: Connection) -> None:
        accounts = self._accounts
        if unknown := self._rows.keys() - accounts.keys():
            accounts |= self._table.accounts(connection, unknown)
        if unknown := self._rows.keys() - accounts.keys():
            raise StreamBeginsLateError(f"{self._table.name} knows no key {next(iter(unknown))}")
        rows = (
            UseRow(accounts[key_id], key_id, hour, **counts)
            for key_id, hours in self._rows.items()
            for hour, counts in hours.items()
        )
        self._table.store(connection, rows)


KEY_USES = KeyUses(
    name=versioned("key_uses"),
    row=UseRow,
    key=["account_id", "key_id", "hour"],
    indexes=INDEXES,
    fillfactor=80,
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
