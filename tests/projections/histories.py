"""Made-up histories: accounts, processes and members to which one thing after another happens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from domain.account import Account
from domain.api_key import ApiKey
from domain.member import Member
from domain.model import Cause, Event
from domain.permissions import ACCOUNT_ROLES
from domain.process import Process
from tests.support.clock import NOON

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
        steps = [self._change_account, self._change_process, self._change_member]
        if not self._members or self._chance.random() < 0.2:
            steps = [self._open_account, self._register, self._add_member]
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


def uses(count: int) -> list[Event]:
    """Return a key's creation and `count` - 1 uses of it: events that no list of today is made of."""
    cause = Cause(NOON, "system", "request-1", uuid4())
    key = ApiKey.create(
        cause,
        key_id=uuid4(),
        account_id=uuid4(),
        flow_id=None,
        name="Nightly run",
        prefix="AbCdEfGh",
        limit=10_000,
        expires_at=None,
    )
    for second in range(1, count):
        key.use(Cause(NOON + timedelta(seconds=second), str(key.id), "request-1", uuid4()), "accepted")
    return events_of(key)
