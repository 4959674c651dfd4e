"""The composition root: builds the service on a database. Serving, the commands and the tests all begin here."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from application.command_queue import CommandQueue
from application.commands import HANDLERS
from application.event_sourcing import EventSourcing
from application.identity.first_run import FirstAdmin, FirstRun
from application.identity.hashing import HASHING
from application.identity.invitations import Invitations
from application.identity.sessions import Sessions
from application.identity.users import Users
from application.replay.keys import Replay
from application.store.clock import StoreClock
from application.store.database import PROJECTOR_ROLE, STATEMENT_SECONDS_MAX, Database, connect
from application.store.errors import StoreSetupError, StoreUnavailableError
from application.store.schema import check_migrated
from application.store.schema import migrate as migrate_store
from domain.limits import BODY_BYTES_MAX_DEFAULT
from interfaces.http.downloads import AT_ONCE_MAX, Downloads
from interfaces.http.ended_key_attempts import EndedKeyAttempts
from interfaces.http.large_reports import LargeReports
from interfaces.http.refused_key_throttle import InProcessCounters, RefusedKeyThrottle
from interfaces.http.shared_file_counters import SharedFileCounters
from interfaces.queries.accounts import Accounts
from interfaces.queries.audit_log import AuditLog
from interfaces.queries.jobs import Jobs
from interfaces.queries.key_history import KeyHistory
from interfaces.queries.keys import Keys
from interfaces.queries.members import Members
from interfaces.queries.processes import Processes
from projections.fence import ListIncompleteError
from projections.health import ProjectionHealth, read_health
from projections.log_tree.checks import LogChecker
from projections.log_tree.follower import TreeFollower
from projections.log_tree.service import LogProofs
from projections.log_tree.signing import load_signer
from projections.members import MEMBER_LIST, account_ids_of_user
from projections.projector import Projector
from projections.read_model import ReadModelsNotSetUpError
from projections.read_models import READ_MODELS
from projections.schema import create_tables
from projections.tracking import read_progress, wait_for

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from uuid import UUID

    from domain.clock import Clock

_OTHER_CONNECTIONS = 2
"""One connection for the command that is being carried out, one for probes of health and the like."""


def connections_max(threads: int) -> int:
    """Return how many connections to PostgreSQL a process may open that works on so many requests at the same time."""
    return threads + _OTHER_CONNECTIONS


def migrate(conninfo: str) -> list[str]:
    """Bring the store and the read models up to date, and return what was done.

    Raises StoreUnavailableError, StoreSetupError.
    """
    return migrate_store(conninfo, create_tables)


class Services:
    """Everything that the interfaces use, built once per process.

    conninfo: libpq connection string of a database that was migrated. clock: the database's, unless another one is
    given, which is then believed: for tests, and for a history that is made up. threads: how many requests are worked
    on at the same time. shared_folder: what the web processes of one service have in common, where there are several;
    None for a process that serves alone. Close it, or use it as a context manager.
    """

    tenant_id: UUID
    first_admin: FirstAdmin | None = None

    def __init__(
        self,
        conninfo: str,
        *,
        clock: Clock | None = None,
        threads: int = 16,
        body_bytes_max: int = BODY_BYTES_MAX_DEFAULT,
        shared_folder: Path | None = None,
    ) -> None:
        self.body_bytes_max = body_bytes_max
        self.shared_folder = shared_folder
        self.database = Database(conninfo, connections_max=connections_max(threads))
        self.database.open()
        self.store_clock = StoreClock(self.database)
        self.clock = clock = clock or self.store_clock
        self.event_sourcing = EventSourcing(self.database)
        self.command_queue = CommandQueue(self.event_sourcing, clock, HANDLERS)
        HASHING.fit(threads)
        self.users = Users(self.database)
        self.sessions = Sessions(self.database, self.users, clock)
        self.refused_key_throttle = RefusedKeyThrottle(
            clock, InProcessCounters() if shared_folder is None else SharedFileCounters(shared_folder / "bad-keys")
        )
        self.ended_key_attempts = EndedKeyAttempts(self.command_queue, clock)
        self.large_reports = LargeReports(self.database, threads)
        self.accounts = Accounts(self.database, self.event_sourcing)
        self.processes = Processes(self.database)
        self.keys = Keys(self.database)
        self.members = Members(self.database, self.users, self.accounts)
        self.invitations = Invitations(self.event_sourcing, self.command_queue, self.users, clock, self._accounts_of)
        self.audit_log = AuditLog(self.database, self.users)
        self.key_history = KeyHistory(Replay(self.event_sourcing), self.users)
        self.log_proofs = LogProofs(self.database)
        self.downloads = Downloads(max(1, min(AT_ONCE_MAX, threads // 2)))
        self.jobs = Jobs(self.database, self.event_sourcing)
        self._connect_follower = partial(
            connect, conninfo, role=PROJECTOR_ROLE, statement_seconds_max=STATEMENT_SECONDS_MAX
        )
        self.decode = self.event_sourcing.mapper.to_domain_event
        self.projector = Projector(self._connect_follower, READ_MODELS, self.decode)
        self.connect_projector = partial(connect, conninfo, role=PROJECTOR_ROLE)
        """Opens a connection for work on the read models that an operator waits for: no statement is too long."""
        self._first_run = FirstRun(conninfo, self.event_sourcing, self.command_queue, self.users, clock)
        self._stop_following = threading.Event()
        self._followers: list[threading.Thread] = []
        self._last_seen = ProjectionHealth(0, 0)

    def begin(self, *, admin_email: str | None = None, admin_password: str | None = None) -> Self:
        """Check the tables, set a new installation up, and know its tenant.

        Raises StoreUnavailableError, StoreSetupError, and InvalidInputError for an address or password that won't do.
        """
        check_migrated(self.database)
        self.store_clock.measure()
        with self.database.get_connection() as connection:
            try:
                read_progress(connection, READ_MODELS)
            except ReadModelsNotSetUpError as error:
                raise StoreSetupError(str(error)) from None
        self.tenant_id, self.first_admin = self._first_run.ensure(email=admin_email, password=admin_password)
        return self

    def keep_time(self) -> Self:
        """Measure the database's clock also while nothing is asked, and say when the machine's is off: a thread."""
        threading.Thread(target=self.store_clock.keep, args=(self._stop_following,), name="clock", daemon=True).start()
        return self

    def follow(self, signing_key: Path | None = None) -> Self:
        """Keep the read models and the tree of the log up to date, and compare it when asked: three threads.

        signing_key: the file of the key that heads of the log are signed with; None to sign none.
        """
        following = {
            "projector": self.projector.run,
            "log-tree": self.tree_follower(signing_key).run,
            "log-checks": LogChecker(self.connect_projector).run,
        }
        for name, run in following.items():
            thread = threading.Thread(target=run, args=(self._stop_following,), name=name)
            self._followers.append(thread)
            thread.start()
        return self

    def tree_follower(self, signing_key: Path | None = None) -> TreeFollower:
        """Return what keeps the tree of the log up to date, and signs its heads with the key in a file."""
        return TreeFollower(self._connect_follower, None if signing_key is None else partial(load_signer, signing_key))

    def _accounts_of(self, user_id: UUID) -> frozenset[UUID] | None:
        """Return the accounts of a user; None when the list does not show yet what was done a moment ago."""
        try:
            if not wait_for(self.database, self.event_sourcing.recorder.last_position(), models=[MEMBER_LIST]):
                return None
            return account_ids_of_user(self.database, tenant_id=self.tenant_id, user_id=user_id)
        except ListIncompleteError:
            return None

    def projection_health(self) -> ProjectionHealth:
        """Return how far the read models are, and what is wrong with the projector that should work on them."""
        try:
            self._last_seen = read_health(self.database, READ_MODELS)
        except StoreUnavailableError:
            return replace(self._last_seen, error="PostgreSQL can't be asked how far the read models are")
        return self._last_seen

    def close(self) -> None:
        """Write down what is left to write, end the threads and give the connections back."""
        self.ended_key_attempts.close()
        self.large_reports.close()
        self._stop_following.set()
        for follower in self._followers:
            follower.join()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
