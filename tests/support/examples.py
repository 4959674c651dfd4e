"""Example values: a report, a cause, a key; and one event of every class, which the golden files hold."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from eventsourcing.utils import resolve_topic

import domain
from domain.account import Account
from domain.api_key import ApiKey
from domain.job import Job
from domain.member import Member
from domain.model import Cause, Event
from domain.permissions import Role
from domain.process import Process
from domain.receipt import Receipt
from domain.report import Counts, Report
from tests.support.clock import NOON

if TYPE_CHECKING:
    from datetime import datetime

TENANT = UUID("00000000-0000-4000-8000-000000000001")
ACCOUNT = UUID("00000000-0000-4000-8000-00000000000a")
FLOW = UUID("00000000-0000-4000-8000-0000000000f1")
KEY = UUID("00000000-0000-4000-8000-0000000000c1")
OLD_KEY = UUID("00000000-0000-4000-8000-0000000000c0")
OTHER_KEY = UUID("00000000-0000-4000-8000-0000000000c2")
JOB = UUID("00000000-0000-4000-8000-0000000000b1")
USER = UUID("00000000-0000-4000-8000-0000000000e1")
COMMAND = UUID("00000000-0000-4000-8000-0000000000d1")
DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def cause(at: datetime = NOON, actor: str = str(USER), *, address: str | None = None) -> Cause:
    """Return a cause."""
    return Cause(at, actor, "request-1", COMMAND, address)


def report_body(**fields: Any) -> dict[str, Any]:
    """Return a report as it is sent, with these fields; without a field that is given as `...`."""
    body = {"flow_id": str(FLOW), "robot_id": "robot-7", "started_at": "2026-03-10T11:55:00Z"} | fields
    return {name: value for name, value in body.items() if value is not ...}


def a_report(**fields: Any) -> Report:
    """Return a report with these fields."""
    return Report.model_validate(report_body(**fields))


def a_key(*, limit: int = 60, expires_at: datetime | None = None, at: datetime = NOON) -> ApiKey:
    """Return a new key."""
    return ApiKey.create(
        cause(at),
        key_id=KEY,
        account_id=ACCOUNT,
        flow_id=None,
        name="Nightly run",
        prefix="AbCdEfGh",
        limit=limit,
        expires_at=expires_at,
    )


def a_job(*, at: datetime = NOON, request_digest: str | None = None, **fields: Any) -> Job:
    """Return a job that was reported at `at`."""
    return Job.report(
        cause(at, str(KEY)), job_id=JOB, account_id=ACCOUNT, report=a_report(**fields), request_digest=request_digest
    )


def event_classes() -> list[type[Event]]:
    """Return every event class of the domain, whichever module it stands in, as the topics lead to them."""
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)
    topics, to_look_at = set(), [Event]
    while to_look_at:
        # The library derives further classes from ours, which have the same topic.
        kind = to_look_at.pop()
        to_look_at += kind.__subclasses__()
        if kind.__module__.startswith("domain.") and hasattr(kind, "TOPIC"):
            topics.add(kind.TOPIC)
    return [resolve_topic(topic) for topic in sorted(topics)]


def _event(kind: type[Event], stream: UUID, version: int, *, actor: str = str(USER), **fields: Any) -> Event:
    head: dict[str, Any] = {
        "originator_id": stream,
        "originator_version": version,
        "request_id": "request-1",
        "command_id": COMMAND,
    }
    return kind(**head, actor=actor, timestamp=NOON + timedelta(seconds=version, microseconds=101_000), **fields)


def example_events() -> list[Event]:
    """Return one event of every class, those of one aggregate as one history in order.

    Every field is filled, but that the address is one that an event may do without: each kind of stream has both.
    """
    process, member = UUID(int=ACCOUNT.int + 0x100), UUID(int=ACCOUNT.int + 0x200)
    receipt = UUID(int=ACCOUNT.int + 0x300)
    key, bot = KEY, str(KEY)
    return [
        _event(Account.Opened, ACCOUNT, 1, originator_topic="account", tenant_id=TENANT, name="Büro Süd"),
        _event(Account.Renamed, ACCOUNT, 2, address="192.0.2.9", name="Office “South” 🤖"),
        _event(Account.SettingsChanged, ACCOUNT, 3, keep_addresses=False),
        _event(Account.Suspended, ACCOUNT, 4, reason="contract ended"),
        _event(Account.Resumed, ACCOUNT, 5),
        _event(
            ApiKey.Created,
            key,
            1,
            originator_topic="api_key",
            account_id=ACCOUNT,
            flow_id=FLOW,
            name="Nightly run",
            prefix="AbCdEfGh",
            limit=60,
            expires_at=NOON + timedelta(days=90),
            rotated_from=OLD_KEY,
        ),
        _event(
            ApiKey.Used,
            key,
            2,
            actor=bot,
            outcome="rejected",
            problem="process-retired",
            job_id=JOB,
            address="2001:db8::7",
        ),
        _event(ApiKey.Throttled, key, 3, actor=bot, address="192.0.2.7"),
        _event(ApiKey.Renamed, key, 4, name="Nightly run, old"),
        _event(ApiKey.RateLimitChanged, key, 5, limit=10),
        _event(ApiKey.ExpirySet, key, 6, expires_at=NOON + timedelta(days=30)),
        _event(ApiKey.Rotated, key, 7, rotated_to=OTHER_KEY, expires_at=NOON + timedelta(days=1)),
        _event(ApiKey.Deactivated, key, 8, address="192.0.2.9", reason="left the company"),
        _event(
            ApiKey.Refused,
            key,
            9,
            actor="system",
            attempts=17,
            last_attempt_at=NOON + timedelta(seconds=8, microseconds=999_999),
            address="192.0.2.8",
        ),
        _event(
            Job.Reported,
            JOB,
            1,
            actor=bot,
            originator_topic="job",
            account_id=ACCOUNT,
            flow_id=FLOW,
            robot_id="robot-7",
            started_at=NOON,
            finished_at=NOON + timedelta(minutes=5, microseconds=1),
            status="partial_success",
            counts=Counts(total=3, success=1, failed=1, skipped=1),
            target="SAP",
            source="mailbox",
            result_summary="1 of 3",
            error_message="line 2: Größe fehlt",
            external_id="INV-1",
            tags=["month-end", "test"],
            data='{"nested":{"null":null,"list":[1,2.5,"x",true]},"large":12345678901234567890}',
            details=[
                {
                    "sequence_no": 1,
                    "status": "success",
                    "record_id": "r1",
                    "record_name": "first",
                    "result": "ok",
                    "error_message": "",
                },
                {"sequence_no": 2, "status": "failed", "error_message": "no size"},
                {"sequence_no": 3, "status": "skipped"},
            ],
            request_digest=DIGEST,
        ),
        _event(
            Member.RoleGranted,
            member,
            1,
            address="192.0.2.9",
            originator_topic="member",
            tenant_id=TENANT,
            account_id=ACCOUNT,
            user_id=USER,
            role=Role.ACCOUNT_USER,
        ),
        _event(Member.ProcessAssigned, member, 2, process_id=process),
        _event(Member.ProcessUnassigned, member, 3, process_id=process),
        _event(Member.RoleRevoked, member, 4, role=Role.ACCOUNT_USER),
        _event(Member.FirstPasswordMade, member, 5),
        _event(
            Process.Registered,
            process,
            1,
            address="192.0.2.9",
            originator_topic="process",
            account_id=ACCOUNT,
            flow_id=FLOW,
            name="Invoices",
        ),
        _event(Process.Renamed, process, 2, name="Incoming invoices"),
        _event(Process.Retired, process, 3),
        _event(Process.Restored, process, 4),
        _event(Receipt.Issued, receipt, 1, originator_topic="receipt", request_digest=DIGEST, resource_id=KEY),
    ]
