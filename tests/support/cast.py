"""Who appears in the tests. Alice administers account A, Bob is a user there, Carol administers account B.

Tess is the tenant admin, Aud the auditor, Con a consultant. All of them came to be what they are by commands.
"""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload
from uuid import UUID, uuid4

from application.accounts import AddMember, ChangeProcess, OpenAccount, RegisterProcess, RemoveMember
from application.caller import AccountCaller, Caller
from application.ingest import IngestAnswer, ReadOwnKey, SubmitReport, new_job_id
from application.keys import ChangeKey, CreateKey, DeactivateKey, RotateKey
from domain.ids import key_id, member_id
from domain.key_secret import KeySecret, generate
from domain.limits import RATE_LIMIT_DEFAULT
from domain.model import SYSTEM_ACTOR
from domain.permissions import Role
from domain.report import Report
from tests.support.examples import report_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from application.admin import IdempotentRequest
    from application.unit_of_work import Command
    from tests.support.running import Application

NAMES = ("tess", "aud", "con", "alice", "bob", "carol", "stranger")
"""In the order in which they come."""


class Cast:
    """The people of a tenant of their own, two accounts, and a process in each: nothing is shared between tests.

    People are named by their user ids, as actors. `flow_a` and `other_flow_a` are processes of account A, `flow_b` of
    account B; Bob and Con are assigned `flow_a`.
    """

    _together: list[Command] | None = None
    """What `_all_at_once` collects."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.tenant_id = uuid4()
        _ = self.people  # all are there before a test looks at the log

    @cached_property
    def account_a(self) -> UUID:
        return self._open_account("Account A")

    @cached_property
    def account_b(self) -> UUID:
        return self._open_account("Account B")

    @cached_property
    def flow_a(self) -> UUID:
        return self._new_process(self.account_a)

    @cached_property
    def other_flow_a(self) -> UUID:
        return self._new_process(self.account_a)

    @cached_property
    def flow_b(self) -> UUID:
        return self._new_process(self.account_b)

    @cached_property
    def people(self) -> dict[str, str]:
        """The actors by name. All of them are at work."""
        with self._all_at_once():
            return {name: self.actor(name) for name in NAMES}

    def actor(self, name: str) -> str:
        """Return one of the people, who is at work from now on. There are all accounts and processes then."""
        if name not in self._actors:
            self._actors[name] = str(self._user_id(name))
            self._begin_work(name, self._actors[name])
        return self._actors[name]

    @cached_property
    def _actors(self) -> dict[str, str]:
        return {}

    def _begin_work(self, name: str, actor: str) -> None:
        _ = self.flow_a, self.other_flow_a, self.flow_b
        if name == "tess":
            self.add_member(actor, Role.TENANT_ADMIN)
        elif name == "aud":
            self.add_member(actor, Role.AUDITOR)
        elif name == "con":
            self.add_member(actor, Role.CONSULTANT, processes=((self.account_a, self.flow_a),))
        elif name == "alice":
            self.add_member(actor, Role.ACCOUNT_ADMIN, self.account_a)
        elif name == "bob":
            self.add_member(actor, Role.ACCOUNT_USER, self.account_a, processes=((self.account_a, self.flow_a),))
        elif name == "carol":
            self.add_member(actor, Role.ACCOUNT_ADMIN, self.account_b)

    @property
    def alice(self) -> str:
        return self.actor("alice")

    @property
    def bob(self) -> str:
        return self.actor("bob")

    @property
    def carol(self) -> str:
        return self.actor("carol")

    @property
    def tess(self) -> str:
        return self.actor("tess")

    @property
    def aud(self) -> str:
        return self.actor("aud")

    @property
    def con(self) -> str:
        return self.actor("con")

    @property
    def stranger(self) -> str:
        return self.actor("stranger")

    def _user_id(self, _name: str) -> UUID:
        return uuid4()

    def _open_account(self, name: str) -> UUID:
        account = uuid4()
        self._do(OpenAccount(by=self.caller(), new_account_id=account, name=name))
        return account

    def _new_process(self, account_id: UUID) -> UUID:
        flow = uuid4()
        self.add_process(account_id, flow)
        return flow

    @overload
    def caller(self, account_id: UUID, *, by: str = SYSTEM_ACTOR) -> AccountCaller: ...

    @overload
    def caller(self, account_id: UUID | None = None, *, by: str = SYSTEM_ACTOR) -> Caller: ...

    def caller(self, account_id: UUID | None = None, *, by: str = SYSTEM_ACTOR) -> Caller:
        """Return the operator, or one of the people, as who asks about an account, or about the tenant."""
        if account_id is None:
            return Caller(actor=by, tenant_id=self.tenant_id)
        return AccountCaller(actor=by, tenant_id=self.tenant_id, account_id=account_id)

    def add_process(self, account_id: UUID, flow_id: UUID) -> None:
        """Register a process, as the operator."""
        self._do(RegisterProcess(by=self.caller(account_id), flow_id=flow_id, name="Invoices"))

    def add_member(
        self,
        user: str,
        role: Role,
        account_id: UUID | None = None,
        *,
        processes: tuple[tuple[UUID, UUID], ...] = (),
        by: str = SYSTEM_ACTOR,
    ) -> UUID:
        """Give a role; returns the member's stream."""
        self._do(AddMember(by=self.caller(account_id, by=by), user_id=UUID(user), role=role, processes=processes))
        return member_id(account_id or self.tenant_id, UUID(user))

    def remove_member(self, user: str, account_id: UUID | None = None) -> None:
        """Take all roles there away, as the operator."""
        self._do(RemoveMember(by=self.caller(account_id), user_id=UUID(user)))

    def create_key_command(
        self,
        account_id: UUID | None = None,
        *,
        by: str | None = None,
        secret: KeySecret | None = None,
        flow_id: UUID | None = None,
        limit: int = RATE_LIMIT_DEFAULT,
        expires_at: datetime | None = None,
        idempotency: IdempotentRequest | None = None,
    ) -> CreateKey:
        """Return the command of Alice, or another, to make a key of account A, or another."""
        return CreateKey(
            by=self.caller(account_id or self.account_a, by=by or self.alice),
            secret=secret or generate(),
            name="Nightly run",
            flow_id=flow_id,
            limit=limit,
            expires_at=expires_at,
            idempotency=idempotency,
        )

    def deactivate_key_command(
        self, key: UUID, account_id: UUID | None = None, *, by: str | None = None, reason: str | None = None
    ) -> DeactivateKey:
        """Return the command of Alice, or another, to end a key of account A, or another."""
        return DeactivateKey(
            by=self.caller(account_id or self.account_a, by=by or self.alice), key_id=key, reason=reason
        )

    def change_key_command(self, key: UUID, *, by: str | None = None, **changes: Any) -> ChangeKey:
        """Return the command of Alice, or another, to change a key of account A."""
        return ChangeKey(by=self.caller(self.account_a, by=by or self.alice), key_id=key, **changes)

    def rotate_key_command(
        self,
        key: UUID,
        *,
        by: str | None = None,
        secret: KeySecret | None = None,
        overlap: timedelta = timedelta(0),
        expires_at: datetime | None = None,
        idempotency: IdempotentRequest | None = None,
    ) -> RotateKey:
        """Return the command of Alice, or another, to let a new key take the place of one of account A."""
        return RotateKey(
            by=self.caller(self.account_a, by=by or self.alice),
            key_id=key,
            secret=secret or generate(),
            overlap=overlap,
            expires_at=expires_at,
            idempotency=idempotency,
        )

    def retire_command(self, *, retired: bool = True) -> ChangeProcess:
        """Return Alice's command to retire the process `flow_a`, or to restore it."""
        return ChangeProcess(by=self.caller(self.account_a, by=self.alice), flow_id=self.flow_a, retired=retired)

    def bot(
        self,
        account_id: UUID | None = None,
        *,
        flow_id: UUID | None = None,
        limit: int = RATE_LIMIT_DEFAULT,
        expires_at: datetime | None = None,
    ) -> Bot:
        """Return a bot with a new key: Alice's, of account A; with account_id, the operator's, of that account."""
        secret = generate()
        self._do(
            self.create_key_command(
                account_id,
                by=SYSTEM_ACTOR if account_id else None,
                secret=secret,
                flow_id=flow_id,
                limit=limit,
                expires_at=expires_at,
            )
        )
        account = account_id or self.account_a
        default_flow = flow_id or (self.flow_b if account == self.account_b else self.flow_a)
        return Bot(self._application, key_id(secret.sha256_hex), account, default_flow)

    def _do(self, command: Command) -> None:
        if self._together is None:
            self._application.execute(command)
        else:
            self._together.append(command)

    @contextmanager
    def _all_at_once(self) -> Iterator[None]:
        """Carry out the commands of the block at its end, in their order, in as few transactions as the queue takes."""
        commands: list[Command] = []
        self._together = commands
        try:
            yield
        finally:
            self._together = None
        settled = threading.Semaphore(0)
        pending = [self._application.command_queue.submit(command, settled.release) for command in commands]
        for one in pending:
            assert settled.acquire(timeout=max(0.0, one.until - time.monotonic())), "the store answers in time"
        for one in pending:
            one.answer()


@dataclass(frozen=True)
class Bot:
    """A robot with a key, which sends through one application."""

    application: Application
    key_id: UUID
    account_id: UUID
    flow_id: UUID

    def through(self, application: Application) -> Bot:
        """Return the same bot, sending to another process of the service."""
        return Bot(application, self.key_id, self.account_id, self.flow_id)

    def report_command(
        self,
        *,
        idempotency_key: str | None = None,
        body: str = "body",
        address: str | None = "192.0.2.7",
        refused: tuple[str, Exception] | None = None,
        **fields: Any,
    ) -> SubmitReport:
        """Return the command to report a job. `body` stands for the bytes that were sent."""
        return SubmitReport(
            key_id=self.key_id,
            address=address,
            refused=refused,
            report=None if refused else Report.model_validate(report_body(**{"flow_id": self.flow_id} | fields)),
            idempotency_key=idempotency_key,
            body_digest=hashlib.sha256(body.encode()).hexdigest(),
            new_job_id=new_job_id(),
        )

    def report(self, **kwargs: Any) -> IngestAnswer:
        """Report a job."""
        answer: IngestAnswer = self.application.execute(self.report_command(**kwargs))
        return answer

    def use_command(self, *, address: str | None = "192.0.2.7") -> ReadOwnKey:
        """Return the plainest use of a key: the command to read it."""
        return ReadOwnKey(key_id=self.key_id, address=address)

    def use(self, *, address: str | None = "192.0.2.7") -> IngestAnswer:
        """Read the key, which is one use."""
        answer: IngestAnswer = self.application.execute(self.use_command(address=address))
        return answer
