"""What a bot asks with its key: report a job, or look at the key itself. Each is one use, decided with the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from application.unit_of_work import Command
from domain.account import Account
from domain.api_key import ApiKey
from domain.errors import (
    AccountSuspendedError,
    DomainError,
    InvalidApiKeyError,
    KeyScopeError,
    ProcessNotFoundError,
    RateLimitedError,
)
from domain.ids import job_id, process_id, random_id
from domain.job import Job
from domain.process import Process

if TYPE_CHECKING:
    from uuid import UUID

    from application.unit_of_work import UnitOfWork
    from domain.rate_limit import Quota
    from domain.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class UseKey(Command):
    """A request with a well-formed key.

    key_id: where the key leads (ids.key_id).
    request_id: as the log line names it.
    address: of the client, or None.
    refused: why the request is refused whatever it asks for (the body is not JSON, breaks a rule, …) with the slug that
    goes into the log; the refusal is told only to a key that gets in.
    """

    key_id: UUID
    request_id: str = "-"
    address: str | None = None
    refused: tuple[str, Exception] | None = None

    @property
    def actor(self) -> str:
        return str(self.key_id)

    @property
    def main_stream(self) -> UUID:
        return self.key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAdmission(UseKey):
    """Ask whether a request may use the key now: where that is doubtful, before its body is looked at. It is no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitReport(UseKey):
    """Report a whole job. body_digest: SHA-256 of the body, hexadecimal.

    Of report, staged (the event of a large one, which is in the store already) and refused, one is given.
    new_job_id: the job's id when there is no Idempotency-Key; made once, so that a second try meets the first.
    """

    report: Report | None = None
    staged: Job.Reported | None = None
    idempotency_key: str | None = None
    body_digest: str | None = None
    new_job_id: UUID

    @property
    def goes_alone(self) -> bool:
        """A large one does: those that wait should not wait for it."""
        return self.staged is not None

    def job_id_in(self, account_id: UUID) -> UUID:
        """Return the id that its job has, in the account of the key."""
        return self.new_job_id if self.idempotency_key is None else job_id(account_id, self.idempotency_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOwnKey(UseKey):
    """Ask what a bot may know of its own key."""


@dataclass(frozen=True, slots=True)
class KeyView:
    """What a bot may know of its own key."""

    key: ApiKey
    account_name: str


@dataclass(frozen=True, slots=True)
class IngestAnswer:
    """The answer to a key that was let in, or throttled.

    quota: what is left of its limit. Exactly one of the others is given: the job (and whether it had been reported
    before), the view of the key, or the error.
    """

    quota: Quota
    job: Job | None = None
    replayed: bool = False
    key: KeyView | None = None
    error: Exception | None = None


def new_job_id() -> UUID:
    """Return the id of a job that is reported without an Idempotency-Key."""
    return random_id()


def request_admission(work: UnitOfWork, command: RequestAdmission) -> IngestAnswer | None:
    """Return None when the request may go on, or the refusal for the limit. Raises what submit_report raises."""
    key, address = _key_and_address(work, command)
    return _throttled(work, key, address)


def submit_report(work: UnitOfWork, command: SubmitReport) -> IngestAnswer:
    """Decide a report: the key, its limit, the body, the scope, the process, and whether it was reported before.

    Raises InvalidApiKeyError for a key that is unknown, deactivated or expired; nothing is recorded then.
    """
    key, address = _key_and_address(work, command)
    if (turned_away := _turned_away(work, command, key, address)) is not None:
        return turned_away
    try:
        job, replayed = _take_in(work, command, key)
    except DomainError as error:
        return _rejected(work, key, address, error.slug, error)
    key.use(work.cause, "replayed" if replayed else "accepted", job_id=job.id, address=address)
    return IngestAnswer(key.quota(work.now), job=job, replayed=replayed)


def read_own_key(work: UnitOfWork, command: ReadOwnKey) -> IngestAnswer:
    """Decide a look at the key itself. Raises what submit_report raises."""
    key, address = _key_and_address(work, command)
    if (turned_away := _turned_away(work, command, key, address)) is not None:
        return turned_away
    account = work.get(Account, key.account_id)
    key.use(work.cause, "accepted", address=address)
    return IngestAnswer(key.quota(work.now), key=KeyView(key, account.name))


def _key_and_address(work: UnitOfWork, command: UseKey) -> tuple[ApiKey, str | None]:
    key = work.find(ApiKey, command.key_id)
    if key is None:
        raise InvalidApiKeyError
    account = work.get(Account, key.account_id)
    return key, account.address_to_keep(command.address)


def _throttled(work: UnitOfWork, key: ApiKey, address: str | None) -> IngestAnswer | None:
    try:
        key.admit(work.now)
    except RateLimitedError as error:
        key.throttle(work.cause, address)
        return IngestAnswer(error.quota, error=error)
    return None


def _turned_away(work: UnitOfWork, command: UseKey, key: ApiKey, address: str | None) -> IngestAnswer | None:
    """Return the answer to a request that is refused whatever it asks for: the limit, the account, the body."""
    if (throttled := _throttled(work, key, address)) is not None:
        return throttled
    try:
        work.get(Account, key.account_id).check_not_suspended()
    except AccountSuspendedError as error:
        return _rejected(work, key, address, error.slug, error)
    return _rejected(work, key, address, *command.refused) if command.refused else None


def _rejected(work: UnitOfWork, key: ApiKey, address: str | None, slug: str, error: Exception) -> IngestAnswer:
    key.use(work.cause, "rejected", problem=slug, address=address)
    return IngestAnswer(key.quota(work.now), error=error)


def _take_in(work: UnitOfWork, command: SubmitReport, key: ApiKey) -> tuple[Job, bool]:
    report = command.report or command.staged
    if report is None:
        raise ValueError("a report or the reason why there is none")
    process = work.find(Process, process_id(key.account_id, report.flow_id))
    if process is None:
        raise ProcessNotFoundError
    if key.flow_id is not None and key.flow_id != report.flow_id:
        raise KeyScopeError
    if command.idempotency_key is not None:
        known = work.find(Job, command.job_id_in(key.account_id))
        if known is not None:
            known.check_same_request(command.body_digest)
            return known, True
    process.check_takes_jobs()
    return work.begin(_begin_job(work, command, key)), False


def _begin_job(work: UnitOfWork, command: SubmitReport, key: ApiKey) -> Job:
    if command.report is None and command.staged is not None:
        if command.staged.account_id != key.account_id:
            raise ValueError("the staged event is of another account")
        return Job.report_staged(command.staged)
    if command.report is None:
        raise ValueError("a report or the reason why there is none")
    return Job.report(
        command.cause(key.stamp(work.now)),
        job_id=command.job_id_in(key.account_id),
        account_id=key.account_id,
        report=command.report,
        request_digest=command.body_digest if command.idempotency_key is not None else None,
    )
