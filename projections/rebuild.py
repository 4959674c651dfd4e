"""Makes read models anew from the log beside those that serve, and puts them in their place; or compares the two.

What is made stands in tables of its own until it has come as far as the log. Then the tables change places in one
transaction, which readers and the projector wait for as long as the last few events take.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

from application.store.session import begin_session, try_lock, unlock
from projections import dead_letters
from projections.feed import Feed
from projections.read_model import SCHEMA
from projections.schema import make_table
from projections.tracking import read_progress, record_complete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.store.log.reading import LoggedEvent, ReportProgress
    from application.store.session import Connection
    from projections.read_model import Connect, Decode, ReadModel

REBUILT = "_rebuilt"
CHECKED = "_checked"
"""Suffix of the names of tables that are being made."""
NEAR_EVENTS_MAX = 500
"""Most events behind the log when the tables change places: the last ones are taken in while readers wait."""
SWITCH_ATTEMPTS = 100
_LOCK = 0x72706177_72656275  # "rpawrebu"
_SESSION = {
    "synchronous_commit": "off",
    # Whoever reads waits behind a switch that waits for its turn: it gives up soon, and tries again.
    "lock_timeout": "200ms",
    "idle_in_transaction_session_timeout": "0",
}


class EventNotHandledError(Exception):
    """An event stops the making of a read model: a list that lacks it must not take the place of one that may not."""

    def __init__(self, name: str, entry: LoggedEvent, reason: str) -> None:
        self.position = entry.position
        super().__init__(
            f"{name} can't take in the event at position {entry.position} ({entry.topic}, version"
            f" {entry.originator_version} of stream {entry.originator_id}): {reason}"
        )


class AlreadyRunningError(Exception):
    """Somebody else is making read models of this database."""


class ShadowRebuild:
    """One connection that makes read models anew. Use it in a `with` block; what was not finished is dropped."""

    def __init__(self, connect: Connect, models: Sequence[ReadModel], decode: Decode, suffix: str) -> None:
        self._connect = connect
        self._models = models
        self._decode = decode
        self._suffix = suffix
        self.shadows = [model.named(model.name + suffix) for model in models]

    def __enter__(self) -> Self:
        """Begin with empty tables. Raises AlreadyRunningError, psycopg.Error."""
        self._connection = self._connect()
        try:
            self._begin(self._connection)
        except BaseException:
            self._connection.close()
            raise
        self._feed = Feed(self._connection, self._decode, self._refuse)
        return self

    def _begin(self, connection: Connection) -> None:
        begin_session(connection, _SESSION)
        if not try_lock(connection, _LOCK):
            raise AlreadyRunningError("A rebuild or a check of the read models is running. Wait until it has ended.")
        for shadow in self.shadows:
            drop(connection, shadow.name)
            make_table(connection, shadow)

    def __exit__(self, *_: object) -> None:
        with closing(self._connection) as connection:
            if not connection.closed:
                for shadow in self.shadows:
                    drop(connection, shadow.name)
                unlock(connection, _LOCK)

    def _refuse(self, model: ReadModel, entry: LoggedEvent, error: Exception) -> None:
        name = model.name.removesuffix(self._suffix)
        raise EventNotHandledError(name, entry, dead_letters.reason_of(error)) from error

    def advance(self, report: ReportProgress, until: int) -> None:
        """Go on to a position. Raises EventNotHandledError."""
        while True:
            position = read_progress(self._connection, self.shadows).position
            report(position, until)
            if position >= until:
                return
            self._feed.advance(self.shadows, position, until)

    def _come_near(self, report: ReportProgress) -> None:
        """Go on to where the log ended a moment ago, until few events were appended meanwhile."""
        progress = read_progress(self._connection, self.shadows)
        while True:
            self.advance(report, progress.log_position)
            progress = read_progress(self._connection, self.shadows)
            if progress.log_position - progress.position <= NEAR_EVENTS_MAX:
                return

    def switch(self, report: ReportProgress) -> None:
        """Put what was made in the place of what serves. Raises EventNotHandledError, psycopg.Error."""
        for attempt in range(1, SWITCH_ATTEMPTS + 1):
            self._come_near(report)
            try:
                with self._connection.transaction():
                    self._switch(report)
            except psycopg.errors.LockNotAvailable:
                if attempt == SWITCH_ATTEMPTS:
                    raise
            else:
                return

    def _switch(self, report: ReportProgress) -> None:
        connection = self._connection
        # The projector's next batch waits here, and so does whoever reads; nobody else writes these tables.
        tables = sql.SQL(", ").join(sql.Identifier(SCHEMA, model.name) for model in self._models)
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(tables))
        # Not to the end of the log, which goes on: nobody is to see less than before, and the next batch has the rest.
        shown = read_progress(connection, self._models).positions
        self.advance(report, max(shown.values()))
        record_complete(connection, [shadow.name for shadow in self.shadows])
        for model, shadow in zip(self._models, self.shadows, strict=True):
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SCHEMA, model.name)))
            connection.execute(
                sql.SQL("ALTER TABLE {} RENAME TO {}").format(
                    sql.Identifier(SCHEMA, shadow.name), sql.Identifier(model.name)
                )
            )
            connection.execute("DELETE FROM rpawatch_lists.positions WHERE name = %s", (model.name,))
            connection.execute(
                "UPDATE rpawatch_lists.positions SET name = %s WHERE name = %s", (model.name, shadow.name)
            )
            dead_letters.forget(connection, model.name)


def rebuild(connect: Connect, models: Sequence[ReadModel], decode: Decode, report: ReportProgress) -> None:
    """Make read models anew from the first event on, beside the running service, and switch to them.

    Raises EventNotHandledError, which names the event that can't be taken in (nothing has changed then), and
    AlreadyRunningError, psycopg.Error.
    """
    with ShadowRebuild(connect, models, decode, REBUILT) as shadow_rebuild:
        shadow_rebuild.switch(report)


def drop(connection: Connection, name: str) -> None:
    """Drop a table of read models that nobody reads, if it is there."""
    with connection.transaction():
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, name)))
        connection.execute("DELETE FROM rpawatch_lists.positions WHERE name = %s", (name,))
        dead_letters.forget(connection, name)
