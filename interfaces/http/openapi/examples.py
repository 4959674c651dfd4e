"""Examples of requests and answers. A test holds each against its schema, and schemathesis sends the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.report import Report
from interfaces.http.accounts import AccountChange, NewAccount, NewProcess, ProcessChange, Suspension
from interfaces.http.keys import Deactivation, KeyChange, NewKey, Rotation
from interfaces.http.members import NewMember
from interfaces.http.openapi import people_answers
from interfaces.http.openapi import responses as answers
from interfaces.http.openapi.history_answers import HISTORY_ANSWERS, KeyAsOf
from interfaces.http.openapi.job_answers import JOB_ANSWERS
from interfaces.http.openapi.proof_answers import PROOF_ANSWERS
from interfaces.http.sessions import NewPassword, SignIn

if TYPE_CHECKING:
    from pydantic import BaseModel

ACCOUNT_ID = "0b1f6f0e-4a53-4c55-9d43-2f6d3a0c9a11"
USER_ID = "8f14e45f-ceea-467f-a1d6-5f2b3c4d5e6f"
JOB_ID = "3f2b8d1c-6a5e-4f7a-8b9c-0d1e2f3a4b5c"
KEY_ID = "c9f0f895-fb98-5b91-9b2d-7e6a5c4b3d21"
FLOW_ID = "4de713a3-1a07-4282-8885-dfbaa7869a31"
REQUESTS: dict[type[BaseModel], dict[str, dict[str, Any]]] = {
    Report: {
        "A job with three records": {
            "flow_id": FLOW_ID,
            "robot_id": "robot-7",
            "started_at": "2026-03-10T21:43:51Z",
            "finished_at": "2026-03-10T21:48:51Z",
            "target": "SAP",
            "external_id": "UIP-2026-000417",
            "result_summary": "1 of 3 invoices was booked",
            "tags": ["month-end"],
            "data": {"queue": "invoices-in"},
            "details": [
                {"sequence_no": 1, "status": "success", "record_id": "INV-1001", "result": "booked"},
                {"sequence_no": 2, "status": "failed", "record_id": "INV-1002", "error_message": "no such supplier"},
                {"sequence_no": 3, "status": "failed", "record_id": "INV-1003", "error_message": "amount is missing"},
            ],
        },
        "The least that will do": {"flow_id": FLOW_ID, "robot_id": "robot-7", "started_at": "2026-03-10T21:43:51Z"},
    },
    NewKey: {
        "For one process": {"name": "Invoices, nightly", "flow_id": FLOW_ID, "limit": 120},
        "For the account": {"name": "All robots"},
    },
    KeyChange: {
        "A lower limit": {"limit": 10},
        "Name and end": {"name": "Invoices, old", "expires_at": "2027-01-31T18:00:00Z"},
    },
    Rotation: {"A day for the robots to switch": {"overlap_seconds": 86_400}, "At once": {"overlap_seconds": 0}},
    Deactivation: {"With a reason": {"reason": "The robot was retired"}},
    AccountChange: {"Another name": {"name": "Finance and Controlling"}},
    Suspension: {"With a reason": {"reason": "The contract is under review"}},
    NewAccount: {"An account": {"name": "Finance"}},
    NewProcess: {"With the RPA tool's id": {"name": "Invoices", "flow_id": FLOW_ID}},
    ProcessChange: {"Another name": {"name": "Incoming invoices"}, "Retire": {"retired": True}},
    NewMember: {
        "A user with one process": {
            "email": "bob@example.com",
            "role": "account_user",
            "name": "Bob",
            "flow_ids": [FLOW_ID],
        }
    },
    SignIn: {"A user": {"email": "alice@example.com", "password": "four unrelated words, say"}},
    NewPassword: {
        "After a first password": {"new_password": "other unrelated words, say"},
        "Another one": {
            "new_password": "other unrelated words, say",
            "current_password": "four unrelated words, say",
        },
    },
}

_KEY = {
    "id": KEY_ID,
    "account_id": ACCOUNT_ID,
    "name": "Invoices, nightly",
    "prefix": "ExampleE",
    "flow_id": FLOW_ID,
    "limit": 120,
    "created_at": "2026-03-10T20:00:00.000000Z",
    "created_by": USER_ID,
    "last_used_at": None,
    "uses": 0,
    "expires_at": None,
    "active": True,
    "status": "active",
    "deactivated_at": None,
    "deactivated_by": None,
    "deactivation_reason": None,
    "rotated_to": None,
    "rotated_from": None,
    "refusals": 0,
    "refused_at": None,
    "refused_address": None,
}
_ENDED = {
    "active": False,
    "status": "deactivated",
    "deactivated_at": "2026-03-11T08:30:00.000000Z",
    "deactivated_by": USER_ID,
    "deactivation_reason": "The robot was retired",
}
_MEMBER = {
    "user_id": USER_ID,
    "account_id": ACCOUNT_ID,
    "email": "bob@example.com",
    "name": "Bob",
    "roles": ["account_user"],
    "password": "first",
    "first_password_until": "2026-03-17T20:00:00.000000Z",
}
_SESSION = {
    "expires_at": "2026-03-11T09:00:00.000000Z",
    "csrf_token": "q0vXo8mQd4o2X0mGmD6v0o1ZkqCk2l1oY8m1l2bq3dE",
    "password_change_required": False,
    "user": {"id": USER_ID, "email": "alice@example.com", "name": "Alice"},
    "memberships": [{"account_id": ACCOUNT_ID, "account_name": "Finance", "roles": ["account_admin"]}],
}
_ACCOUNT = {"id": ACCOUNT_ID, "name": "Finance", "opened_at": "2026-03-01T08:00:00.000000Z", "suspended_at": None}
_PROCESS = {
    "flow_id": FLOW_ID,
    "account_id": ACCOUNT_ID,
    "name": "Invoices",
    "registered_at": "2026-03-01T08:05:00.000000Z",
    "retired_at": None,
    "last_job": {
        "id": "7b0f2c1e-6a0e-4f8e-9a57-3f0b6a5d8e21",
        "status": "partial_success",
        "received_at": "2026-03-10T21:48:52.101000Z",
    },
}
ANSWERS: dict[type[BaseModel], dict[str, Any]] = {
    answers.JobReceipt: {
        "job_id": JOB_ID,
        "account_id": ACCOUNT_ID,
        "flow_id": FLOW_ID,
        "status": "partial_success",
        "counts": {"total": 3, "success": 1, "failed": 2, "skipped": 0},
        "duration_seconds": 300.0,
        "received_at": "2026-03-10T21:48:52.101000Z",
    },
    answers.OwnKey: {
        "name": "Invoices, nightly",
        "prefix": "ExampleE",
        "account_id": ACCOUNT_ID,
        "account_name": "Finance",
        "flow_id": FLOW_ID,
        "expires_at": None,
        "limit": 120,
    },
    answers.Key: _KEY | _ENDED,
    answers.KeyPage: {"items": [_KEY | _ENDED], "next_cursor": None},
    answers.CreatedKey: _KEY | {"key": "rpakey_ExampleExampleExampleExampleExample000"},
    answers.Account: _ACCOUNT,
    answers.AccountPage: {"items": [_ACCOUNT], "next_cursor": None},
    answers.Process: _PROCESS,
    answers.ProcessPage: {"items": [_PROCESS], "next_cursor": None},
    people_answers.AddedMember: _MEMBER | {"first_password": "kd4vp-7mzqe-w3hna-9ruxt-c8ygs"},
    people_answers.MemberPage: {"items": [_MEMBER], "next_cursor": None},
    people_answers.Session: _SESSION,
    people_answers.NewSession: _SESSION | {"token": "Zm91cnRlZW4gdW5yZWxhdGVkIGJ5dGVzIG9mIGNoYW5jZQ"},
    answers.AuditPage: {
        "items": [
            {
                "position": 4711,
                "at": "2026-03-11T08:30:00.000000Z",
                "actor": USER_ID,
                "actor_name": "Alice",
                "actor_kind": "user",
                "action": "api_key.deactivated",
                "resource": {"kind": "api_key", "id": KEY_ID, "label": "Invoices, nightly (ExampleE)"},
                "address": "192.0.2.7",
                "request_id": "5d0c3a4be3a24ad89ee72b8a4ab9d5a8",
                "version": 1204,
                "changes": {"reason": "The robot was retired"},
            }
        ],
        "next_cursor": None,
    },
    answers.Alive: {"status": "ok"},
    answers.ReadyState: {"status": "ok"},
    **JOB_ANSWERS,
    **PROOF_ANSWERS,
    **HISTORY_ANSWERS,
    KeyAsOf: _KEY | _ENDED | {"as_of": {"version": 1204, "at": "2026-03-11T08:30:00.000000Z"}},
}
