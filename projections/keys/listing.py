"""The API keys of an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.api_key import ApiKey, KeyState
from domain.limits import TIME_MAX, TIME_MIN
from domain.model import next_stamp
from projections.paging import sort_name
from projections.stream_table import StreamTable
from projections.versions import versioned

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from domain.model import Event
    from projections.table import Bytewise


@dataclass(kw_only=True)
class KeyRow(KeyState):
    """A key as its aggregate has it. key_id: its stream; last_event_at: of the last event of any kind.

    ends_at: it lets requests in before that, and none from then on; TIME_MAX for never, TIME_MIN once that is over,
    whatever a clock says. So one comparison tells, and no event is needed when a key expires.
    sort_name, expires_order, used_order: what the list is ordered by, with TIME_MAX and TIME_MIN for never. A condition
    on coalesce() can use no index behind the fence, which takes it for one that could tell what it sees.
    """

    key_id: UUID
    last_event_at: datetime
    sort_name: Bytewise
    ends_at: datetime
    expires_order: datetime
    used_order: datetime

    def complete(self, last: Event) -> None:
        """Set the columns that follow from the state and the last event."""
        self.key_id = last.originator_id
        self.last_event_at = last.timestamp
        self.sort_name = sort_name(self.name)
        self.expires_order = self.expires_at or TIME_MAX
        self.used_order = self.last_used_at or TIME_MIN
        is_over = self.deactivated_at is not None or self.expires_order <= self.last_event_at
        self.ends_at = TIME_MIN if is_over else self.expires_order

    @property
    def id(self) -> UUID:
        """As the aggregate calls it."""
        return self.key_id

    def stamp(self, clock: datetime) -> datetime:
        """Return what time it is for the key, as the aggregate does."""
        return next_stamp(clock, self.last_event_at)


# Events after the first don't name the account, hence the index on the stream alone. Indexes hold what a use
# changes, so a use writes to all of them; the uses of one batch are one change. Each order has what the list is
# filtered by behind it, so that PostgreSQL filters inside the index and looks at no row that is left out.
INDEXES = """
CREATE INDEX ON {table} (account_id, sort_name, key_id, ends_at, flow_id, used_order, created_at);
CREATE INDEX ON {table} (account_id, created_at, key_id, ends_at, flow_id, used_order);
CREATE INDEX ON {table} (account_id, used_order, key_id, ends_at, flow_id, created_at);
CREATE INDEX ON {table} (account_id, expires_order, key_id, ends_at, flow_id, used_order, created_at);
CREATE INDEX ON {table} (key_id);
"""


KEY_LIST = StreamTable(
    name=versioned("key_list"),
    row=KeyRow,
    stream="key_id",
    key=["account_id", "key_id"],
    indexes=INDEXES,
    fillfactor=70,
    of=ApiKey,
)
