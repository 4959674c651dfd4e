"""What the models that check requests can't say of themselves: words for people, and rules that are code."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from domain import limits
from domain.names import LINES_PATTERN, NAME_PATTERN
from domain.report import DetailStatus, JobStatus, Report
from interfaces.http.accounts import AccountChange, NewAccount, NewProcess, ProcessChange, Suspension
from interfaces.http.keys import Deactivation, KeyChange, NewKey, Rotation
from interfaces.http.members import NewMember
from interfaces.http.sign_in import NewPassword, SignIn

_TIME = {"pattern": "^(19[7-9][0-9]|2[01][0-9]{2})-"}
_NAME = {"pattern": NAME_PATTERN}
_LINES = {"pattern": LINES_PATTERN}
_EMAIL = {"pattern": r"""^[^@\s\x00-\x1F\x7F\x85,;:<>()\[\]\\"]{1,64}@[^@\s\x00-\x1F\x7F\x85,;:<>()\[\]\\"]+$"""}


@dataclass(frozen=True)
class Words:
    """description: of a field. rules: JSON Schema that its type does not give. name: of one of named.SCHEMAS."""

    description: str
    rules: dict[str, Any] = field(default_factory=dict)
    name: str | None = None


DESCRIPTIONS: dict[str, str] = {
    Report.__name__: (
        "A whole job. Unknown fields are refused by name: `data` is the place for your own. Optional fields may be null"
        " or left out. No string may hold NUL or half of a surrogate pair."
    ),
    "Detail": "One record that the job worked on.",
    NewKey.__name__: "An API key to be made.",
    Deactivation.__name__: "Why a key ends.",
    NewAccount.__name__: "An account to be opened.",
    NewProcess.__name__: "A process to be registered.",
    ProcessChange.__name__: "What is to change; what is left out or null stays.",
    NewMember.__name__: "A role to be given. Who has none in the account yet becomes a member.",
    SignIn.__name__: "Who signs in.",
    NewPassword.__name__: "A password to take the place of the current one.",
}
"""By the name of the schema, where the docstring is for those who read the code."""

FIELDS: dict[str, dict[str, Words]] = {
    Report.__name__: {
        "flow_id": Words("The process: one of the key's account, and the key's own when it is for one process."),
        "robot_id": Words("The machine that ran the job. Not blank."),
        "started_at": Words("With a time zone, from 1970 to 2199, as in `2026-03-10T21:43:51Z`.", _TIME),
        "finished_at": Words(
            "Not before started_at; in whole seconds, not before the second of it. When it is left out, the time of"
            " receipt.",
            _TIME,
        ),
        "status": Words(
            "In any case. Without it computed from the details: all that were not skipped succeeded, `success`; all"
            " failed, `failed`; else `partial_success`. Without details: `failed` when there is an"
            " error_message, else `success`.",
            name=JobStatus.__name__,
        ),
        "target": Words("What the job worked on, such as an application."),
        "source": Words("Where its input came from."),
        "result_summary": Words("For people, in a line or two."),
        "error_message": Words("Why it failed."),
        "external_id": Words("The job's id in the RPA tool."),
        "tags": Words("Labels to find it by. Not blank."),
        "data": Words(
            "Your own fields, kept as sent, with all digits of a number: up to"
            f" {limits.DATA_BYTES_MAX} bytes as compact JSON.",
            name="ReportData",
        ),
        "details": Words(
            f"The records, with a sequence_no each that no other has. More than {limits.DETAILS_MAX} are a 413:"
            " report several jobs then."
        ),
    },
    "Detail": {
        "sequence_no": Words("The place of the record in the job; unique in it. 60.0 will do for 60."),
        "status": Words("In any case: `SUCCESS` will do too.", name=DetailStatus.__name__),
        "record_id": Words("The record's id in the system that it is from."),
        "record_name": Words("What people call the record."),
        "result": Words("What came out."),
        "error_message": Words("Why it failed."),
    },
    NewKey.__name__: {
        "name": Words("For people: one line, not blank; spaces around it are cut off.", _NAME),
        "flow_id": Words("The one process that the key is for. Left out: every process of the account."),
        "expires_at": Words("The instant from which the key is refused: in the future. Left out: never.", _TIME),
        "limit": Words(f"Requests in any 60 seconds; {limits.RATE_LIMIT_DEFAULT} when it is left out."),
    },
    KeyChange.__name__: {
        "name": Words("Another name. Left out: as it is.", _NAME),
        "limit": Words("Requests in any 60 seconds, from the next one on; those before it count. Left out: as it is."),
        "expires_at": Words("In the future, and not later than it is. Left out: as it is.", _TIME),
    },
    Rotation.__name__: {
        "overlap_seconds": Words(
            "For how long the old key still works, up to a week; not beyond its own expiry. With 0 it ends with this"
            f" answer; left out, after {limits.ROTATION_OVERLAP_DEFAULT // timedelta(hours=1)} hours."
        ),
        "expires_at": Words("Of the new key. Left out: it lives as long as the old one was made for.", _TIME),
    },
    Deactivation.__name__: {"reason": Words("For those who ask later: text, of one line or several.", _LINES)},
    AccountChange.__name__: {"name": Words("Another name. Left out: as it is.", _NAME)},
    Suspension.__name__: {"reason": Words("For those who ask later: text, of one line or several.", _LINES)},
    NewAccount.__name__: {"name": Words("One line, not blank; spaces around it are cut off.", _NAME)},
    NewProcess.__name__: {
        "name": Words("One line, not blank; spaces around it are cut off.", _NAME),
        "flow_id": Words("When the RPA tool has an id for it. Left out: one is made."),
    },
    ProcessChange.__name__: {
        "name": Words("One line, not blank; spaces around it are cut off.", _NAME),
        "retired": Words("true: it takes no more jobs. false: it takes jobs again."),
    },
    NewMember.__name__: {
        "email": Words("What they sign in with.", _EMAIL),
        "role": Words("What they are in this account.", name="AccountRole"),
        "name": Words("Of who is new to the account; who was there before keeps theirs.", _NAME),
        "flow_ids": Words("Processes of the account that an account_user is to see."),
    },
    SignIn.__name__: {
        "email": Words("The address of the user; upper and lower case are the same."),
        "password": Words("Their password."),
        "account_id": Words(
            "An address may be known in several accounts, as different users. Where the password opens several of them,"
            " the one whom this account vouched for is signed in; else the tenant's; else who signed in last."
        ),
    },
    NewPassword.__name__: {
        "new_password": Words(
            f"{limits.PASSWORD_CHARS_MIN} to {limits.PASSWORD_CHARS_MAX} characters, not easily guessed, and another"
            " one than before."
        ),
        "current_password": Words("Required, except in a session that a first password began."),
    },
}
"""By the name of the schema and the field. Every field of every request stands here; a test sees to it."""
