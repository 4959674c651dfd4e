"""Fills an installation with the demo's tenant, command by command through the command queue, on a clock of its own."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from application.accounts import AddMember, ChangeAccountSettings, ChangeProcess, OpenAccount, RegisterProcess
from application.identity.passwords import generate_password
from application.ingest import IngestAnswer, SubmitReport
from application.keys import CreateKey, DeactivateKey
from domain import key_secret
from domain.account import Account
from domain.errors import ProcessRetiredError
from domain.report import Report
from interfaces.cli.demo.tenant import (
    ACCOUNTS,
    ADMINS,
    BOUGHT_BY_FAX,
    KEYS,
    OTHERS,
    PROCESSES,
    RETIRED_AT,
    TRIAL,
    WITHOUT_ADDRESSES,
    DemoKey,
    DemoPerson,
)
from interfaces.http.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from application.admin import AdminCommand
    from application.caller import AccountCaller
    from domain.rate_limit import Quota
    from interfaces.cli.demo.jobs import DemoJob
    from interfaces.cli.operator_context import OperatorContext

SET_UP_HOUR: Final = 5
"""Hour of the first day at which the demo begins, before its first robot does."""
_REPEATED: Final = 0.006
_INVALID: Final = 0.004
"""Shares of the reports that a robot sends again, and that it gets wrong at first."""


class DemoClock:
    """Tells the demo's time, which never goes back."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the demo's time."""
        return self.now

    def reach(self, time: datetime) -> None:
        """Go on to a time, unless it has passed."""
        self.now = max(self.now, time)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made. secret: kept for the one that is shown."""

    key: DemoKey
    key_id: UUID
    secret: key_secret.KeySecret
    made_at: datetime
    until: datetime | None


class Filling:
    """One run. `people` and `keys` are what it has made; `uses` counts what became of the robots' requests."""

    def __init__(self, context: OperatorContext, clock: DemoClock, random: Random, end: datetime) -> None:
        self._context = context
        self._clock = clock
        self._random = random
        self._begin = clock.now
        self._end = end
        self._actors: dict[str, str] = {}
        self._quotas: dict[UUID, tuple[datetime, Quota]] = {}
        self.people: list[tuple[DemoPerson, str]] = []
        self.keys: list[MadeKey] = []
        self.uses: Counter[str] = Counter()

    def account_id(self, name: str) -> UUID:
        """Return the id of an account of the demo, whether it is there or not."""
        return uuid5(self._context.services.tenant_id, f"demo:{name}")

    def flow_id(self, account: str, process: str) -> UUID:
        """Return the flow id of a process of the demo."""
        return uuid5(self.account_id(account), f"demo:{process}")

    def is_there(self) -> bool:
        """Return whether a demo, or a part of one, has been made here before."""
        find = self._context.services.event_sourcing.find
        return any(find(Account, self.account_id(name)) is not None for name in ACCOUNTS)

    def set_up(self) -> None:
        """Make accounts, people, processes, members, and the keys that there are from the start."""
        for name in ACCOUNTS:
            self._do(OpenAccount(by=self._context.caller(), new_account_id=self.account_id(name), name=name))
        self._do(ChangeAccountSettings(by=self._admin(WITHOUT_ADDRESSES), keep_addresses=False))
        for person in ADMINS.values():
            self._add(person)
        for process in PROCESSES:
            flow_id = self.flow_id(process.account, process.name)
            self._do(RegisterProcess(by=self._admin(process.account), flow_id=flow_id, name=process.name))
        for person in OTHERS:
            self._add(person)
        for key in KEYS:
            if key.made == 0:
                self._make_key(key)

    def run(self, jobs: Iterable[DemoJob], after_each: Callable[[], None]) -> None:
        """Let everything happen in its order: jobs are reported, keys made and ended, a process is retired."""
        changes = sorted(self._changes(), key=lambda change: change[0])
        for job in jobs:
            while changes and changes[0][0] <= job.received_at:
                self._happen(*changes.pop(0))
            self._clock.reach(job.received_at)
            self._report(job)
            after_each()
        for at, change in changes:
            self._happen(at, change)

    def _changes(self) -> Iterable[tuple[datetime, Callable[[], object]]]:
        for key in KEYS:
            if key.made > 0:
                yield self._at(key.made), lambda key=key: self._make_key(key)  # type: ignore[misc]
            if key.ended is not None:
                yield self._at(key.ended), lambda key=key: self._end_key(key)  # type: ignore[misc]
        [fax] = [process for process in PROCESSES if process.name == BOUGHT_BY_FAX]
        flow_id = self.flow_id(fax.account, fax.name)
        yield (
            self._at(RETIRED_AT),
            lambda: self._do(ChangeProcess(by=self._admin(fax.account), flow_id=flow_id, retired=True)),
        )

    def _at(self, part: float) -> datetime:
        return self._begin + (self._end - self._begin) * part

    def _happen(self, at: datetime, change: Callable[[], object]) -> None:
        self._clock.reach(at)
        change()

    def _admin(self, account: str) -> AccountCaller:
        """Return who administers an account; the operator, as long as nobody does."""
        caller = self._context.caller(self.account_id(account))
        return replace(caller, actor=self._actors.get(account, caller.actor))

    def _do(self, command: AdminCommand) -> UUID:
        self._clock.reach(self._clock.now + timedelta(seconds=self._random.uniform(5, 40)))
        return self._context.execute(command)

    def _add(self, person: DemoPerson) -> None:
        users, tenant_id = self._context.services.users, self._context.services.tenant_id
        own_id = uuid5(tenant_id, f"demo:{person.email}")
        user = users.ensure(tenant_id, person.email, person.name, self._clock.now, own_id)
        # No first one: it is printed for whoever looks at the demo, to sign in with as often as they like.
        password = generate_password()
        users.set_password(user.user_id, password)
        homes = {process.name: process.account for process in PROCESSES}
        processes = tuple((self.account_id(homes[name]), self.flow_id(homes[name], name)) for name in person.processes)
        by = self._admin(person.account) if person.account else self._context.caller()
        self._do(AddMember(by=by, user_id=user.user_id, role=person.role, processes=processes))
        self.people.append((person, password))
        if person.account and person == ADMINS[person.account]:
            self._actors[person.account] = str(user.user_id)

    def _make_key(self, key: DemoKey) -> None:
        secret = key_secret.generate()
        expires_at = None if key.expires is None else self._at(key.expires)
        command = CreateKey(
            by=self._admin(key.account),
            secret=secret,
            name=key.name,
            flow_id=self.flow_id(key.account, key.process) if key.process else None,
            expires_at=expires_at,
            limit=key.limit,
        )
        stream = self._do(command)
        until = expires_at if key.ended is None else self._at(key.ended)
        self.keys.append(MadeKey(key, stream, secret, self._clock.now, until))

    def _end_key(self, key: DemoKey) -> None:
        [made] = [made for made in self.keys if made.key == key]
        self._do(DeactivateKey(by=self._admin(key.account), key_id=made.key_id, reason=key.reason))

    def _key_for(self, job: DemoJob) -> MadeKey | None:
        fitting = [
            made
            for made in self.keys
            if made.key.account == job.process.account
            and made.key.used
            and made.key.process in {None, job.process.name}
            and (made.until is None or self._clock.now < made.until)
        ]
        # In the table's order, also when a key was made later.
        return min(fitting, key=lambda made: KEYS.index(made.key), default=None)

    def _report(self, job: DemoJob) -> None:
        key = self._key_for(job)
        switched_off = job.process.name == BOUGHT_BY_FAX and job.received_at > self._at(RETIRED_AT) + timedelta(days=1)
        if key is None or switched_off:
            return
        flow_id = self.flow_id(job.process.account, job.process.name)
        body = {"flow_id": str(flow_id), **job.body}
        report = Report.model_validate(body)
        name = str(job.body["external_id"])
        address = f"192.0.2.{10 + sum(map(ord, job.body['robot_id'])) % 200}"
        if self._random.random() < _INVALID:
            self._send(key, address, name, refused=("invalid-report", ProblemError("invalid-report")))
        # Looking for an earlier job of the same Idempotency-Key takes time, so only those that come again have one.
        if self._random.random() < _REPEATED:
            digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
            self._send(key, address, name, report=report, digest=digest)
            self._send(key, address, name, report=report, digest=digest)
        else:
            self._send(key, address, name, report=report)

    def _send(  # noqa: PLR0913 - what a robot sends
        self,
        key: MadeKey,
        address: str,
        name: str,
        *,
        report: Report | None = None,
        digest: str | None = None,
        refused: tuple[str, Exception] | None = None,
    ) -> None:
        self._keep_to_limit(key.key_id)
        self._clock.reach(self._clock.now + timedelta(milliseconds=self._random.randrange(5, 60)))
        account = self.account_id(key.key.account)
        answer: IngestAnswer = self._context.services.command_queue.execute(
            SubmitReport(
                request_id=uuid5(account, f"{name}:{self.uses.total()}").hex,
                key_id=key.key_id,
                address=address,
                refused=refused,
                report=report,
                idempotency_key=name if digest else None,
                body_digest=digest,
                new_job_id=uuid5(account, f"demo:{name}"),
            )
        ).result
        self._quotas[key.key_id] = (self._clock.now, answer.quota)
        if answer.error is None:
            self.uses["replayed" if answer.replayed else "accepted"] += 1
        elif isinstance(answer.error, ProcessRetiredError) or refused:
            self.uses["rejected"] += 1
        else:
            raise answer.error

    def _keep_to_limit(self, stream: UUID) -> None:
        at, quota = self._quotas.get(stream, (self._begin, None))
        if quota is not None and quota.left == 0:
            self._clock.reach(at + timedelta(seconds=quota.reset_seconds))

    def trial(self) -> MadeKey:
        """Return the key that nobody uses, for whoever looks at the demo to try."""
        [made] = [made for made in self.keys if made.key == TRIAL]
        return made


def first_moment(now: datetime, days: int) -> datetime:
    """Return when a demo of so many days begins."""
    return (now - timedelta(days=days)).astimezone(UTC).replace(hour=SET_UP_HOUR, minute=0, second=0, microsecond=0)
