"""Made-up histories: accounts, processes, members and keys to which one thing after another happens."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from domain.account import Account
from domain.api_key import ApiKey
from domain.errors import DomainError
from domain.job import Job
from domain.member import Member
from domain.model import Cause, Event
from domain.permissions import ACCOUNT_ROLES
from domain.process import Process
from domain.receipt import Receipt
from domain.report import DetailStatus, JobStatus, Report
from tests.support.clock import NOON
from tests.support.examples import report_body

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from domain.model import Aggregate

TENANT = UUID("00000000-0000-4000-8000-000000000001")


class Histories:
    """Draws what happens next. All aggregates are of one tenant."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._accounts: list[Account] = []
        self._processes: list[Process] = []
        self._members: list[Member] = []
        self._keys: list[ApiKey] = []
        self._happened = 0

    def events(self, count: int) -> Iterator[Event]:
        """Give the next events, at least `count` and no more than a few over."""
        given = 0
        while given < count:
            for event in events_of(self._step()):
                given += 1
                yield event

    def batches(self, count: int, batch_max: int) -> Iterator[list[Event]]:
        """Give the next events in batches of 1 to `batch_max`."""
        batch: list[Event] = []
        size = 1
        for event in self.events(count):
            batch.append(event)
            if len(batch) >= size:
                yield batch
                batch, size = [], self._chance.randint(1, batch_max)
        if batch:
            yield batch

    def _step(self) -> Aggregate:
        self._happened += 1
        steps = [
            self._change_account,
            self._change_process,
            self._change_member,
            self._change_key,
            self._change_key,
            self._report_job,
        ]
        if not self._members or not self._keys or self._chance.random() < 0.2:
            steps = [self._open_account, self._register, self._add_member, self._create_key]
        if not self._accounts:
            steps = [self._open_account]
        elif not self._processes:
            steps = [self._register]
        return self._chance.choice(steps)()

    def _cause(self) -> Cause:
        return Cause(NOON + timedelta(milliseconds=self._happened), "system", "request-1", uuid4())

    def _name(self) -> str:
        return f"{self._chance.choice(['Invoices', 'büro', 'Ärzte', 'zebra', '请'])} {self._chance.randrange(1000)}"

    def _open_account(self) -> Account:
        self._accounts.append(Account.open(self._cause(), account_id=uuid4(), tenant_id=TENANT, name=self._name()))
        return self._accounts[-1]

    def _register(self) -> Process:
        account = self._chance.choice(self._accounts).id
        self._processes.append(Process.register(self._cause(), account_id=account, flow_id=uuid4(), name=self._name()))
        return self._processes[-1]

    def _add_member(self) -> Member:
        account = self._chance.choice(self._accounts).id
        role = self._chance.choice(sorted(ACCOUNT_ROLES))
        self._members.append(
            Member.add(self._cause(), tenant_id=TENANT, account_id=account, user_id=uuid4(), role=role)
        )
        return self._members[-1]

    def _create_key(self) -> ApiKey:
        account = self._chance.choice(self._accounts).id
        self._keys.append(a_key_of(account, self._name(), self._cause(), limit=self._chance.randrange(1, 20)))
        return self._keys[-1]

    def _change_key(self) -> ApiKey:
        key = self._chance.choice(self._keys)
        with suppress(DomainError):
            happen_to(key, self._cause(), self._chance)
        return key

    def _report_job(self) -> Job:
        key = self._chance.choice(self._keys)
        happened = self._cause()
        by_key = Cause(happened.at, str(key.id), happened.request_id, happened.command_id)
        return a_job_of(key.account_id, uuid4(), by_key, self._chance)

    def _change_account(self) -> Account:
        account = self._chance.choice(self._accounts)
        if self._chance.random() < 0.5:
            account.rename(self._cause(), self._name())
        else:
            account.change_settings(self._cause(), keep_addresses=not account.keep_addresses)
        return account

    def _change_process(self) -> Process:
        process = self._chance.choice(self._processes)
        if self._chance.random() < 0.5:
            process.rename(self._cause(), self._name())
        elif process.retired_at is None:
            process.retire(self._cause())
        else:
            process.restore(self._cause())
        return process

    def _change_member(self) -> Member:
        member = self._chance.choice(self._members)
        role = self._chance.choice(sorted(ACCOUNT_ROLES))
        process = self._chance.choice(self._processes).id
        happens = self._chance.randrange(4)
        if happens == 0:
            member.grant(self._cause(), role)
        elif happens == 1:
            member.revoke(self._cause(), role)
        elif happens == 2:
            member.assign(self._cause(), process)
        else:
            member.unassign(self._cause(), process)
        return member


def events_of(aggregate: Aggregate) -> list[Event]:
    """Return what has happened to it and was not asked for before."""
    return [event for event in aggregate.collect_events() if isinstance(event, Event)]


def named(event: Event, name: str) -> Event:
    """Return the event with a name that the domain lets nobody give today; a log may have it all the same."""
    return event.model_copy(update={"name": name})


def a_key_of(account_id: UUID, name: str, cause: Cause, *, limit: int = 60) -> ApiKey:
    """Return a new key of an account."""
    return ApiKey.create(
        cause,
        key_id=uuid4(),
        account_id=account_id,
        flow_id=uuid4(),
        name=name,
        prefix="AbCdEfGh",
        limit=limit,
        expires_at=None,
    )


def a_job_of(account_id: UUID, flow_id: UUID, cause: Cause, chance: random.Random, **fields: Any) -> Job:
    """Return a job with this and that. Its details are in no order."""
    numbers = chance.sample(range(1_000), chance.choice([0, 0, 1, 3, 3, 3, 250]))
    details = [
        {
            "sequence_no": number,
            "status": chance.choice(list(DetailStatus)),
            "record_id": chance.choice([None, f"INV-{chance.randrange(50)}", "Größe 7"]),
            "error_message": chance.choice([None, 'x"\\\n🤖']),
        }
        for number in numbers
    ]
    drawn = {
        "status": chance.choice([None, *JobStatus]),
        "external_id": chance.choice([None, f"UIP/{chance.randrange(50)}"]),
        "result_summary": chance.choice([None, f"{chance.randrange(9)} Rechnungen (gebucht)"]),
        "tags": chance.choice([None, [], ["month-end", "Büro"]]),
        "data": chance.choice([None, {}, {"large": 10**30, "nested": {"null": None, "list": [1.5, "é"]}}]),
        "details": chance.choice([None, details]),
    }
    body = report_body(flow_id=str(flow_id), **drawn | fields)
    return Job.report(cause, job_id=uuid4(), account_id=account_id, report=Report.model_validate(body))


def happen_to(key: ApiKey, cause: Cause, chance: random.Random) -> None:
    """Let something happen to a key. Raises DomainError where a rule is against it, which changes nothing."""
    happens = chance.randrange(12)
    if happens == 0:
        key.throttle(cause)
    elif happens == 1:
        key.change(cause, name=f"Key {chance.randrange(100)}")
    elif happens == 2:
        key.change(cause, limit=chance.randrange(1, 100))
    elif happens == 3:
        key.change(cause, expires_at=cause.at + timedelta(seconds=chance.randrange(1, 100)))
    elif happens == 4:
        key.rotate(cause, uuid4(), timedelta(seconds=chance.choice([0, 1, 3600])))
    elif happens == 5:
        key.deactivate(cause, chance.choice([None, "Laptop was lost"]))
    elif happens in {6, 7}:
        last_attempt_at = cause.at - timedelta(seconds=chance.randrange(10))
        address = chance.choice([None, "192.0.2.7", "2001:db8::7"])
        key.count_refusals(cause, attempts=chance.randrange(1, 9), last_attempt_at=last_attempt_at, address=address)
    else:
        key.use(cause, "accepted")


def receipts(count: int) -> list[Event]:
    """Return events that no list is made of."""
    cause = Cause(NOON, "system", "request-1", uuid4())
    issued = [
        Receipt.issue(cause, receipt_id=uuid4(), request_digest="0" * 64, resource_id=uuid4()) for _ in range(count)
    ]
    return [event for receipt in issued for event in events_of(receipt)]
