"""A whole session with the client that openapi-python-client makes. Says each step when it is done.

Run by test_sessions.py in an environment of its own, where the client is: rpa_watch_client.
"""

# ruff: noqa: T201 - it prints the steps

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from rpa_watch_client import AuthenticatedClient, Client
from rpa_watch_client.api.accounts import open_account
from rpa_watch_client.api.audit_log import export_audit, list_audit
from rpa_watch_client.api.documents import explain_problem
from rpa_watch_client.api.ingest import read_own_key, report_job
from rpa_watch_client.api.jobs import list_job_details, list_jobs, read_job
from rpa_watch_client.api.keys import create_key, deactivate_key, list_key_history, list_keys, rotate_key
from rpa_watch_client.api.members import add_member
from rpa_watch_client.api.processes import register_process
from rpa_watch_client.api.proof import read_checkpoint, read_tile
from rpa_watch_client.api.session import sign_in, sign_out
from rpa_watch_client.models import (
    AccountRole,
    AuditActionFilter,
    Detail,
    DetailStatus,
    ExportFormat,
    HistoryKind,
    JobSort,
    JobStatus,
    KeySort,
    KeyStatus,
    NewAccount,
    NewKey,
    NewMember,
    NewProcess,
    Problem,
    ProblemSlug,
    Report,
    ReportData,
    Rotation,
    SignIn,
)
from rpa_watch_client.types import UNSET, File, Response

if TYPE_CHECKING:
    from collections.abc import Callable

URL = os.environ["URL"]
LATER_URL = os.environ["LATER_URL"]
SECONDS_MAX = 20.0
T = TypeVar("T")


def done(answer: Response[T | Problem], status: HTTPStatus = HTTPStatus.OK) -> T:
    """Return what is in a good answer, as the client understood it."""
    assert answer.status_code == status, answer.content
    assert answer.parsed is not None
    assert not isinstance(answer.parsed, Problem)
    return answer.parsed


def refused(answer: Response[T | Problem], status: HTTPStatus, slug: str) -> Problem:
    """Return the problem that was answered."""
    assert answer.status_code == status, answer.content
    assert isinstance(answer.parsed, Problem)
    assert answer.parsed.type_ == f"/problems/{slug}"
    return answer.parsed


def soon(has_come: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS_MAX
    while not has_come():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def robot(secret: str) -> AuthenticatedClient:
    """Return a client that shows a key."""
    return AuthenticatedClient(URL, token=secret, prefix="", auth_header_name="X-API-Key")


nobody = Client(URL)
credentials = SignIn(email=os.environ["EMAIL"], password=os.environ["PASSWORD"])
session = done(sign_in.sync_detailed(client=nobody, body=credentials))
assert session.expires_at > datetime.now(UTC)
wrong = SignIn(email=credentials.email, password="none of theirs")
refused(sign_in.sync_detailed(client=nobody, body=wrong), HTTPStatus.UNAUTHORIZED, "sign-in-failed")
admin = AuthenticatedClient(URL, token=session.token)
print("signs in")

account = done(open_account.sync_detailed(client=admin, body=NewAccount(name="Python")), HTTPStatus.CREATED).id
process = done(
    register_process.sync_detailed(account, client=admin, body=NewProcess(name="Überweisungen")), HTTPStatus.CREATED
)
assert (process.name, process.retired_at) == ("Überweisungen", None)
member = NewMember(email=f"{uuid4()}@example.com", role=AccountRole.ACCOUNT_USER, flow_ids=[process.flow_id])
assert done(add_member.sync_detailed(account, client=admin, body=member), HTTPStatus.CREATED).first_password
print("registers")

wanted = NewKey(name="Bot", flow_id=process.flow_id, limit=5, expires_at=datetime.now(UTC) + timedelta(days=400))
key = done(create_key.sync_detailed(account, client=admin, body=wanted, idempotency_key="first"), HTTPStatus.CREATED)
assert (key.status, key.limit, key.deactivated_at) == (KeyStatus.ACTIVE, 5, None)
assert key.expires_at == wanted.expires_at
bot = robot(key.key)
assert done(read_own_key.sync_detailed(client=bot)).prefix == key.prefix
print("creates a key")

now = datetime.now(UTC)
data = ReportData.from_dict({"queue": "in", "attempt": 2, "ratio": 0.5, "deep": {"list": [1, None]}})
report = Report(
    flow_id=process.flow_id,
    robot_id="robot-7",
    started_at=now - timedelta(minutes=5),
    finished_at=now,
    tags=["month-end"],
    data=data,
    details=[
        Detail(sequence_no=1, status=DetailStatus.SUCCESS, record_id="A-1"),
        Detail(sequence_no=2, status=DetailStatus.FAILED, record_id="A-2", error_message="no such supplier"),
    ],
)
receipt = done(report_job.sync_detailed(client=bot, body=report, idempotency_key="run-1"), HTTPStatus.CREATED)
assert receipt.status == JobStatus.PARTIAL_SUCCESS
assert (receipt.counts.total, receipt.counts.failed, receipt.duration_seconds) == (2, 1, 300.0)
again = report_job.sync_detailed(client=bot, body=report, idempotency_key="run-1")
assert done(again, HTTPStatus.CREATED) == receipt
assert again.headers["Idempotent-Replayed"] == "true"
failed = Report(flow_id=process.flow_id, robot_id="robot-8", started_at=now, error_message="no network")
later = done(report_job.sync_detailed(client=bot, body=failed), HTTPStatus.CREATED)
print("reports")

broken = Report(flow_id=process.flow_id, robot_id="", started_at=now, finished_at=now - timedelta(days=1))
problem = refused(report_job.sync_detailed(client=bot, body=broken), HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-report")
assert sorted(rule.pointer for rule in problem.errors or []) == ["/finished_at", "/robot_id"]
print("is told what is wrong with a report")

answer = report_job.sync_detailed(client=bot, body=report)
refused(answer, HTTPStatus.TOO_MANY_REQUESTS, "rate-limited")
assert int(answer.headers["Retry-After"]) > 0
page = explain_problem.sync_detailed(ProblemSlug.RATE_LIMITED, client=nobody)
assert page.status_code == HTTPStatus.OK
assert b"<h1>" in page.content
print("is told to wait, and why")

soon(lambda: len(done(list_jobs.sync_detailed(account, client=admin)).items) == 2)
found, cursor = [], UNSET
while cursor is not None:
    page = done(list_jobs.sync_detailed(account, client=admin, limit=1, cursor=cursor, sort=JobSort.RECEIVED_AT))
    found += page.items
    cursor = page.next_cursor
assert [job.id for job in found] == [receipt.job_id, later.job_id]
since = done(list_jobs.sync_detailed(account, client=admin, from_=found[1].received_at, to=now + timedelta(days=1)))
assert [job.id for job in since.items] == [later.job_id]
ended = [JobStatus.FAILED, JobStatus.PARTIAL_SUCCESS]
assert len(done(list_jobs.sync_detailed(account, client=admin, status=ended)).items) == len(found)
assert not done(list_jobs.sync_detailed(account, client=admin, status=[JobStatus.SUCCESS])).items
zone = found[1].received_at.astimezone().tzinfo
before = done(list_jobs.sync_detailed(account, client=admin, to=found[1].received_at.astimezone(zone)))
assert [job.id for job in before.items] == [receipt.job_id]
whole = done(read_job.sync_detailed(account, receipt.job_id, client=admin))
assert whole.data is not None
assert whole.data.to_dict() == data.to_dict()
assert (whole.started_at, whole.finished_at) == (report.started_at, report.finished_at)
details = done(list_job_details.sync_detailed(account, receipt.job_id, client=admin, status=[DetailStatus.FAILED]))
assert [detail.record_id for detail in details.items] == ["A-2"]
print("lists jobs")

rotated = done(
    rotate_key.sync_detailed(account, key.id, client=admin, body=Rotation(overlap_seconds=0)), HTTPStatus.CREATED
)
assert rotated.rotated_from == key.id
refused(read_own_key.sync_detailed(client=bot), HTTPStatus.UNAUTHORIZED, "invalid-api-key")
done(read_own_key.sync_detailed(client=robot(rotated.key)))
print("rotates the key")

ended = done(deactivate_key.sync_detailed(account, rotated.id, client=admin))
assert (ended.active, ended.status, ended.deactivation_reason) == (False, KeyStatus.DEACTIVATED, None)
refused(read_own_key.sync_detailed(client=robot(rotated.key)), HTTPStatus.UNAUTHORIZED, "invalid-api-key")
listed = done(list_keys.sync_detailed(account, client=admin, active=False, sort=KeySort.CREATED_AT_DESCENDING))
assert [one.id for one in listed.items] == [rotated.id, key.id]
print("deactivates it")

history = done(list_key_history.sync_detailed(account, key.id, client=admin, kind=HistoryKind.ALL)).items
life = ["api_key.created", "api_key.throttled", "api_key.rotated", "api_key.deactivated"]
assert [item.action for item in history if item.action in life] == life
assert [item.outcome for item in history if item.outcome] == [
    "accepted",
    "accepted",
    "replayed",
    "accepted",
    "rejected",
]
assert history[0].changes["limit"] == [None, 5]
print("reads its history")

me = [str(session.user.id)]
mine = done(list_audit.sync_detailed(account, client=admin, actor=me))
keys_only = done(
    list_audit.sync_detailed(account, client=admin, action=[AuditActionFilter.API_KEY], resource=[key.id], from_=now)
)
assert [item.action for item in keys_only.items if item.action in life] == life[:0:-1]
assert mine.items[-1].resource.id == account
print("lists the audit log")

csv = done(export_audit.sync_detailed(account, client=admin, actor=me))
lines = done(export_audit.sync_detailed(account, client=admin, format_=ExportFormat.JSONL, actor=me))
positions = [json.loads(line)["position"] for line in lines.splitlines()]
assert csv.startswith("position,")
assert len(csv.splitlines()) == len(positions) + 1
assert positions == [item.position for item in reversed(mine.items)]
print("exports it")

soon(lambda: read_tile.sync_detailed("0", "000.p/1", client=admin).status_code == HTTPStatus.OK)
tile = done(read_tile.sync_detailed("0", "000.p/1", client=admin))
assert isinstance(tile, File)
assert len(tile.payload.read()) == 32
assert done(read_checkpoint.sync_detailed(client=admin)).startswith("rpawatch/")
print("reads bytes and text")

[grown] = done(list_audit.sync_detailed(account, client=AuthenticatedClient(LATER_URL, token="any"))).items
assert (grown.action, grown.resource.kind) == ("dream.dreamt", "dream")
print("reads what a later version answers")

assert sign_out.sync_detailed(client=admin).status_code == HTTPStatus.NO_CONTENT
refused(list_jobs.sync_detailed(account, client=admin), HTTPStatus.UNAUTHORIZED, "not-signed-in")
print("signs out")
