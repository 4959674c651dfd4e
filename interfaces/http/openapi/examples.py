"""Examples of requests. A test holds each against its schema, and schemathesis sends the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.report import Report
from interfaces.http.accounts import AccountChange, NewAccount, NewProcess, ProcessChange, Suspension
from interfaces.http.answers.fields import FLOW_ID
from interfaces.http.keys import Deactivation, KeyChange, NewKey, Rotation
from interfaces.http.members import NewMember
from interfaces.http.sign_in import NewPassword, SignIn

if TYPE_CHECKING:
    from pydantic import BaseModel

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
