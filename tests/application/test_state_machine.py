"""Guarantee 21: the real application, on a faulty store and a clock that jumps, always equals a small model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from application.keys import CountRefusals
from domain.api_key import ApiKey, KeyStatus
from domain.errors import (
    AlreadyRotatedError,
    IdempotencyKeyReuseError,
    InvalidApiKeyError,
    InvalidInputError,
    KeyEndedError,
    RateLimitedError,
)
from domain.ids import job_id, key_id
from domain.key_secret import generate
from domain.limits import CLOCKS_APART_MAX, RATE_WINDOW
from tests.support.cast import Bot, Cast
from tests.support.clock import NOON, FakeClock
from tests.support.effort import effort
from tests.support.faults import Fault, FaultyRecorder, check_log
from tests.support.running import Application, another_process, application_on

if TYPE_CHECKING:
    from uuid import UUID

    from application.admin import AdminCommand, Outcome
    from application.ingest import IngestAnswer
    from application.store.database import Database

BODIES = st.sampled_from(["one", "other"])
JUMPS = st.one_of(
    st.timedeltas(timedelta(0), timedelta(seconds=30)),
    st.sampled_from([RATE_WINDOW, RATE_WINDOW - timedelta(microseconds=1), timedelta(hours=1)]),
    st.timedeltas(timedelta(seconds=-90), timedelta(0)),
)


@dataclass
class ModelKey:
    """What is to be true of a key."""

    limit: int
    expires_at: datetime | None
    created_at: datetime = NOON
    uses: list[datetime] = field(default_factory=list)
    throttled: list[datetime] = field(default_factory=list)
    deactivated: bool = False
    rotated_to: UUID | None = None
    refusals: int = 0
    last_event_at: datetime = NOON
    counted: list[datetime] = field(default_factory=list)

    def stamp(self, clock: datetime) -> datetime:
        """Time runs backwards in a stream only where a clock was wrong."""
        return clock if clock < self.last_event_at - CLOCKS_APART_MAX else max(clock, self.last_event_at)

    def in_minute(self, at: datetime) -> int:
        """How many uses count at `at`: what is later than that was before it, whatever it says."""
        return sum(min(time, at) > at - RATE_WINDOW for time in self.counted)

    def has_ended(self, clock: datetime) -> bool:
        return self.deactivated or (self.expires_at is not None and self.stamp(clock) >= self.expires_at)

    def would_live_longer(self, until: datetime) -> bool:
        return self.expires_at is not None and until > self.expires_at

    def expected(self, clock: datetime) -> str:
        """Return what a use at this time comes to."""
        at = self.stamp(clock)
        if self.has_ended(clock):
            return "invalid"
        return "throttled" if self.in_minute(at) >= self.limit else "let in"

    def use(self, clock: datetime) -> None:
        at = self.last_event_at = self.stamp(clock)
        self.uses.append(at)
        self.counted = [min(time, at) for time in self.counted if time > at - RATE_WINDOW] + [at]

    def throttle(self, clock: datetime) -> None:
        at = self.stamp(clock)
        recorded = self.throttled and timedelta(0) <= at - self.throttled[-1] < RATE_WINDOW
        if not recorded or any(time > at for time in self.counted):
            self.throttled.append(at)
            self.last_event_at = at
            self.counted = [min(time, at) for time in self.counted]


class Machine(RuleBasedStateMachine):
    """Two processes on one database; the first one's store is faulty."""

    database: Database
    database_url: str
    bots = Bundle("bots")

    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock()
        self.near: Application = application_on(self.database, self.clock)
        self.cast = Cast(self.near)
        self.recorder = FaultyRecorder.under(self.near)
        self._other = another_process(self.database_url, self.clock)
        self.far: Application = self._other.__enter__()
        self.first_position = self.near.position()
        self.keys: dict[UUID, ModelKey] = {}
        self.jobs: dict[str, str] = {}
        self.reported: Counter[UUID] = Counter()

    def teardown(self) -> None:
        if hasattr(self, "_other"):
            self._other.__exit__(None, None, None)

    @rule(by=JUMPS)
    def let_time_pass_or_set_the_clock(self, by: timedelta) -> None:
        self.clock.advance(by)

    @rule(faults=st.lists(st.sampled_from([None, *Fault]), min_size=1, max_size=3))
    def let_the_next_replies_be_lost(self, faults: list[Fault | None]) -> None:
        self.recorder.faults.extend(faults)

    @rule(target=bots, limit=st.integers(1, 3), expires_in=st.none() | st.integers(1, 7200))
    def create_a_key(self, limit: int, expires_in: int | None) -> Bot:
        expires_at = expires_in and self.clock.now + timedelta(seconds=expires_in)
        bot = self.cast.bot(limit=limit, expires_at=expires_at or None)
        self.keys[bot.key_id] = ModelKey(
            limit, expires_at or None, created_at=self.clock.now, last_event_at=self.clock.now
        )
        return bot

    def _answer(self, bot: Bot, answer: IngestAnswer | None) -> bool:
        """Compare an answer with the model and carry the use out there; return whether the key was let in."""
        key = self.keys[bot.key_id]
        expected = key.expected(self.clock.now)
        if answer is None:
            assert expected == "invalid"
        elif isinstance(answer.error, RateLimitedError):
            assert expected == "throttled"
            assert answer.quota.left == 0
            key.throttle(self.clock.now)
        else:
            assert expected == "let in"
            key.use(self.clock.now)
            assert answer.quota.left == key.limit - key.in_minute(key.uses[-1])
        return expected == "let in"

    @rule(bot=bots, far=st.booleans())
    def use(self, bot: Bot, far: bool) -> None:
        try:
            answer = bot.through(self.far if far else self.near).use()
        except InvalidApiKeyError:
            self._answer(bot, None)
        else:
            self._answer(bot, answer)

    @rule(bot=bots, far=st.booleans())
    def report(self, bot: Bot, far: bool) -> None:
        try:
            answer = bot.through(self.far if far else self.near).report()
        except InvalidApiKeyError:
            self._answer(bot, None)
            return
        if self._answer(bot, answer):
            assert answer.job is not None
            self.reported[answer.job.id] += 1

    @rule(bot=bots, far=st.booleans(), name=st.sampled_from(["order-1", "order-2"]), body=BODIES)
    def report_with_an_idempotency_key(self, bot: Bot, far: bool, name: str, body: str) -> None:
        try:
            answer = bot.through(self.far if far else self.near).report(idempotency_key=name, body=body)
        except InvalidApiKeyError:
            self._answer(bot, None)
            return
        if not self._answer(bot, answer):
            return
        first_body = self.jobs.setdefault(name, body)
        if first_body != body:
            assert isinstance(answer.error, IdempotencyKeyReuseError)
            return
        assert answer.job is not None
        assert answer.job.id == job_id(self.cast.account_a, name)
        assert answer.replayed is bool(self.reported[answer.job.id])
        self.reported[answer.job.id] = 1

    @rule(bot=bots, far=st.booleans())
    def deactivate(self, bot: Bot, far: bool) -> None:
        (self.far if far else self.near).execute(self.cast.deactivate_key_command(bot.key_id))
        self.keys[bot.key_id].deactivated = True

    def _admin(self, far: bool, command: AdminCommand) -> str | UUID:
        """Carry out a command of Alice; return what it made or changed, or how it was refused."""
        try:
            outcome: Outcome = (self.far if far else self.near).execute(command)
        except (KeyEndedError, AlreadyRotatedError, InvalidInputError) as refusal:
            return type(refusal).__name__
        return outcome.resource_id

    @rule(bot=bots, far=st.booleans(), limit=st.integers(1, 5))
    def change_the_limit(self, bot: Bot, far: bool, limit: int) -> None:
        key = self.keys[bot.key_id]
        ended = key.has_ended(self.clock.now)
        done = self._admin(far, self.cast.change_key_command(bot.key_id, limit=limit))
        assert done == ("KeyEndedError" if ended else bot.key_id)
        if not ended and limit != key.limit:
            key.last_event_at = key.stamp(self.clock.now)
            key.limit = limit

    @rule(bot=bots, far=st.booleans(), seconds=st.integers(0, 7200))
    def bring_the_end_forward(self, bot: Bot, far: bool, seconds: int) -> None:
        key, until = self.keys[bot.key_id], self.clock.now + timedelta(seconds=seconds)
        done = self._admin(far, self.cast.change_key_command(bot.key_id, expires_at=until))
        if key.has_ended(self.clock.now):
            assert done == "KeyEndedError"
        elif until <= key.stamp(self.clock.now) or key.would_live_longer(until):
            assert done == "InvalidInputError"
        else:
            assert done == bot.key_id
            if until != key.expires_at:
                key.last_event_at = key.stamp(self.clock.now)
                key.expires_at = until

    @rule(target=bots, bot=bots, far=st.booleans(), seconds=st.sampled_from([0, 1, 600]))
    def rotate(self, bot: Bot, far: bool, seconds: int) -> Bot:
        secret, old = generate(), self.keys[bot.key_id]
        at, overlap = old.stamp(self.clock.now), timedelta(seconds=seconds)
        done = self._admin(far, self.cast.rotate_key_command(bot.key_id, secret=secret, overlap=overlap))
        if old.rotated_to is not None:
            assert done == "AlreadyRotatedError"
            return bot
        if old.has_ended(self.clock.now) or old.would_live_longer(at + overlap):
            assert done == ("KeyEndedError" if old.has_ended(self.clock.now) else "InvalidInputError")
            return bot
        assert done == key_id(secret.sha256_hex)
        new = key_id(secret.sha256_hex)
        expires_at = None if old.expires_at is None else at + (old.expires_at - old.created_at)
        self.keys[new] = ModelKey(old.limit, expires_at, created_at=at, last_event_at=at)
        old.rotated_to, old.last_event_at = new, at
        if seconds:
            old.expires_at = at + overlap
        else:
            old.deactivated = True
        return Bot(self.near, new, bot.account_id, bot.flow_id)

    @rule(bot=bots, far=st.booleans(), attempts=st.integers(1, 5))
    def count_attempts(self, bot: Bot, far: bool, attempts: int) -> None:
        key = self.keys[bot.key_id]
        ended = key.has_ended(self.clock.now)
        command = CountRefusals(
            key_id=bot.key_id, attempts=attempts, last_attempt_at=self.clock.now, address="192.0.2.7"
        )
        (self.far if far else self.near).execute(command)
        if ended:
            key.refusals += attempts
            key.last_event_at = key.stamp(self.clock.now)

    @rule(bot=consumes(bots))
    def forget_a_key_that_is_not_used_any_more(self, bot: Bot) -> None:
        assert bot.key_id in self.keys

    @precondition(lambda self: bool(getattr(self, "keys", None)))
    @invariant()
    def the_log_equals_the_model(self) -> None:
        self.recorder.arrive()
        for id_, model in self.keys.items():
            key = self.near.event_sourcing.find(ApiKey, id_)
            assert key is not None
            events = self.near.events(id_)
            assert [event.timestamp for event in events if isinstance(event, ApiKey.Used)] == model.uses
            assert [event.timestamp for event in events if isinstance(event, ApiKey.Throttled)] == model.throttled
            assert (key.uses, key.deactivated_at is not None) == (len(model.uses), model.deactivated)
            assert (key.limit, key.expires_at, key.rotated_to) == (model.limit, model.expires_at, model.rotated_to)
            assert key.refusals == model.refusals
            assert key.is_active(key.stamp(self.clock.now)) is not model.has_ended(self.clock.now)
            assert (key.status(self.clock.now) == KeyStatus.DEACTIVATED) is model.deactivated
        rows = self.near.log_after(self.first_position)
        check_log(rows)
        assert Counter(row.originator_id for row in rows if row.topic == "job.reported") == self.reported


def test_the_application_always_equals_a_small_model(database: Database, database_url: str) -> None:
    class MachineOnThisDatabase(Machine):
        pass

    MachineOnThisDatabase.database, MachineOnThisDatabase.database_url = database, database_url
    run_state_machine_as_test(
        MachineOnThisDatabase,
        settings=settings(
            max_examples=effort(12, 400), stateful_step_count=effort(25, 50), deadline=None, print_blob=True
        ),
    )
